"""The three products between maps and windows that attention and its gradient are made of.

Pixels are the last axis and every operation runs along them; the sums over channels, elements or offsets are
written as one fused multiply-add per term, which keeps the partial sums in cache.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from e2viz.nn.tiling import Plane


def correlate(
    maps: Float[Tensor, "pair depth outer pixel"],
    windows: Float[Tensor, "pair depth inner window window pixel"],
    border: Float[Tensor, "window window pixel"] | None = None,
) -> Float[Tensor, "pair outer inner window window pixel"]:
    """Sum over channels of maps(x, outer) * windows(x, inner, u), plus the border."""
    pair, depth, outer, pixel = maps.shape
    left = maps[:, :, :, None, None, None].unbind(1)
    right = windows[:, :, None].unbind(1)
    product = maps.new_empty(pair, outer, *windows.shape[2:])
    if border is None:
        torch.mul(left[0], right[0], out=product)
    else:
        torch.addcmul(border, left[0], right[0], out=product)
    for channel in range(1, depth):
        product.addcmul_(left[channel], right[channel])
    return product


def gather(
    weights: Float[Tensor, "pair outer inner window window pixel"],
    windows: Float[Tensor, "pair depth inner window window pixel"],
    out: Float[Tensor, "pair depth outer pixel"],
) -> None:
    """out(x, outer) = sum over inner and u of weights(x, outer, inner, u) * windows(x, inner, u)."""
    product = torch.empty_like(weights)
    for window, total in zip(windows[:, :, None].unbind(1), out.unbind(1), strict=True):
        torch.mul(weights, window, out=product)
        torch.sum(product, (2, 3, 4), out=total)


def scatter(
    weights: Float[Tensor, "pair outer inner window window pixel"],
    maps: Float[Tensor, "pair depth outer pixel"],
    out: Float[Tensor, "pair depth inner padded"],
    plane: Plane,
    run: slice,
) -> None:
    """Add to out(x + u, inner), for every x of the run and u, the sum over outer of weights * maps(x, outer)."""
    pixels = run.stop - run.start
    right = maps[:, :, :, None].unbind(2)
    by_step = weights.flatten(3, 4).unbind(3)
    for step, weight in zip(plane.steps(), by_step, strict=True):
        target = out.narrow(-1, run.start + step, pixels)
        for left, row in zip(weight[:, None].unbind(2), right, strict=True):
            target.addcmul_(left, row)
