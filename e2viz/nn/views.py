"""All views of an image under a group: the image moved by the inverse of each element.

Quarter turns and mirrors move pixels and nothing else. Turns in between follow the fair rotation
(e2viz.images.rotate): enlarged, turned, inside a soft disc, reduced. It is linear about the background, so it works on
normalised images as well as on [0, 1]; the background is then the median of the image's border.
"""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float, Float64
from torch import Tensor
from torch.nn import functional

from e2viz.groups import Group
from e2viz.images.resample import resampling_matrix, soft_disc
from e2viz.images.rotate import MINIMUM_WORKING_SIZE, sampling_grid


def border_median(images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch channel 1 1"]:
    """Median of the outermost pixels: the same number, bit for bit, when the image is turned by 90° or mirrored."""
    sides = [images[..., 0, :], images[..., -1, :], images[..., 1:-1, 0], images[..., 1:-1, -1]]
    return torch.cat(sides, dim=-1).median(dim=-1).values[..., None, None]


def turned(
    images: Float[Tensor, "batch channel size size"], angle_deg: float
) -> Float64[Tensor, "batch channel size size"]:
    """Images turned counter-clockwise by an angle that is no multiple of 90°, as the module takes them.

    Property: commutes with quarter turns to float64 rounding, since all of it is computed in float64; a mirrored image
    turned the other way is the mirrored result.

    Source: docs/measures.md, fair rotation. What differs: the values stay within the range of each image, as
    [0, 1] is not known here.

    Args:
        images: in any unit; what enters from outside is the median of the border.
        angle_deg: counter-clockwise.
    """
    size = images.shape[-1]
    working = size
    while working < max(MINIMUM_WORKING_SIZE, 2 * size):
        working *= 2
    images = images.double()
    background = border_median(images)
    enlarge, reduce = resampling_matrix(size, working).to(images), resampling_matrix(working, size).to(images)
    large = enlarge @ (images - background) @ enlarge.T
    grid = sampling_grid(torch.tensor([angle_deg], dtype=torch.float64), working).to(images)
    grid = grid.expand(len(images), -1, -1, -1)
    large = functional.grid_sample(large, grid, padding_mode="zeros", align_corners=False)
    result = background + reduce @ (large * soft_disc(working).to(images)) @ reduce.T
    return result.clamp(images.amin((-2, -1), keepdim=True), images.amax((-2, -1), keepdim=True))


def group_views(
    images: Float[Tensor, "batch channel height width"], group: Group
) -> Float[Tensor, "batch {group.order} channel height width"]:
    """View e is e⁻¹ acting on the image.

    Acting on the image with a permutes the views as a group axis: view e becomes view a⁻¹e. For elements a that are
    exact on the pixel grid this holds bit for bit among exact views and to float64 rounding among the others.

    Args:
        images: square unless the group has quarter turns nowhere.
        group: C_n or D_n.

    Raises:
        ValueError: if the images are not square.
    """
    if images.shape[-1] != images.shape[-2]:
        raise ValueError(f"images must be square to be turned, got {tuple(images.shape[-2:])}")
    known: dict[float, Tensor] = {}
    views = []
    for element in group.elements:
        inverse = group.inverse(element)
        if group.is_exact(inverse):
            views.append(group.act_on_plane(images, inverse))
            continue
        angle_deg, mirrored = group.angle_deg(inverse), group.is_reflection(inverse)
        # R(θ) F = F R(-θ), and a turn by θ is a turn by θ mod 90 and quarter turns: few are interpolated.
        quarters, rest_deg = divmod(-angle_deg % 360 if mirrored else angle_deg, 90.0)
        if rest_deg not in known:
            known[rest_deg] = turned(images, rest_deg).to(images.dtype)
        view = torch.rot90(known[rest_deg], int(quarters), (-2, -1))
        views.append(view.flip(-1) if mirrored else view)
    return rearrange(views, "view batch channel height width -> batch view channel height width")
