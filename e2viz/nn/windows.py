"""The three products between maps and windows that attention and its gradient are made of.

Pixels are the last axis and every operation runs along them, in a tile that stays in cache. Maps are
[pair element depth pixel], where a pair is one head of one image, and like weights they lie in scratch memory.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from e2viz.nn.tiling import SCRATCH, Plane, taken_once


def add_products_(total: Tensor, left: Sequence[Tensor], right: Sequence[Tensor]) -> None:
    """Add left[i] * right[i] for every i, in one call: the terms are so small that many calls would cost more."""
    if left:  # a window of one pixel has nothing to add
        torch._foreach_addcmul_([total] * len(left), list(left), list(right))


@taken_once
def apart(maps: Tensor, axis: int) -> list[Tensor]:
    """The maps along an axis, one by one."""
    return list(maps.unbind(axis))


@taken_once
def _shifted(keys: Float[Tensor, "*axes padded"], plane: Plane, start: int, stop: int) -> list[Tensor]:
    return plane.shifted(keys, slice(start, stop))


def correlate(
    maps: Float[Tensor, "pair outer depth pixel"],
    windows: Float[Tensor, "pair inner depth window window pixel"],
    border: Float[Tensor, "window window pixel"] | None,
    out: Float[Tensor, "pair outer inner window window pixel"],
) -> None:
    """out = sum over channels of maps(x, outer) * windows(x, inner, u), plus the border."""
    left, right = apart(maps[:, :, None, :, None, None], 3), apart(windows[:, None], 3)
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
    left, right = apart(weights[:, :, :, None], 4), _shifted(keys[:, None], plane, run.start, run.stop)
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
    targets = _shifted(out, plane, run.start, run.stop)
    for element in range(weights.shape[1]):
        parts = apart(weights[:, element, :, None], 3)
        torch._foreach_addcmul_(targets, parts, [maps[:, element, None]] * len(parts))
