"""Bring records of models that see transposed images back to the upright picture.

The rotated-MNIST benchmark stores images transposed, and models trained on its files expect them so. What their
probes hold is then transposed too, and turns the other way. Transposition T is itself a symmetry of the square: a
record f becomes f'(x, h) = f(T x, T h T⁻¹), which turns with the upright picture as every other model's does.
"""

from __future__ import annotations

import math

import torch
from einops import rearrange
from jaxtyping import Int, Shaped
from torch import Tensor

from e2viz.groups import Group


def conjugated(group: Group) -> Int[Tensor, " order"]:
    """T h T⁻¹ for each element h, with T the transposition of the pixel grid: R^r F^s ↦ R^(s·n/2 - r) F^s.

    Raises:
        ValueError: for reflections with an odd number of rotations, which T does not map onto themselves.
    """
    if group.reflections and group.rotations % 2:
        raise ValueError(f"transposition maps D_n onto itself for even n only, got {group.name}")
    n = group.rotations
    pairs = (group.split(element) for element in group.elements)
    return torch.tensor([s * n + (s * (n // 2) - r) % n for r, s in pairs])


def _transposed_tokens(count: int) -> Int[Tensor, " token"]:
    """Order of the tokens of a transposed picture; a class token and its like in front stay."""
    side = math.isqrt(count)
    grid = rearrange(torch.arange(side**2), "(row column) -> (column row)", row=side)
    special = count - side**2
    return torch.cat([torch.arange(special), special + grid])


def _group_attention(
    maps: Shaped[Tensor, "batch head *axes"], group: Group, pixels: Int[Tensor, "pixel 2"] | None
) -> Shaped[Tensor, "batch head *axes"]:
    """[batch head v pixel p p] of a lifting layer or [batch head v g pixel m p p] of a group layer."""
    group_axes, pixel_axis = ((2,), 3) if maps.ndim == 6 else ((2, 3, 5), 4)
    for axis in group_axes:
        maps = maps.index_select(axis, conjugated(group))
    if pixels is None:
        maps = maps.index_select(pixel_axis, _transposed_tokens(maps.shape[pixel_axis]))
    return maps.transpose(-1, -2)


def upright(
    record: Shaped[Tensor, "*shape"],
    kind: str,
    group: Group | None,
    pixels: Int[Tensor, "pixel 2"] | None = None,
) -> Shaped[Tensor, "*shape"]:
    """The record of a transposed image as the record of the upright picture.

    Turning the picture by g acts on the result as ρ(g), as it does for a model that sees upright images.

    Args:
        record: what a probe held.
        kind: the probe's kind.
        group: the group of the network; needed for feature maps and group attention.
        pixels: the query pixels that attention was asked for, already (column, row); None for all.

    Raises:
        ValueError: for an unknown kind, or a kind that needs a group where there is none.
    """
    if group is None:
        if kind in ("feature_map", "group_vector", "attention"):
            raise ValueError(f"a record of kind {kind} needs the group of its network, got none")
        group = Group(1)
    match kind:
        case "image" | "plane_map":
            return record.transpose(-1, -2)
        case "feature_map":
            return record.index_select(-3, conjugated(group)).transpose(-1, -2)
        case "group_vector":
            return record.index_select(-1, conjugated(group))
        case "tokens":
            return record.index_select(-2, _transposed_tokens(record.shape[-2]))
        case "token_attention":
            order = _transposed_tokens(record.shape[-1])
            return record.index_select(-1, order).index_select(-2, order)
        case "attention":
            return _group_attention(record, group, pixels)
        case "vector" | "logits":
            return record
    raise ValueError(f"kind {kind!r} has no rule for transposition")
