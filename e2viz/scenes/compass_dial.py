"""The compass that nobody trained: the votes of the group's elements round the picture, and the one that wins."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch.nn import functional

from e2viz.groups import Group
from e2viz.measure.orbit import Compass
from e2viz.render.scene import Panel, picture_pixels, quantise

Array = np.ndarray
SIDE, INNER = 72, 48
GAP = 0.8  # pixels between two sectors, so that no pixel lies on a boundary


def compass_dial(
    votes: Float[Array, "frame element"],
    reading: Compass,
    group: Group,
    picture: Float[Array, "frame channel size size"],
    title: str,
    **labels: Any,
) -> Panel:
    """A sector for each element at its own angle, mirrors further in, coloured by its vote; a point on the winner.

    Turning the picture by an element turns the votes along: at quarter turns the panel is its first frame, turned.

    Args:
        votes: of the class that is followed.
        reading: which element wins.
        group: whose elements vote.
        picture: as it turns, in [0, 1], for the middle.
        title: label above the pixels.
        labels: the remaining fields of the panel.
    """
    low, high = float(votes.min()), float(votes.max())
    steps = quantise(votes, low, high if high > low else low + 1.0)
    place = sectors(group)
    values = np.zeros((len(votes), SIDE, SIDE), dtype=np.uint8)
    values[:, place >= 0] = steps[:, place[place >= 0]]
    start = (SIDE - INNER) // 2
    small = functional.interpolate(
        torch.from_numpy(picture).float(), size=(INNER, INNER), mode="bilinear", antialias=True
    ).clamp(0, 1)  # fmt: skip
    pixels = picture_pixels(small.numpy())
    under = np.zeros((*values.shape, *pixels.shape[3:]), dtype=np.uint8)
    under[:, start : start + INNER, start : start + INNER] = pixels
    return Panel(
        title=title, values=values, palette="viridis", low=low, high=high if high > low else low + 1.0, under=under,
        marker=np.array([middle_of(group, int(element)) for element in reading.elements]), **labels,
    )  # fmt: skip


def sectors(group: Group) -> Array:
    """[row column] the element whose sector holds each pixel; -1 in the middle, in the gaps and in the corners."""
    at = np.arange(SIDE) - (SIDE - 1) / 2
    up, right = -at[:, None], at[None]
    distance, step = np.hypot(up, right), 360.0 / group.rotations
    angle = np.rad2deg(np.arctan2(-right, up)) % 360.0
    rotation = np.floor(angle / step + 0.5).astype(int) % group.rotations
    away_deg = step / 2 - np.abs((angle / step + 0.5) % 1.0 - 0.5) * step  # from the nearer boundary of the sector
    clear = (distance * np.sin(np.deg2rad(np.minimum(away_deg, 90.0))) > GAP) | (group.rotations == 1)
    found = np.full((SIDE, SIDE), -1)
    bands = edges(group)
    for mirrored, (inner, outer) in enumerate(bands):
        held = (distance > inner + 0.3) & (distance <= outer) & clear
        found[held] = rotation[held] + mirrored * group.rotations
    return found


def edges(group: Group) -> list[tuple[float, float]]:
    """Inner and outer radius of the band of rotations, and of that of mirrors further in."""
    inner, outer = INNER / 2, SIDE / 2
    if not group.reflections:
        return [(inner, outer)]
    middle = (inner + outer) / 2
    return [(middle, outer), (inner, middle)]


def middle_of(group: Group, element: int) -> tuple[float, float]:
    """Row and column of the middle of an element's sector, in pixels of the panel."""
    inner, outer = edges(group)[int(group.is_reflection(element))]
    angle, radius = np.deg2rad(group.angle_deg(element)), (inner + outer) / 2
    centre = (SIDE - 1) / 2
    return (float(centre - radius * np.cos(angle)), float(centre - radius * np.sin(angle)))
