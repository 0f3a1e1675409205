"""Where everything of a scene stands: one sheet of marks on an 8-pixel grid, for any width and any number of models."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np

from e2viz.limits import LARGEST_SHEET_WIDTH
from e2viz.render.charts import add_cards, add_curves, add_legend
from e2viz.render.marks import (
    LABEL_SIZE,
    SMALL_SIZE,
    TITLE_SIZE,
    Box,
    ColorBar,
    Line,
    Mark,
    Pixels,
    Sheet,
    Text,
    shorten,
    text_width,
    wrap,
)
from e2viz.render.plots import add_charts
from e2viz.render.ring import add_dial
from e2viz.render.scene import Number, Panel, Placed, Row, Scene

NARROW_BELOW = 640
MIN_WIDTH = 240
PANEL_GAP = 8
SMOOTH_ABOVE = 96  # pixels across a picture from which it is interpolated; panels.js says the same
ASIDE_HEIGHT = 140
CELL_GAP, CELL_MIN_WIDTH = 32, 180
LARGEST_PANEL, COMFORTABLE_PANEL, DENSE_PANEL, SMALLEST_PANEL = 168, 84, 64, 56
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
            below = _add_row(sheet, row, right, below, room, COMFORTABLE_PANEL)
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


def add_rows_abreast(sheet: Sheet, rows: tuple[Row, ...], x: Number, y: Number, width: Number) -> Number:
    """Rows in two columns where none has more than four panels and there is room; returns the y below."""
    each = (width - CELL_GAP) / 2
    if len(rows) < 2 or max(len(row.panels) for row in rows) > 4 or each < 4 * (SMALLEST_PANEL + PANEL_GAP):
        return add_rows(sheet, rows, x, y + 8, width, DENSE_PANEL)
    for first in range(0, len(rows), 2):
        pair = rows[first : first + 2]
        y = max(
            add_rows(sheet, (row,), x + k * (each + CELL_GAP), y + 8, each, DENSE_PANEL) for k, row in enumerate(pair)
        )
    return y


def add_rows(
    sheet: Sheet, rows: tuple[Row, ...], x: Number, y: Number, width: Number, comfortable: Number = COMFORTABLE_PANEL
) -> Number:
    """Rows of panels, each under its label; all panels have one size, so that rows can be compared.

    Args:
        sheet: what they are added to.
        rows: one below the other.
        x: their left.
        y: their top.
        width: what they may take.
        comfortable: panels are not made smaller than this to fit on one line.

    Returns:
        The y below the last row.
    """
    most = max(len(row.panels) for row in rows)
    fitting = max(1, int((width + PANEL_GAP) // (comfortable + PANEL_GAP)))
    lines = -(-most // fitting)
    columns = -(-most // lines)  # lines of equal length instead of a last panel alone
    side = float(np.clip((width - PANEL_GAP * (columns - 1)) // columns, SMALLEST_PANEL, LARGEST_PANEL))
    for row in rows:
        y = _add_row(sheet, row, x, y, width, side)
    return y


def _add_row(sheet: Sheet, row: Row, x: Number, y: Number, width: Number, side: Number) -> Number:
    shared = _shared_scale(row) if row.scale else None
    widths = [_panel_size(panel, side) for panel in row.panels]
    used = min(width, sum(max(each, SMALLEST_PANEL) for each, _ in widths) + PANEL_GAP * (len(widths) - 1))
    used = min(width, max(used, 280))
    if row.label or shared:
        baseline = y + 24
        left = x
        if row.color:
            sheet.still.append(Box(x, baseline - 11, 3, 13, row.color))
            left += 11
        room = used - (left - x) - (150 if shared else 0)
        label = shorten(row.label, LABEL_SIZE, "medium", room)
        sheet.still.append(Text(left, baseline, label, LABEL_SIZE, weight="medium"))
        if shared:
            _add_scale(sheet, shared, x + used, baseline)
        y = baseline + 4
    position, line_height = x, 0.0
    for panel, (panel_width, panel_height) in zip(row.panels, widths, strict=True):
        if position > x and position + panel_width > x + width + 0.5:
            position, y, line_height = x, y + line_height, 0.0
        height = _add_panel(sheet, panel, position, y, panel_width, panel_height, row.scale and shared is None)
        position += max(panel_width, SMALLEST_PANEL) + PANEL_GAP
        line_height = max(line_height, height)
    return y + line_height + 8


def _panel_size(panel: Panel, side: Number) -> tuple[Number, Number]:
    """A whole number of screen pixels for each map pixel where that fits, so that nearest scaling is even."""
    height, width = panel.at(0).shape[:2]
    longest = max(height, width)
    factor = side // longest if longest <= side else side / longest
    return width * factor, height * factor


def _shared_scale(row: Row) -> Panel | None:
    """The first map of the row when all its maps share palette and limits, so that one scale serves the row."""
    maps = [panel for panel in row.panels if not panel.is_rgb and panel.palette != "grey"]
    scales = {(panel.palette, panel.low, panel.high) for panel in maps}
    return maps[0] if len(scales) == 1 else None


def number(value: Number) -> str:
    """Two significant digits, with a real minus sign."""
    text = f"{value:.2g}" if value else "0"
    return text.replace("-", "−")


def _add_scale(sheet: Sheet, panel: Panel, right: Number, baseline: Number) -> None:
    high, low = number(panel.high), number(panel.low)
    start = right - text_width(high, SMALL_SIZE) - 6 - 64
    sheet.still += [
        Text(right, baseline, high, SMALL_SIZE, "muted", anchor="r"),
        ColorBar(start, baseline - 8, 64, 8, panel.palette),
        Text(start - 6, baseline, low, SMALL_SIZE, "muted", anchor="r"),
    ]


def _add_panel(
    sheet: Sheet, panel: Panel, x: Number, y: Number, width: Number, height: Number, own_scale: bool
) -> Number:
    """One panel with its labels outside the pixels; returns the height that it takes."""
    top = y
    for text, weight, color in ((panel.title, "regular", "text"), (panel.probe, "mono", "muted")):
        if text:
            label = shorten(text, SMALL_SIZE, weight, max(width, SMALLEST_PANEL), at_end=weight != "mono")
            sheet.still.append(Text(x, y + 14, label, SMALL_SIZE, color, weight))
            y += 16
    y += 4
    if panel.color:
        sheet.still.append(Box(x, y, width, 2, panel.color))
        y += 4

    def moving(frame: int) -> Iterator[Mark]:
        yield Pixels(x, y, width, height, panel, frame, smooth=panel.is_rgb and panel.at(0).shape[1] > SMOOTH_ABOVE)
        yield from _overlays(panel, frame, x, y, width)

    fixed = panel.frames == 1 and all(track is None or len(track) == 1 for track in (panel.marker, panel.outline))
    if fixed:
        sheet.still += list(moving(0))
    else:
        sheet.moving.append(moving)
    bottom = y + height
    facts = [panel.caption] if panel.caption else []
    if own_scale and not panel.is_rgb and panel.palette != "grey":
        facts.append(f"{number(panel.low)} … {number(panel.high)}")
    for fact in facts:
        line = shorten(fact, SMALL_SIZE, "regular", max(width, SMALLEST_PANEL))
        sheet.still.append(Text(x, bottom + 15, line, SMALL_SIZE, "muted"))
        bottom += 16
    return bottom + 8 - top


def _overlays(panel: Panel, frame: int, x: Number, y: Number, width: Number) -> Iterator[Mark]:
    """Marker and outline, each white on a dark rim: they must show on any map."""
    pixel = width / panel.at(0).shape[1]
    if panel.outline is not None:
        row, column, rows, columns = panel.outline[frame if len(panel.outline) > 1 else 0]
        left, top = x + column * pixel, y + row * pixel
        right, bottom = left + columns * pixel, top + rows * pixel
        corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom), (left, top)])
        yield Line(corners, "#000000", 3.0)
        yield Line(corners, "#ffffff", 1.5)
    if panel.marker is not None:
        row, column = panel.marker[frame if len(panel.marker) > 1 else 0]
        middle_x, middle_y = x + (column + 0.5) * pixel, y + (row + 0.5) * pixel
        reach = max(6.0, pixel * 0.75)
        angle = np.linspace(0, 2 * np.pi, 33)
        circle = np.stack([middle_x + reach * np.cos(angle), middle_y + reach * np.sin(angle)], axis=1)
        yield Line(circle, "#000000", 3.0)
        yield Line(circle, "#ffffff", 1.5)
