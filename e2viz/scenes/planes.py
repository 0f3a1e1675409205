"""Where the plane of an attention layer lies in the picture, and how a point of the picture turns with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from torch import nn

Array = np.ndarray
# The grid on which a query pixel is chosen, whatever the size that a model sees: links say its rows and columns.
SIZE = 28


@dataclass(frozen=True)
class Plane:
    """The pixels of a layer, centred in the image: crops and pooling are symmetric.

    Args:
        size: pixels along one side.
        pixel: side of each of them, in pixels of the image.
        image_size: side of the image.
    """

    size: int
    pixel: float
    image_size: int

    @property
    def start(self) -> float:
        """Where the plane begins, in pixels of the image from its edge."""
        return (self.image_size - self.size * self.pixel) / 2

    def nearest(self, points: Float[Array, "*frame 2"]) -> Int[Array, "*frame 2"]:
        """The pixel (row, column) that holds each point of the image, or the nearest one."""
        return np.clip(np.floor((points - self.start) / self.pixel), 0, self.size - 1).astype(np.int64)

    def centre(self, pixels: Int[Array, "*frame 2"]) -> Float[Array, "*frame 2"]:
        """The middle of each pixel, in pixels of the image; 0 is the centre of the image's first pixel."""
        return self.start + (pixels + 0.5) * self.pixel - 0.5

    def box(self, pixels: Int[Array, "frame 2"], window: int) -> Float[Array, "frame 4"]:
        """Row, column, height and width of the window round each pixel, as far as it lies in the plane."""
        low = np.maximum(pixels - window // 2, 0)
        high = np.minimum(pixels + window // 2 + 1, self.size)
        return np.concatenate([self.start + low * self.pixel, (high - low) * self.pixel], axis=1)

    def draw(
        self, windows: Float[Array, "frame window window"], pixels: Int[Array, "frame 2"]
    ) -> Float[Array, "frame height width"]:
        """Each frame's window at its place in the image; zeros outside of it."""
        side = windows.shape[-1]
        position = np.floor((np.arange(self.image_size) + 0.5 - self.start) / self.pixel).astype(np.int64)
        offset = position[None, None] - pixels[:, :, None] + side // 2
        inside = (offset >= 0) & (offset < side) & (position >= 0) & (position < self.size)
        offset = offset.clip(0, side - 1)
        frames = np.arange(len(windows))[:, None, None]
        drawn = windows[frames, offset[:, 0, :, None], offset[:, 1, None, :]]
        return drawn * (inside[:, 0, :, None] & inside[:, 1, None, :])


def attention_planes(network: nn.Module) -> dict[str, Plane]:
    """The plane of each group attention probe, by its name; empty for a network without group attention."""
    planes = getattr(network, "attention_planes", None)  # which every network with group attention knows of itself
    if planes is None:
        return {}
    config: Any = network.config
    return {name: Plane(size, pixel, config.image_size) for name, (size, pixel) in planes().items()}


def turned_point(row: int, column: int, size: int, angles_deg: Float[Array, " frame"]) -> Float[Array, "frame 2"]:
    """The centre of a pixel of the upright picture as the picture turns counter-clockwise about its centre.

    Returns:
        Row and column in pixels from the image's edge, rounded so that quarter turns are exact.
    """
    right, up = column + 0.5 - size / 2, size / 2 - (row + 0.5)
    angle = np.deg2rad(np.asarray(angles_deg, dtype=np.float64))
    x, y = right * np.cos(angle) - up * np.sin(angle), right * np.sin(angle) + up * np.cos(angle)
    return np.round(np.stack([size / 2 - y, size / 2 + x], axis=1), 9)


def track(plane: Plane, point: tuple[int, int], angles_deg: Float[Array, " frame"]) -> Int[Array, "frame 2"]:
    """[frame 2] the pixel of a layer's plane under the point, as the picture turns."""
    return plane.nearest(turned_point(*point, SIZE, angles_deg) * (plane.image_size / SIZE))


def upright_pixel(row: int, column: int, size: int, angle_deg: float) -> tuple[int, int]:
    """The pixel of the upright picture that lies at this pixel of the picture turned by the angle."""
    point = turned_point(row, column, size, np.array([-angle_deg]))[0]
    found = np.clip(np.floor(point), 0, size - 1).astype(int)
    return int(found[0]), int(found[1])


def striking_pixel(image: Float[Array, "height width"], within: float) -> tuple[int, int]:
    """The pixel with the strongest edge of the picture within this distance of its centre, in pixels."""
    slope = np.hypot(*np.gradient(image.astype(np.float64)))
    offset = np.arange(image.shape[0]) + 0.5 - image.shape[0] / 2
    slope[offset[:, None] ** 2 + offset[None] ** 2 > within**2] = -1.0
    row, column = np.unravel_index(slope.argmax(), slope.shape)
    return int(row), int(column)
