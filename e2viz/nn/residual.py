"""Residual convolution on planes and on groups, for networks that are deeper than the published ones.

Every filter is padded alike on all sides and pooling halves even sizes exactly, so nothing favours a corner: what a
convolution keeps of a symmetry, the whole network keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from e2viz.nn.probe import Probe

# (inputs, outputs, side of the filter) -> a layer that keeps the size of the plane
Convolve = Callable[[int, int, int], nn.Module]
Norm = Callable[[int], nn.Module]


def check_stages(stages: Sequence[tuple[int, int]], image_size: int) -> int:
    """Side of the plane after the last stage.

    Args:
        stages: (channels, blocks) of each; the plane is halved before each but the first.
        image_size: side of the input.

    Raises:
        ValueError: if a stage has no channels, or a plane does not halve exactly.
    """
    if any(width < 1 or blocks < 0 for width, blocks in stages):
        raise ValueError(f"each stage must have channels, and blocks of 0 or more, got {tuple(stages)}")
    size = image_size
    for index in range(len(stages) - 1):
        if size % 2:
            raise ValueError(f"a pooled plane must have an even size, got {size} after stage {index}")
        size //= 2
    return size


def check_filters(sides: Sequence[int], steerable: bool, stages: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The sides of the filters of the first layer and of the blocks.

    Raises:
        ValueError: if there are not two, or one is even, so that padding could not be alike on all sides; or if there
            are no stages to use them or steerable filters.
    """
    if not stages and (steerable or tuple(sides) != (3, 3)):
        raise ValueError("sides and steerable filters need stages, got none")
    if len(sides) != 2 or any(side < 1 or side % 2 == 0 for side in sides):
        raise ValueError(f"sides must be two odd numbers, of the first layer and of the blocks, got {tuple(sides)}")
    return int(sides[0]), int(sides[1])


class ResidualBlock(nn.Module):
    """Two convolutions with batch normalisation, added to the input, which a 1×1 convolution widens where needed.

    Source: He et al. 2016, figure 2, without strides; filters of 3×3 there.

    Args:
        convolve, norm: makers of the layers; on a group, both keep the group's action.
        inputs, outputs: channels.
        halved: whether 2×2 max-pooling comes first.
        kind: of the probe, "plane_map" or "feature_map".
        side: of the filters, in pixels.
    """

    def __init__(
        self, convolve: Convolve, norm: Norm, inputs: int, outputs: int, *, halved: bool, kind: str, side: int = 3
    ) -> None:
        super().__init__()
        self.halved = halved
        self.first, self.first_norm = convolve(inputs, outputs, side), norm(outputs)
        self.second, self.second_norm = convolve(outputs, outputs, side), norm(outputs)
        self.shortcut = convolve(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        self.probe = Probe(kind)

    def forward(self, maps: Float[Tensor, "batch inputs *positions"]) -> Float[Tensor, "batch outputs *moved"]:
        if self.halved:
            maps = halve(maps)
        inner = functional.relu(self.first_norm(self.first(maps)))
        return self.probe(functional.relu(self.second_norm(self.second(inner)) + self.shortcut(maps)))


class Halving(nn.Module):
    """2×2 max-pooling by itself: a stage without blocks."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.probe = Probe(kind)

    def forward(self, maps: Float[Tensor, "batch channel *positions"]) -> Float[Tensor, "batch channel *moved"]:
        return self.probe(halve(maps))


def halve(maps: Float[Tensor, "batch channel *group height width"]) -> Float[Tensor, "batch channel *group h w"]:
    """The maximum over each 2×2 square of the plane."""
    between = maps.shape[1:-2]
    if len(between) == 1:
        return functional.max_pool2d(maps, 2)
    return functional.max_pool2d(maps.flatten(1, -3), 2).unflatten(1, between)


def residual_blocks(
    convolve: Convolve, norm: Norm, stages: Sequence[tuple[int, int]], kind: str, side: int = 3
) -> list[nn.Module]:
    """The blocks of all stages, with filters of that side; the input has the channels of the first."""
    blocks: list[nn.Module] = []
    width = stages[0][0]
    for index, (outputs, count) in enumerate(stages):
        if not count and index:
            blocks.append(Halving(kind))
        for position in range(count):
            halved = bool(index) and not position
            blocks.append(ResidualBlock(convolve, norm, width, outputs, halved=halved, kind=kind, side=side))
            width = outputs
    return blocks
