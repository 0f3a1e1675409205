"""Turn records: how a rotation acts on what a probe held, exactly where it can, by interpolation elsewhere.

For an angle θ that the pixel grid and the group both know, [ρ(θ) f](x, h) = f(R₋θ x, R₋θ h) moves values and
changes none. In between the plane is sampled by cubic interpolation, and the group axis by linear interpolation
round the circle of rotations, and the label says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, Num, Shaped
from torch import Tensor
from torch.nn.functional import grid_sample

from e2viz.groups import Group
from e2viz.images.rotate import sampling_grid

EXACT = "exact"
Angles = Num[np.ndarray, " frame"] | Num[Tensor, " frame"] | Sequence[float] | Sequence[int]
# Angles this close to a multiple of the step count as on it: angles come from float32 sliders.
ON_STEP_DEG = 1e-4


def on_step(angle_deg: float, step_deg: float) -> bool:
    """Whether the angle is a multiple of the step."""
    return abs(math.remainder(angle_deg, step_deg)) < ON_STEP_DEG


def exactness(angle_deg: float, group: Group | None) -> str:
    """How a turn by the angle acts on a record: "exact", or what of it is interpolated.

    Args:
        angle_deg: the turn.
        group: the group of the record's group axis; None for a plane without one.
    """
    interpolated = [] if on_step(angle_deg, 90.0) else ["plane"]
    if group is not None and not on_step(angle_deg, 360.0 / group.rotations):
        interpolated.append("group axis")
    return f"{' and '.join(interpolated)} interpolated" if interpolated else EXACT


def turn_plane(maps: Float[Tensor, "*batch size size"], angle_deg: float) -> Float[Tensor, "*batch size size"]:
    """Turn every plane counter-clockwise about its centre; multiples of 90 degrees move values and change none.

    In between: cubic interpolation with zeros outside. Look at the result inside ``disc`` only.
    """
    quarters = round(angle_deg / 90.0)
    rest_deg = angle_deg - 90.0 * quarters
    turned = torch.rot90(maps, quarters % 4, (-2, -1))
    if on_step(rest_deg, 90.0):
        return turned
    size = maps.shape[-1]
    flat = turned.reshape(1, -1, size, size)
    sampled = grid_sample(flat, _source(rest_deg, size).to(flat), "bicubic", "zeros", align_corners=False)
    return sampled.reshape(turned.shape)


@lru_cache(maxsize=256)
def _source(angle_deg: float, size: int) -> Float[Tensor, "1 {size} {size} 2"]:
    return sampling_grid(torch.tensor([angle_deg], dtype=torch.float64), size)


def turn_group_axis(
    maps: Float[Tensor, "*batch group height width"], angle_deg: float, group: Group
) -> Float[Tensor, "*batch group height width"]:
    """Move the group axis by a turn: value at h goes to R_θ h; between elements, linear round the circle.

    Raises:
        ValueError: if the group axis has another length than the group.
    """
    if maps.shape[-3] != group.order:
        raise ValueError(f"the group axis must have length {group.order} for {group.name}, got {maps.shape[-3]}")
    position = angle_deg * group.rotations / 360.0
    steps = round(position) if on_step(angle_deg, 360.0 / group.rotations) else math.floor(position)
    fraction = position - steps
    # Left multiplication by a rotation moves r and keeps s, so both halves of D_n go round the same way.
    circle = rearrange(maps, "... (s r) y x -> ... s r y x", r=group.rotations)
    moved = circle.roll(steps, -3)
    if not on_step(angle_deg, 360.0 / group.rotations):
        moved = (1 - fraction) * moved + fraction * circle.roll(steps + 1, -3)
    return rearrange(moved, "... s r y x -> ... (s r) y x")


def turn(maps: Float[Tensor, "*shape"], angle_deg: float, group: Group | None) -> Float[Tensor, "*shape"]:
    """ρ(θ) on a record: the plane turns, and with a group the third axis from the end moves with it."""
    if group is not None:
        maps = turn_group_axis(maps, angle_deg, group)
    return turn_plane(maps, angle_deg)


@lru_cache(maxsize=32)
def disc(size: int) -> Float[Tensor, "{size} {size}"]:
    """M: 1 at pixels whose centre lies within the inscribed circle, 0 elsewhere; no corner enters or leaves."""
    offset = 2 * torch.arange(size, dtype=torch.float64) + 1 - size
    return (offset[:, None] ** 2 + offset[None] ** 2 <= size**2).double()


MOST_SPECIAL_TOKENS = 8


def special_tokens(count: int) -> int:
    """How many of so many tokens are no patches: those beyond the largest square, a class token, registers.

    Raises:
        ValueError: if there are too many for that.
    """
    special = count - math.isqrt(count) ** 2
    if count < 1 or special > MOST_SPECIAL_TOKENS:
        raise ValueError(
            f"tokens must be a square of patches behind at most {MOST_SPECIAL_TOKENS} others, got {count}"
        )
    return special


def patch_map(tokens: Shaped[Tensor, "*batch token channel"]) -> Shaped[Tensor, "*batch channel row column"]:
    """Patch tokens as a feature map on the plane; a class token and registers in front are left out.

    Raises:
        ValueError: if the patches, without those, form no square.
    """
    special, side = special_tokens(tokens.shape[-2]), math.isqrt(tokens.shape[-2])
    return rearrange(tokens[..., special:, :], "... (row column) channel -> ... channel row column", row=side)


@dataclass(frozen=True, eq=False)
class Stabilised:
    """A record turned back, frame by frame.

    Attributes:
        maps: ρ(-θ) Φ(R_θ x), same shape as the record; constant over frames for an equivariant network.
        how: for each frame "exact" or what is interpolated.
    """

    maps: Float[Tensor, "frame channel *map"]
    how: tuple[str, ...]

    def residual(self, frame: int = 0) -> Float[Tensor, "frame channel *map"]:
        """What moved: the difference to one frame, by default the first, inside the disc."""
        return (self.maps - self.maps[frame]) * disc(self.maps.shape[-1]).to(self.maps)


def stabilise(record: Float[Tensor, "frame channel *map"], angles_deg: Angles, group: Group | None) -> Stabilised:
    """The stabilised view: each frame's plane turned back and its group axis moved back.

    For a network that is equivariant under the group it stands still at the group's angles.
    Source: the animation of e2cnn (QUVA), which turns the plane alone.

    Args:
        record: feature maps [frame channel group height width] with a group, planes [frame channel height width]
            without; patch tokens go through ``patch_map`` first.
        angles_deg: how far the picture was turned in each frame, counter-clockwise.
        group: the group of the group axis, or None.

    Raises:
        ValueError: if the record has the wrong number of axes for that; nothing is passed on unturned.
    """
    axes = 4 if group is None else 5
    if record.ndim != axes:
        raise ValueError(
            f"record must have {axes} axes {'without' if group is None else 'with'} a group, got {record.ndim}"
        )
    turned = [turn(maps, -float(angle), group) for maps, angle in zip(record, angles_deg, strict=True)]
    return Stabilised(torch.stack(turned), tuple(exactness(float(angle), group) for angle in angles_deg))
