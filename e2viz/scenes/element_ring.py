"""What belongs to each group element in a ring round the picture: a quarter turn of the picture turns the ring."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from einops import reduce
from jaxtyping import Float, UInt8

from e2viz.groups import Group
from e2viz.render.scene import Panel, quantise

Array = np.ndarray
GAP = 2
# A window of fewer pixels than this is enlarged; the picture in the middle is reduced.
LEAST_SIDE, REDUCED = 20, 2


def ring_canvas(
    tiles: UInt8[Array, "element frame side side *rgb"],
    middle: UInt8[Array, "frame inner inner *rgb"],
    group: Group,
    least: int = LEAST_SIDE,
) -> UInt8[Array, "frame size size *rgb"]:
    """Tiles at their elements' own angles, counter-clockwise from the top, mirrored ones further out.

    Tiles of a side below ``least`` are enlarged. Everything is placed symmetrically about the middle: turning the
    picture of a ring by 90° is moving each turned tile to the next quarter.

    Raises:
        ValueError: for another number of tiles than the group has elements.
    """
    if len(tiles) != group.order:
        raise ValueError(f"a ring must have a tile for each element, got {len(tiles)} for {group.name}")
    side, inner = tiles.shape[2], middle.shape[1]
    factor = math.ceil(least / side)
    factor += (side * factor) % 2  # an even tile lies as far from the middle on one side as on the other
    tile = side * factor
    clear = tile / math.sqrt(2)  # half a tile's diagonal: no tile meets its neighbour or the disc in the middle
    radius = math.ceil(max(inner / 2 + clear, clear / math.sin(math.pi / max(group.rotations, 2)))) + GAP
    outer = radius + (tile + GAP if group.reflections else 0)
    size = 2 * (outer + tile // 2 + GAP)
    start = (size - inner) // 2
    canvas = np.zeros((middle.shape[0], size, size, *middle.shape[3:]), dtype=np.uint8)
    canvas[:, start : start + inner, start : start + inner] = middle
    for element in group.elements:
        angle, away = math.radians(group.angle_deg(element)), outer if group.is_reflection(element) else radius
        row = size // 2 - round(away * math.cos(angle)) - tile // 2
        column = size // 2 - round(away * math.sin(angle)) - tile // 2
        enlarged = tiles[element].repeat(factor, axis=1).repeat(factor, axis=2)
        canvas[:, row : row + tile, column : column + tile] = enlarged
    return canvas


def element_ring(panels: Sequence[Panel], group: Group, axis: str, side: int) -> Panel:
    """One panel with the window of every element, cut out of its panel, round the picture.

    Turning the picture by an element of an equivariant network turns each window and moves it to the place of the
    turned element: at quarter turns this panel is exactly its first frame, turned.

    Args:
        panels: one for each element, all on one scale, with a marker in the middle of the window.
        group: whose elements they are.
        axis: name of the axis, for the title.
        side: of the window, in pixels of the panels.
    """
    first = panels[0]
    size = first.values.shape[-1] // REDUCED
    nothing = np.zeros((first.frames, size, size), dtype=np.uint8)
    values = ring_canvas(np.stack([windows(e.values, _middles(e), side) for e in panels]), nothing, group)
    under = None
    if first.under is not None:
        cut = [windows(each.under, _middles(each), side) for each in panels if each.under is not None]
        small = reduce(first.under / 255, "frame (h a) (w b) ... -> frame h w ...", "mean", a=REDUCED, b=REDUCED)
        under = ring_canvas(np.stack(cut), quantise(small, 0.0, 1.0), group)
    return Panel(
        title=f"every {axis}, in a ring", values=values, palette=first.palette, low=first.low, high=first.high,
        probe=first.probe, under=under,
    )  # fmt: skip


def _middles(panel: Panel) -> Float[Array, "frame 2"]:
    """The middle of the window in every frame, in pixels of the panel from its edge."""
    if panel.marker is None:
        raise ValueError(f"a panel of a ring must have a marker, {panel.title!r} has none")
    return panel.marker + 0.5


def windows(
    pixels: UInt8[Array, "frame height width *rgb"], middles: Float[Array, "frame 2"], side: int
) -> UInt8[Array, "frame side side *rgb"]:
    """A square cut out of every frame; zeros where it reaches beyond the frame."""
    padded = np.pad(pixels, ((0, 0), (side, side), (side, side), *[(0, 0)] * (pixels.ndim - 3)))
    corners = np.rint(middles - side / 2).astype(int) + side
    return np.stack([each[r : r + side, c : c + side] for each, (r, c) in zip(padded, corners, strict=True)])
