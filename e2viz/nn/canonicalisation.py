"""A small equivariant network that says how a picture stands, so that a classifier can be given it set upright.

Source: Kaba, Mondal, Zhang, Bengio & Ravanbakhsh 2023, *Equivariance with Learned Canonicalization Functions*, for a
group C_n or D_n. What differs: group convolutions serve the exact elements alone, and see the picture once more for
each turn in between.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from e2viz.groups import Group
from e2viz.images.resample import resampling_matrix
from e2viz.nn.group_convolution import GroupConvolution, LiftingConvolution
from e2viz.nn.probe import Probe
from e2viz.nn.views import group_views

WORKING_SIZE = 28
KERNEL = 5
SIDES = (24, 8, 4)  # of the planes: after lifting; pooled and convolved; pooled, which the last filter covers


def exact_part(group: Group) -> Group:
    """The elements that move the pixel grid onto itself: C_1, C_2 or C_4, with mirrors if the group has them."""
    return Group(math.gcd(group.rotations, 4), group.reflections)


def between(images: Float[Tensor, "batch channel size size"], group: Group) -> Float[Tensor, "batch step channel h w"]:
    """Views R⁻ᵏ of each image for k from 0 until a turn is exact; moved by exact elements they make all other views."""
    steps = group.rotations // exact_part(group).rotations
    return group_views(images, group)[:, :steps]


class OrientationNetwork(nn.Module):
    """A score for each element of a group: how likely it is the one that moved a picture away from upright.

    Acting on the picture with a permutes the scores as a group axis, score(ax)[e] = score(x)[a⁻¹e]: exactly for exact
    elements, and as well as the picture can be sampled again in between. Pictures of any size are brought to 28 pixels
    first, which commutes with exact elements.

    Args:
        group: C_n or D_n.
        channels: of the images.
        width: channels of the hidden maps.
    """

    def __init__(self, group: Group, channels: int, width: int = 8) -> None:
        super().__init__()
        self.group, self.exact = group, exact_part(group)
        self.lifting = LiftingConvolution(self.exact, channels, width, KERNEL)
        self.hidden = GroupConvolution(self.exact, width, width, KERNEL)
        self.norms = nn.ModuleList(nn.BatchNorm3d(width) for _ in range(2))
        self.last = GroupConvolution(self.exact, width, 1, SIDES[-1])
        self.probe = Probe("group_vector")

    def _votes(self, images: Float[Tensor, "image channel size size"]) -> Float[Tensor, "image element"]:
        matrix = resampling_matrix(int(images.shape[-1]), WORKING_SIZE).to(images)  # a tracer's sizes are tensors
        maps = self.lifting(matrix @ images @ matrix.T)
        for norm, following in zip(self.norms, (self.hidden, self.last), strict=True):
            maps = following(functional.max_pool3d(functional.relu(norm(maps)), (1, 2, 2)))
        return maps.flatten(1)

    def forward(self, turns: Float[Tensor, "batch step channel size size"]) -> Float[Tensor, "batch view"]:
        """Scores of all elements, from what ``between`` makes of the images."""
        votes = self._votes(turns.flatten(0, 1))
        scores = by_element(votes, self.group.rotations // self.exact.rotations)
        self.probe(scores[:, None])
        return scores


def by_element(votes: Float[Tensor, "image element"], steps: int) -> Float[Tensor, "batch view"]:
    """Votes on each turn in between, (batch step) (mirror quarter), in the order of the group's elements.

    Element Rᵏ h, for h = R^(quarter · steps) F^mirror exact, is number mirror · n + quarter · steps + k.
    """
    return votes.unflatten(0, (-1, steps)).movedim(1, 2).flatten(1)


def straight_through(scores: Float[Tensor, "batch view"]) -> Float[Tensor, "batch view"]:
    """1 at the highest score and 0 elsewhere, with the gradient of their softmax.

    Source: Kaba et al. 2023, after Bengio et al. 2013.
    """
    soft = scores.softmax(-1)
    hard = functional.one_hot(scores.argmax(-1), scores.shape[-1]).to(soft)
    return hard + (soft - soft.detach())


def nearest_turn(angles_deg: Float[Tensor, " batch"], group: Group) -> Int[Tensor, " batch"]:
    """The rotation of the group nearest to each angle: what a picture turned by it should be scored highest for."""
    return torch.round(angles_deg * group.rotations / 360).long() % group.rotations


def upright_prior(
    scores: Float[Tensor, "batch view"], angles_deg: Float[Tensor, " batch"], group: Group
) -> Float[Tensor, ""]:
    """Cross-entropy between the scores and upright pictures' known place, to be added to the loss of the task.

    Source: Mondal et al. 2023, *Equivariant Adaptation of Large Pretrained Models*, whose prior is that
    training pictures stand upright. What differs: they are turned here by known angles, so that a network cannot read
    upright off the pixels that were never interpolated.

    Args:
        scores: of pictures turned by ``angles_deg`` from upright.
        angles_deg: counter-clockwise.
        group: of the scores.
    """
    return functional.cross_entropy(scores, nearest_turn(angles_deg, group))
