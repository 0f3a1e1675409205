"""Enlarge, reduce and mask square images so that the result commutes with quarter turns bit for bit.

Weights and values are rounded to fixed binary steps and summed in float64. Every sum is then exact, hence
independent of its order, and turning or mirroring the input turns or mirrors the output, to the last bit.
"""

from collections.abc import Callable
from functools import lru_cache

import torch
from jaxtyping import Float64
from torch import Tensor

WEIGHT_STEPS = 2**14
VALUE_STEPS = 2**22


def resample(
    images: Float64[Tensor, "*batch channel size size"], new_size: int
) -> Float64[Tensor, "*batch channel new_size new_size"]:
    """Enlarge by cubic interpolation or reduce by area averaging; outside the image lie zeros.

    Property: commutes bit for bit with quarter turns and mirrors, for values within [-1, 1].

    Args:
        images: values relative to the background, within [-1, 1].
        new_size: side of the result in pixels.
    """
    if new_size == images.shape[-1]:
        return images
    matrix = kept_on(images.device, resampling_matrix, images.shape[-1], new_size)
    return round_values(matrix @ round_values(images) @ matrix.T)


@lru_cache(maxsize=64)
def kept_on(device: torch.device, make: Callable[..., Tensor], *sizes: int) -> Tensor:
    """What ``make`` makes of the sizes, on that device: copying it there each time would wait for the device."""
    return make(*sizes).to(device)


def round_values(values: Float64[Tensor, "*shape"]) -> Float64[Tensor, "*shape"]:
    """Round to the fixed binary steps (2.4e-7), so that later float64 sums of the values are exact."""
    return torch.round(values * VALUE_STEPS) / VALUE_STEPS


@lru_cache(maxsize=64)
def resampling_matrix(size: int, new_size: int) -> Float64[Tensor, "{new_size} {size}"]:
    """Weights of one axis: cubic convolution (a = -0.75) to enlarge, area overlap to reduce.

    Source: Keys 1981, equation 4 with torch's bicubic constant; weights rounded to binary steps.
    """
    scale = size / new_size
    centres = (torch.arange(new_size, dtype=torch.float64)[:, None] + 0.5) * scale
    distance = (torch.arange(size, dtype=torch.float64)[None] + 0.5 - centres).abs()
    if new_size > size:
        weights = _cubic(distance)
    else:
        overlap = ((scale + 1) / 2 - distance).clamp(0, 1)
        weights = overlap / scale
    # Averaging with its own mirror removes the rounding of the centres: addition commutes exactly.
    weights = (weights + weights.flip(0, 1)) / 2
    return torch.round(weights * WEIGHT_STEPS) / WEIGHT_STEPS


def _cubic(distance: Float64[Tensor, "*shape"], a: float = -0.75) -> Float64[Tensor, "*shape"]:
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = a * (((distance - 5) * distance + 8) * distance - 4)
    return torch.where(distance < 1, near, torch.where(distance < 2, far, 0.0))


@lru_cache(maxsize=16)
def soft_disc(size: int, edge: float = 1 / 14) -> Float64[Tensor, "{size} {size}"]:
    """Inscribed disc, 1 inside, fading smoothly to 0 over the outer `edge` of the radius.

    The default fades over one pixel of a 28×28 image. Symmetric bit for bit under quarter turns and mirrors.
    """
    offset = 2 * torch.arange(size, dtype=torch.float64) + 1 - size
    radius = torch.sqrt(offset[:, None] ** 2 + offset[None] ** 2) / size
    fade = ((1 - radius) / edge).clamp(0, 1)
    return torch.round(fade**2 * (3 - 2 * fade) * WEIGHT_STEPS) / WEIGHT_STEPS
