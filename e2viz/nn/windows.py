"""The three products between maps and windows that attention and its gradient are made of.

Pixels are the last axis and every operation runs along them, in a tile that stays in cache. Maps are
[pair element depth pixel], where a pair is one head of one image.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from e2viz.nn.tiling import SCRATCH, Plane


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
    for channel in range(1, len(left)):
        out.addcmul_(left[channel], right[channel])


def gather(
    weights: Float[Tensor, "pair outer inner window window pixel"],
    windows: Float[Tensor, "pair inner depth window window pixel"],
    out: Float[Tensor, "pair outer depth pixel"],
) -> None:
    """out(x, outer) = sum over inner and u of weights(x, outer, inner, u) * windows(x, inner, u)."""
    product = SCRATCH.take("product", weights.shape, weights)
    for window, total in zip(windows[:, None].unbind(3), out.unbind(2), strict=True):
        torch.mul(weights, window, out=product)
        torch.sum(product, (2, 3, 4), out=total)


def scatter(
    weights: Float[Tensor, "pair outer inner window window pixel"],
    maps: Float[Tensor, "pair outer depth pixel"],
    out: Float[Tensor, "pair inner depth padded"],
    plane: Plane,
    run: slice,
) -> None:
    """Add to out(x + u, inner), for every x of the run and u, the sum over outer of weights * maps(x, outer)."""
    pair, outer, inner, rows, columns, pixels = weights.shape
    by_offset = SCRATCH.take("by_offset", (pair, inner, maps.shape[2], rows, columns, pixels), weights)
    left = weights[:, :, :, None].unbind(1)
    right = maps[:, :, None, :, None, None].unbind(1)
    torch.mul(left[0], right[0], out=by_offset)
    for element in range(1, outer):
        by_offset.addcmul_(left[element], right[element])
    for step, share in zip(plane.steps(), by_offset.flatten(3, 4).unbind(3), strict=True):
        out.narrow(-1, run.start + step, pixels).add_(share)
