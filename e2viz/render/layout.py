"""Where everything of a scene stands: one sheet of marks on an 8-pixel grid, for any width and any number of models."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from e2viz.limits import LARGEST_SHEET_WIDTH
from e2viz.render.charts import add_cards, add_curves, add_legend
from e2viz.render.marks import LABEL_SIZE, SMALL_SIZE, TITLE_SIZE, Line, Mark, Sheet, Text, wrap
from e2viz.render.panel_rows import CELL_GAP, COMFORTABLE_PANEL, DENSE_PANEL, add_row, add_rows, add_rows_abreast
from e2viz.render.plots import add_charts
from e2viz.render.ring import add_dial
from e2viz.render.scene import Number, Placed, Scene

NARROW_BELOW = 640
MIN_WIDTH = 240
ASIDE_HEIGHT = 140
CELL_MIN_WIDTH = 180
LEAST_BESIDE = 80  # left beside the dial, where something more is placed there


def lay_out(scene: Scene, width: int) -> Sheet:
    """Place the marks of a scene.

    Args:
        scene: what is shown.
        width: of the sheet in logical pixels; the height follows from it.

    Raises:
        ValueError: a width that leaves no room for a picture.
    """
    if not MIN_WIDTH <= width <= LARGEST_SHEET_WIDTH:
        raise ValueError(f"width must be from {MIN_WIDTH} to {LARGEST_SHEET_WIDTH} pixels, got {width}")
    sheet = Sheet(width)
    margin = 32 if width >= NARROW_BELOW else 16
    y = _fill(sheet, scene, width, margin)
    sheet.height = int(np.ceil((y + margin - 8) / 8)) * 8
    if scene.sheet_height:
        moved(sheet, 0, max(0, (scene.sheet_height - sheet.height) / 2))
        sheet.height = max(scene.sheet_height, sheet.height)
    return sheet


def _fill(sheet: Sheet, scene: Scene, width: Number, margin: Number) -> Number:
    """Place the marks of a scene within the margins; returns the y below."""
    inner = width - 2 * margin
    y: Number = margin
    if scene.title:
        y = _add_lines(sheet, margin, y, wrap(scene.title, TITLE_SIZE, "semibold", inner), 30) + 16
    if scene.cells:
        y = _add_grid(sheet, scene, margin, y, inner)
    rows, charts = scene.rows, scene.charts
    if scene.picture is not None or scene.rings or scene.bars:
        y, beside_rows, beside_charts = _add_hero(sheet, scene, margin, y, inner)
        rows, charts = rows[beside_rows:], charts[beside_charts:]
        if beside_rows and rows:
            y, rows = add_rows_abreast(sheet, rows, margin, y, inner), ()
        if scene.bars and inner >= NARROW_BELOW - 64:
            rows = tuple(row for row in rows if not row.aside)
    if scene.curves:
        y = add_curves(sheet, scene, margin, y + 16, inner)
    if charts:
        y = add_charts(sheet, charts, margin, y + 16, inner)
    if rows:
        y = add_rows(sheet, rows, margin, y + 8, inner)
    if scene.caption:
        lines = wrap(scene.caption, SMALL_SIZE, "regular", inner)
        for i, line in enumerate(lines):
            sheet.still.append(Text(margin, y + 20 + 18 * i, line, SMALL_SIZE, "muted"))
        y += 12 + 18 * len(lines)
    return y


def _add_grid(sheet: Sheet, scene: Scene, x: Number, y: Number, inner: Number) -> Number:
    """The cells of a figure, each laid out as a sheet of its own; those of a line share their top."""
    columns = max(1, min(scene.columns, int((inner + CELL_GAP) // (CELL_MIN_WIDTH + CELL_GAP))))
    column_width = (inner - CELL_GAP * (columns - 1)) / columns
    place, bottom = 0, y
    for cell in scene.cells:
        wide = min(cell.columns, columns)
        if place + wide > columns:
            place, y = 0, bottom + CELL_GAP
        left, width = x + place * (column_width + CELL_GAP), column_width * wide + CELL_GAP * (wide - 1)
        bottom = max(bottom, _add_cell(sheet, cell, left, y, width))
        place += wide
    return bottom


def _add_cell(sheet: Sheet, cell: Placed, x: Number, y: Number, width: Number) -> Number:
    for line in wrap(cell.title, LABEL_SIZE, "semibold", width) if cell.title else ():
        sheet.still.append(Text(x, y + 16, line, LABEL_SIZE, weight="semibold"))
        y += 22
    part = Sheet(round(width))
    below = y + _fill(part, cell.scene, width, 0)
    moved(part, x, y)
    sheet.still += part.still
    sheet.moving.append(lambda frame: part.marks(cell.frames[frame]))
    for line in wrap(cell.caption, SMALL_SIZE, "regular", width) if cell.caption else ():
        sheet.still.append(Text(x, below + 14, line, SMALL_SIZE, "muted"))
        below += 18
    return below


def moved(sheet: Sheet, right: Number, down: Number) -> None:
    """Move all that is on a sheet."""

    def at(mark: Mark) -> Mark:
        if isinstance(mark, Line):
            return replace(mark, points=mark.points + np.array([right, down]))
        return replace(mark, x=mark.x + right, y=mark.y + down)

    def moved(draw: Callable[[int], Iterable[Mark]]) -> Callable[[int], Iterable[Mark]]:
        return lambda frame: [at(mark) for mark in draw(frame)]

    sheet.still = [at(mark) for mark in sheet.still]
    sheet.moving = [moved(draw) for draw in sheet.moving]


def _add_lines(sheet: Sheet, x: Number, y: Number, lines: list[str], pitch: Number) -> Number:
    for i, line in enumerate(lines):
        sheet.still.append(Text(x, y + 20 + pitch * i, line, TITLE_SIZE, weight="semibold"))
    return y + pitch * len(lines)


def _add_hero(sheet: Sheet, scene: Scene, x: Number, y: Number, inner: Number) -> tuple[Number, int, int]:
    """The dial, and beside it (below it on a narrow sheet) the cards, or else the first rows, or else the first charts.

    Returns:
        The y below, and how many rows and how many charts stand beside the dial: as many as it is high. What is left
        takes the whole width, so that nothing stays empty below the dial.
    """
    has_dial = scene.picture is not None or bool(scene.rings)
    narrow = inner < NARROW_BELOW - 64
    beside = "" if scene.bars or narrow else "rows" if scene.rows else "charts" if scene.charts else ""
    if not has_dial:
        return add_cards(sheet, scene.bars, x, y, inner, 0), 0, 0
    if narrow:
        side = min(inner, 400)
        add_dial(sheet, scene, x + (inner - side) / 2, y, side)
        bottom = y + side + 8
        if scene.bars:
            return add_cards(sheet, scene.bars, x, bottom + 16, inner, 0), 0, 0
        return add_legend(sheet, scene.rings, x, bottom, inner), 0, 0
    side = float(np.clip(8 * round(inner * 0.44 / 8), 240, 480))
    alone = not scene.bars and not beside
    add_dial(sheet, scene, x + (inner - side) / 2 if alone else x, y, side)
    right = x + side + 40
    room = x + inner - right
    bottom = y + side
    if scene.bars:
        asides = tuple(row for row in scene.rows if row.aside)
        below = add_cards(sheet, scene.bars, right, y, room, side - (ASIDE_HEIGHT if asides else 0))
        for row in asides:
            below = add_row(sheet, row, right, below, room, COMFORTABLE_PANEL)
        return max(bottom, below), 0, 0
    if scene.rings:
        bottom = add_legend(sheet, scene.rings, x, bottom + 8, inner if alone else side)
    below, count, parts = y, 0, scene.rows if beside == "rows" else scene.charts if beside else ()
    while count < len(parts) and below < bottom - LEAST_BESIDE:
        if beside == "rows":
            below = add_rows(sheet, scene.rows[count : count + 1], right, below - 8, room, DENSE_PANEL)
        else:
            below = add_charts(sheet, scene.charts[count : count + 1], right, below, room) + 8
        count += 1
    bottom = max(bottom, below)
    return bottom, count if beside == "rows" else 0, count if beside == "charts" else 0
