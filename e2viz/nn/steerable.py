"""Filters that turn by any angle: sums of rings of circular harmonics, which are known between pixels too.

A filter of pixels turns by 90 degrees alone; at 45 it would have to be interpolated. A function f(r)·cos(mφ) or
f(r)·sin(mφ) is evaluated at the turned place instead, so that the filter bank of C8 or C16 holds the same function at
every angle, sampled on the grid. Source: Weiler, Hamprecht & Storath 2018, *Learning Steerable Filters for Rotation
Equivariant CNNs*, for circular harmonics; Weiler & Cesa 2019, *General E(2)-Equivariant Steerable CNNs*, for rings that
each have a highest frequency.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from e2viz.groups import Group

SPREAD_PX = 0.6
"""Standard deviation of a ring's profile, in pixels."""
LAST_SPREAD_PX = 0.45
"""That of the outermost ring, which the square cuts off along its sides and not in its corners: at 45 degrees, filters
of 3, 5 and 7 pixels answer a turned wave alike to 2 to 3 %; with 0.6 it was 5 to 10 %."""


def highest_frequency(radius_px: int) -> int:
    """Turns that a harmonic may make around a ring; a ring of eight pixels cannot tell more than two from noise."""
    return min(2 * radius_px, radius_px + 1)


def harmonics(x: Float[np.ndarray, " point"], y: Float[np.ndarray, " point"], kernel: int) -> Float[np.ndarray, "b p"]:
    """Each function of the basis at points (x right, y up), in pixels from the filter's centre."""
    radius = np.hypot(x, y)
    direction = (x + 1j * y) / np.where(radius > 0, radius, 1.0)
    found = []
    for ring in range((kernel + 1) // 2):
        spread_px = LAST_SPREAD_PX if ring and ring == kernel // 2 else SPREAD_PX
        profile = np.exp(-0.5 * ((radius - ring) / spread_px) ** 2)
        found.append(profile)
        for frequency in range(1, highest_frequency(ring) + 1):
            wave = profile * direction**frequency
            found += [wave.real, wave.imag]
    return np.stack(found)


def steerable_basis(group: Group, kernel: int) -> Float[Tensor, "order basis position"]:
    """For each element h, every function of the basis as h moves it: ψ(h⁻¹u) at each filter position u.

    Args:
        group: of any angles.
        kernel: side of the filter in pixels; odd, so that it has a centre.

    Returns:
        Functions of norm 1 where h is the identity; rows go down, as in an image.

    Raises:
        ValueError: if the side is even.
    """
    if kernel % 2 == 0:
        raise ValueError(f"a steerable filter must have an odd side, so that it has a centre, got {kernel}")
    half = kernel // 2
    right, up = np.meshgrid(np.arange(-half, half + 1.0), np.arange(half, -half - 1.0, -1.0))
    places = np.stack([right.ravel(), up.ravel()])
    back = (group.matrix(group.inverse(h)) @ places for h in group.elements)
    moved = [harmonics(x, y, kernel) for x, y in back]
    norms = np.linalg.norm(moved[0], axis=-1, keepdims=True)
    return torch.from_numpy(np.stack(moved) / norms).float()
