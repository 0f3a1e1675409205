"""The three products between maps and windows that attention and its gradient are made of.

Pixels are the last axis and every operation runs along them, in a tile that stays in cache. Maps are
[pair element depth pixel], where a pair is one head of one image.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from e2viz.nn.tiling import SCRATCH, Plane


def add_products_(total: Tensor, left: Sequence[Tensor], right: Sequence[Tensor]) -> None:
    """Add left[i] * right[i] for every i, in one call: the terms are so small that many calls would cost more."""
    torch._foreach_addcmul_([total] * len(left), left, right)


def correlate(
    maps: Float[Tensor, "pair outer depth pixel"],
    windows: Float[Tensor, "pair inner depth window window pixel"],
    border: Float[Tensor, "window window pixel"] | None,
    out: Float[Tensor, "pair outer inner window window pixel"],
) -> None:
    """out = sum over channels of maps(x, outer) * windows(x, inner, u), plus the border."""
    left = maps[:, :, None, :, None, None].unbind(3)
    right = windows[:, None].unbind(3)
    if border is None:
        torch.mul(left[0], right[0], out=out)
    else:
        torch.addcmul(border, left[0], right[0], out=out)
    add_products_(out, left[1:], right[1:])


def gather(
    weights: Float[Tensor, "pair outer inner offset pixel"],
    keys: Float[Tensor, "pair inner depth padded"],
    plane: Plane,
    run: slice,
    out: Float[Tensor, "pair outer depth pixel"],
) -> None:
    """out(x, outer) = sum over inner and u of weights(x, outer, inner, u) * keys(x + u, inner)."""
    pair, outer, inner, _, pixels = weights.shape
    left = weights[:, :, :, None].unbind(4)
    right = plane.shifted(keys[:, None], run)
    total = SCRATCH.take("by_element", (pair, outer, inner, keys.shape[2], pixels), weights)
    torch.mul(left[0], right[0], out=total)
    add_products_(total, left[1:], right[1:])
    torch.sum(total, 2, out=out)


def scatter(
    weights: Float[Tensor, "pair outer inner offset pixel"],
    maps: Float[Tensor, "pair outer depth pixel"],
    plane: Plane,
    run: slice,
    out: Float[Tensor, "pair inner depth padded"],
) -> None:
    """Add to out(x + u, inner), for every x of the run and u, the sum over outer of weights * maps(x, outer)."""
    targets = plane.shifted(out, run)
    for weight, map_ in zip(weights[:, :, :, None].unbind(1), maps[:, :, None].unbind(1), strict=True):
        torch._foreach_addcmul_(targets, weight.unbind(3), [map_] * len(targets))
