"""How a symmetry acts on what a probe held: one rule for each kind of probe.

Attention maps move exactly or not at all; everything else can also be turned by angles in between.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from e2viz.groups import Group
from e2viz.measure.turning import EXACT, disc, exactness, patch_map, turn, turn_group_axis, turn_plane

INVARIANT = ("vector", "logits")
PLANE = ("image", "plane_map", "tokens")
AXES = {
    "image": (4,),
    "plane_map": (4,),
    "feature_map": (5,),
    "tokens": (3,),
    "vector": (2,),
    "group_vector": (3,),
    "logits": (2,),
    "attention": (6, 8),
}


@dataclass(frozen=True)
class Transform:
    """What is done to a picture: a group element, acting exactly, or a turn by any angle.

    Args:
        angle_deg: the turn, counter-clockwise; of an element R^r F^s that of R^r.
        element: the group element; None for a turn.
        group: the group of the element.

    Raises:
        ValueError: if the element does not act exactly on the pixel grid.
    """

    angle_deg: float
    element: int | None = None
    group: Group = Group(1)

    @classmethod
    def of(cls, group: Group, element: int) -> Transform:
        """The transform of a group element.

        Raises:
            ValueError: if it does not act exactly on the pixel grid.
        """
        if not group.is_exact(element):
            raise ValueError(
                f"an element must act exactly on pixels, got {element} of {group.name}, a turn by "
                f"{group.angle_deg(element):g} degrees; give the angle instead"
            )
        return cls(group.angle_deg(element), element, group)

    @property
    def mirrors(self) -> bool:
        """Whether the picture is mirrored, left to right, before it is turned."""
        return self.element is not None and self.group.is_reflection(self.element)

    def __str__(self) -> str:
        return f"{self.angle_deg:g}°" + (" after the mirror" if self.mirrors else "")


def checked(record: Float[Tensor, "*shape"], kind: str, group: Group | None) -> Float[Tensor, "*shape"]:
    """The record, if it is one of its kind. A record that no rule fits must never count as unmoved.

    Raises:
        ValueError: if the kind has no action, the record has other axes than its kind, or the kind has a group
            axis and there is no group.
    """
    if kind not in AXES:
        raise ValueError(f"a probe of kind {kind!r} has no action here; there are {', '.join(AXES)}")
    if record.ndim not in AXES[kind]:
        expected = " or ".join(map(str, AXES[kind]))
        raise ValueError(f"a record of kind {kind} must have {expected} axes, got {record.ndim}")
    if group is None and kind in ("feature_map", "group_vector", "attention"):
        raise ValueError(f"a record of kind {kind} needs the group of its network, got none")
    return record


def as_maps(record: Float[Tensor, "*shape"], kind: str) -> Float[Tensor, "*map"]:
    """Patch tokens as planes without the class token; anything else as it is."""
    return patch_map(record) if kind == "tokens" else record


def act_back(
    maps: Float[Tensor, "*map"], kind: str, transform: Transform, group: Group | None
) -> Float[Tensor, "*map"]:
    """ρ(a)⁻¹ on the maps of a probe: what an equivariant network held before the picture was moved."""
    if kind in INVARIANT:
        return maps
    if transform.element is None:
        if kind == "group_vector":
            circle = maps[..., None, None]
            return turn_group_axis(circle, -transform.angle_deg, group or Group(1))[..., 0, 0]
        if kind == "attention":
            raise ValueError("attention maps move under group elements only, give elements and no angles")
        return turn(maps, -transform.angle_deg, None if kind in PLANE else group)
    inverse = transform.group.inverse(transform.element)
    if kind in PLANE:
        return transform.group.act_on_plane(maps, inverse)
    if kind == "group_vector":
        return transform.group.act_on_group_axis(maps, inverse, -1)
    if kind == "attention":
        return act_on_attention(maps, transform.group, inverse)
    return transform.group.act_on_feature_map(maps, inverse)


def act_on_attention(
    maps: Float[Tensor, "batch head *axes"], group: Group, element: int
) -> Float[Tensor, "batch head *axes"]:
    """The attention maps of the moved input: every group axis, the query's plane and the key's window move.

    Args:
        maps: for every pixel of a square plane, [batch head v pixel p p] of a lifting layer or
            [batch head v g pixel m p p] of a group layer.
        group: the group.
        element: an element that is exact on the pixel grid.

    Raises:
        ValueError: if the pixels are not all pixels of a square plane.
    """
    group_axes, pixel_axis = ((2,), 3) if maps.ndim == 6 else ((2, 3, 5), 4)
    side = math.isqrt(maps.shape[pixel_axis])
    if side**2 != maps.shape[pixel_axis]:
        raise ValueError(f"attention must be recorded for a whole square plane, got {maps.shape[pixel_axis]} pixels")
    for axis in group_axes:
        maps = group.act_on_group_axis(maps, element, axis)
    pixels = rearrange(torch.arange(side**2), "(row column) -> row column", row=side)
    order = group.act_on_plane(pixels, element).flatten()
    return group.act_on_plane(maps.index_select(pixel_axis, order), element)


def there_and_back(maps: Float[Tensor, "*map"], kind: str, transform: Transform) -> Float[Tensor, "*map"]:
    """R₋θ R_θ on the plane alone: what resampling costs; exact transforms and kinds without a plane cost nothing."""
    if transform.element is not None or kind not in (*PLANE, "feature_map"):
        return maps
    return turn_plane(turn_plane(maps, transform.angle_deg), -transform.angle_deg)


def how(kind: str, transform: Transform, group: Group | None) -> str:
    """What is interpolated on the way from the moved picture back to the record, or "exact" if nothing is.

    Kinds without a plane depend on the interpolated picture all the same, and say so.
    """
    if transform.element is not None:
        return EXACT
    label = exactness(transform.angle_deg, group if kind in ("feature_map", "group_vector") else None)
    return label if kind in (*PLANE, "feature_map") else label.replace("plane", "picture")


def masked(maps: Float[Tensor, "*map"], kind: str) -> Float[Tensor, "*map"]:
    """M on the plane, for the kinds that have one."""
    return maps * disc(maps.shape[-1]).to(maps) if kind in (*PLANE, "feature_map") else maps
