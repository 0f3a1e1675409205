"""The views of a picture in a ring, each with a rim in the colour of the class that is predicted for it."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch.nn import functional

from e2viz.groups import Group
from e2viz.render.palette import class_color, rgb
from e2viz.render.scene import Panel

RIM_PX = 2.0
GAP_PX = 1.5
CENTRE_SHARE = 0.62  # of the room inside the ring


def _disc(size: int, centre: tuple[float, float]) -> Float[np.ndarray, "size size"]:
    """Distance of each pixel from a point (row, column)."""
    at = np.arange(size)
    return np.hypot(at[:, None] - centre[0], at[None] - centre[1])


def _paste(
    canvas: UInt8[np.ndarray, "frame size size 3"], images: Float[np.ndarray, "frame channel h w"],
    classes: Int[np.ndarray, " frame"], centre: tuple[float, float], radius: float,
) -> None:  # fmt: skip
    """Draw a round picture and its rim into every frame."""
    size = canvas.shape[1]
    side = max(2, round(2 * (radius - RIM_PX)))
    tiles = functional.interpolate(
        torch.from_numpy(images), size=(side, side), mode="bilinear", antialias=True, align_corners=False
    ).numpy()  # fmt: skip
    colored = np.broadcast_to(tiles, (len(tiles), 3, side, side))
    steps = np.moveaxis(np.rint(np.clip(colored, 0, 1) * 255).astype(np.uint8), 1, -1)
    top, left = (round(each - side / 2 + 0.5) for each in centre)
    distance = _disc(size, centre)
    inside = distance[top : top + side, left : left + side] <= radius - RIM_PX
    window = canvas[:, top : top + side, left : left + side]
    window[:, inside] = steps[:, inside]
    rim = (distance > radius - RIM_PX) & (distance <= radius)
    canvas[:, rim] = np.array([rgb(class_color(int(each))) for each in classes], dtype=np.uint8)[:, None]


def view_ring(
    views: Float[np.ndarray, "frame view channel h w"], classes: Int[np.ndarray, "frame view"],
    images: Float[np.ndarray, "frame channel h w"], outcome: Int[np.ndarray, " frame"], group: Group, size: int = 160,
) -> Panel:  # fmt: skip
    """One panel with all views; turns stand at their own angle from the top, counter-clockwise, mirrors further in.

    Args:
        views: in [0, 1].
        classes: predicted for each view.
        images: what the model sees, for the middle.
        outcome: the class that all views together give.
        group: whose views they are.
        size: side of the panel in pixels.
    """
    canvas = np.zeros((len(images), size, size, 3), dtype=np.uint8)
    middle = (size - 1) / 2
    rings = 2 if group.reflections else 1
    # Neighbours on the ring touch but for the gap, and the middle keeps room for the picture itself.
    sine = math.sin(math.pi / max(group.rotations, 3))
    radius = min(middle * sine / (1 + sine), middle / (3.2 if rings == 1 else 5.6))
    for element in group.elements:
        ring = middle - radius - (2 * radius + GAP_PX if group.is_reflection(element) else 0)
        fitting = min(radius, ring * sine)
        angle = math.radians(group.angle_deg(element))
        centre = (middle - ring * math.cos(angle), middle - ring * math.sin(angle))
        _paste(canvas, views[:, element], classes[:, element], centre, fitting - GAP_PX / 2)
    inner = (middle - rings * (2 * radius + GAP_PX)) * CENTRE_SHARE
    _paste(canvas, images, outcome, (middle, middle), max(inner, 8.0))
    return Panel(
        title="views", values=canvas,
        caption="rim: the class predicted for each view; in the middle: for all together",
    )  # fmt: skip
