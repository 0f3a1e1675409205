"""Which views of the picture the class token of a learned aggregation attends to. Figure 10 of the study."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional

from e2viz.groups import Group
from e2viz.kept.parts import Part
from e2viz.measure.subject import Subject
from e2viz.measure.sweep import Sweep
from e2viz.measure.turning import on_step
from e2viz.models.post_hoc import PostHoc
from e2viz.nn.views import group_views
from e2viz.render.scene import Panel, Row, picture_pixels, quantise
from e2viz.scenes.element_ring import ring_canvas

PROBE = "aggregate.attention"
SIDE = 10  # of each view, in pixels


def attends_to_views(seen: Subject) -> bool:
    """Whether what a model attends to are whole views, and not parts of the picture."""
    return isinstance(seen.network, PostHoc)


def view_part(seen: Subject, swept: Sweep) -> Part:
    """One row: every view in a ring, coloured by the attention it gets, and each head by itself."""
    group = seen.group or Group(1)
    # From the class token, which is token 0, to the views.
    attention = swept.records[seen.name][PROBE][:, :, 0, 1:].astype(np.float64)
    high = float(attention.max())
    moved = distances(attention, group, swept.angles_deg)
    facts: dict[str, Any] = {
        "layer": PROBE.removesuffix(".attention"),
        "moved": moved,
        "about": f"{group.order} views of the picture, each coloured by the class token's attention to it.",
    }
    if moved:
        facts["worst"] = max(moved.values())
    panels = (ring_of_views(seen.name, swept, attention.mean(1), group, high), heads(attention, high))
    return Part((Row("the class token's attention to each view", panels),), facts)


def ring_of_views(name: str, swept: Sweep, weights: np.ndarray, group: Group, high: float) -> Panel:
    """The views at their elements' own angles, the picture in the middle."""
    images = swept.seen.get(name, swept.images)
    views = group_views(torch.from_numpy(images).float(), group)
    small = [
        functional.interpolate(views[:, element], size=(SIDE, SIDE), mode="bilinear", antialias=True).clamp(0, 1)
        for element in range(group.order)
    ]
    middle = picture_pixels(images)
    if middle.ndim == 3:
        small = [each[:, :1] for each in small]
    tiles = np.stack([quantise(each.movedim(1, -1).numpy(), 0.0, 1.0) for each in small])
    tiles = tiles[..., 0] if middle.ndim == 3 else tiles
    colour = np.broadcast_to(quantise(weights, 0.0, high).T[:, :, None, None], tiles.shape[:4])
    return Panel(
        title="every view, mean of the heads", palette="viridis", low=0.0, high=high, probe=PROBE,
        values=ring_canvas(colour.copy(), np.zeros(middle.shape[:3], dtype=np.uint8), group, SIDE),
        under=ring_canvas(tiles, middle, group, SIDE), caption="view 0° at the top, 90° at the left",
    )  # fmt: skip


def heads(attention: np.ndarray, high: float) -> Panel:
    """A row a head, a column a view, repeated to be nearly square."""
    tall = max(1, attention.shape[2] // attention.shape[1])
    return Panel.from_values(
        "by head", attention.repeat(tall, axis=1), "viridis", low=0.0, high=high, probe=PROBE,
        caption=f"{attention.shape[1]} heads from top to bottom, {attention.shape[2]} views from left to right",
    )  # fmt: skip


def distances(attention: np.ndarray, group: Group, angles_deg: np.ndarray) -> dict[str, float]:
    """For each quarter turn, how far the weights are from the upright ones moved along, relative to them."""
    found: dict[str, float] = {}
    if not on_step(float(angles_deg[0]), 360.0):
        return found
    for frame, angle in enumerate(angles_deg):
        if frame and on_step(float(angle), 90.0) and on_step(float(angle), 360.0 / group.rotations):
            element = round(float(angle) * group.rotations / 360.0) % group.rotations
            moved = group.act_on_group_axis(torch.from_numpy(attention[0]), element, 1).numpy()
            found[f"{angle:g}"] = float(np.linalg.norm(attention[frame] - moved) / np.linalg.norm(attention[0]))
    return found
