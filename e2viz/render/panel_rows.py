"""Where rows of panels stand: each under its label, all panels of one size, with their scales, markers and outlines."""

from collections.abc import Iterator

import numpy as np

from e2viz.render.marks import (
    LABEL_SIZE,
    SMALL_SIZE,
    Box,
    ColorBar,
    Line,
    Mark,
    Pixels,
    Sheet,
    Text,
    shorten,
    text_width,
)
from e2viz.render.scene import Number, Panel, Row

PANEL_GAP = 8
SMOOTH_ABOVE = 96  # pixels across a picture from which it is interpolated; panels.js says the same
CELL_GAP = 32
LARGEST_PANEL, COMFORTABLE_PANEL, DENSE_PANEL, SMALLEST_PANEL = 168, 84, 64, 56


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
        y = add_row(sheet, row, x, y, width, side)
    return y


def add_row(sheet: Sheet, row: Row, x: Number, y: Number, width: Number, side: Number) -> Number:
    """One row of panels of this side, under its label; returns the y below."""
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
