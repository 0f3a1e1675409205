"""Class bars, curves against angle, and the legend of the rings."""

from collections.abc import Iterator

import numpy as np

from e2viz.render.marks import (
    LABEL_SIZE,
    SMALL_SIZE,
    TITLE_SIZE,
    Box,
    Dot,
    Line,
    Mark,
    Sheet,
    Text,
    shorten,
    text_width,
)
from e2viz.render.palette import class_color
from e2viz.render.scene import Bars, Curve, Number, Ring, Scene

CARD_GAP = 24
CARD_MIN_WIDTH = 150
CARD_HEAD = 40
PLOT_HEIGHT = 96


def add_cards(sheet: Sheet, bars: tuple[Bars, ...], x: Number, y: Number, width: Number, height: Number) -> Number:
    """One card of class bars for each model, in a grid that fills `height` where it can; returns the y below."""
    fitting = int((width + CARD_GAP) // (CARD_MIN_WIDTH + CARD_GAP))
    columns = max(1, min(len(bars), fitting))
    if len(bars) == 4 and columns == 3:
        columns = 2
    rows = -(-len(bars) // columns)
    card_width = (width - CARD_GAP * (columns - 1)) / columns
    if len(bars) == 1:
        card_width = min(card_width, 420)
    classes = max(len(each.class_names) for each in bars)
    pitch = float(np.clip((height / rows - CARD_HEAD - 16) // classes, 14, 28))
    card_height = CARD_HEAD + pitch * classes + 16
    for i, each in enumerate(bars):
        left = x + (i % columns) * (card_width + CARD_GAP)
        _add_card(sheet, each, left, y + (i // columns) * card_height, card_width, pitch)
    return y + rows * card_height - 8


def percent(probability: Number) -> str:
    """A probability as a whole percentage; rounded, so that the last steps are "100%" and "0%"."""
    return f"{100 * probability:.0f}%"


def _add_card(sheet: Sheet, bars: Bars, x: Number, y: Number, width: Number, pitch: Number) -> None:
    names = bars.class_names
    name_width = min(max(text_width(name, SMALL_SIZE, "medium") for name in names), width * 0.34)
    value_width = text_width(percent(1.0), SMALL_SIZE)
    left, right = x + name_width + 8, x + width - value_width - 8
    thick = min(12.0, pitch - 5)
    sheet.still.append(Box(x, y, width, 3, bars.color))
    label = shorten(bars.label, LABEL_SIZE, "medium", width * 0.62)
    sheet.still.append(Text(x, y + 25, label, LABEL_SIZE, weight="medium"))
    # The answer stands large where every class has room to; else all of them in the size of the model's name.
    large = all(text_width(name, TITLE_SIZE, "semibold") <= width * 0.36 for name in names)
    room = width * 0.36 if large else width - text_width(label, LABEL_SIZE, "medium") - 12
    size, below = (TITLE_SIZE, 28) if large else (LABEL_SIZE, 25)
    for i in range(len(names)):
        top = y + CARD_HEAD + pitch * i + (pitch - thick) / 2
        sheet.still.append(Box(left, top, right - left, thick, "track"))

    def moving(frame: int) -> Iterator[Mark]:
        probability = np.clip(bars.probability[frame], 0.0, 1.0)
        winner = int(probability.argmax())
        won = shorten(names[winner], size, "semibold", room)
        yield Text(x + width, y + below, won, size, weight="semibold", anchor="r")
        for i, value in enumerate(probability):
            top = y + CARD_HEAD + pitch * i + (pitch - thick) / 2
            baseline = y + CARD_HEAD + pitch * i + pitch / 2 + 4.5
            weight, color = ("medium", "text") if i == winner else ("regular", "muted")
            name = shorten(names[i], SMALL_SIZE, weight, name_width + 1)
            yield Text(x + name_width, baseline, name, SMALL_SIZE, color, weight, "r")
            yield Box(left, top, (right - left) * float(value), thick, class_color(i))
            yield Text(x + width, baseline, percent(float(value)), SMALL_SIZE, color, weight, "r")

    sheet.moving.append(moving)


def add_legend(sheet: Sheet, rings: tuple[Ring, ...], x: Number, y: Number, width: Number) -> Number:
    """The rings' models, outermost first, in a centred line that wraps; returns the y below."""
    lines: list[list[Ring]] = [[]]
    for ring in rings:
        if lines[-1] and _legend_width([*lines[-1], ring]) > width:
            lines.append([])
        lines[-1].append(ring)
    for line in filter(None, lines):
        left = x + max(0.0, width - _legend_width(line)) / 2
        for ring in line:
            sheet.still.append(Dot(left + 5, y + 15, 4, ring.color))
            sheet.still.append(Text(left + 16, y + 20, ring.label, LABEL_SIZE))
            left += _legend_width([ring]) + 20
        y += 24
    return y + 8


def _legend_width(rings: list[Ring]) -> Number:
    return sum(16 + text_width(ring.label, LABEL_SIZE) for ring in rings) + 20 * (len(rings) - 1)


def add_curves(sheet: Sheet, scene: Scene, x: Number, y: Number, width: Number) -> Number:
    """One plot for each quantity, side by side where there is room; returns the y below."""
    quantities = list(dict.fromkeys(curve.quantity for curve in scene.curves))
    columns = min(len(quantities), 2 if width >= 560 else 1)
    plot_width = (width - CARD_GAP * (columns - 1)) / columns
    height = PLOT_HEIGHT + 56
    for i, quantity in enumerate(quantities):
        curves = [curve for curve in scene.curves if curve.quantity == quantity]
        left, top = x + (i % columns) * (plot_width + CARD_GAP), y + (i // columns) * height
        _add_plot(sheet, scene.angles_deg, quantity, curves, left, top, plot_width)
    return y + height * -(-len(quantities) // columns)


def angle_limits(angles_deg: np.ndarray) -> tuple[float, float]:
    """The ends of the axis of angles: a whole turn where they lie in one."""
    start, end = (float(angles_deg.min()), float(angles_deg.max()))
    if start >= 0 and end < 360:
        start, end = 0.0, 360.0
    return start, end if end > start else start + 1.0


def limits(curves: list[Curve]) -> tuple[float, float]:
    """The ends of the axis that curves share."""
    shown = [curve.values for curve in curves] + [curve.band for curve in curves if curve.band is not None]
    low, high = min(0.0, *(float(each.min()) for each in shown)), max(float(each.max()) for each in shown)
    if 0.5 < high <= 1.0 + 1e-6:
        high = 1.0
    return low, high if high > low else low + 1.0


def _add_plot(
    sheet: Sheet, angles_deg: np.ndarray, quantity: str, curves: list[Curve], x: Number, y: Number, width: Number
) -> None:
    low, high = limits(curves)
    labels = [f"{value:.2g}".replace("-", "−") for value in (low, high)]
    left = x + max(text_width(label, SMALL_SIZE) for label in labels) + 8
    right, top, bottom = x + width - 4, y + 28, y + 28 + PLOT_HEIGHT
    start, end = angle_limits(angles_deg)
    span = end - start

    def across(angle_deg: Number | np.ndarray) -> float | np.ndarray:
        return left + (right - left) * (angle_deg - start) / span

    def down(value: Number | np.ndarray) -> float | np.ndarray:
        return bottom - PLOT_HEIGHT * (value - low) / (high - low)

    sheet.still.append(Text(x, y + 12, quantity, SMALL_SIZE, "text", "medium"))
    _add_key(sheet, curves, right, y + 12, right - x - text_width(quantity, SMALL_SIZE, "medium") - 16)
    for label, at in zip(labels, (bottom, top), strict=True):
        sheet.still.append(Text(left - 8, at + 4, label, SMALL_SIZE, "muted", anchor="r"))
        sheet.still.append(Box(left, at - 0.5, right - left, 1, "rule"))
    for angle_deg in np.arange(np.ceil(start / 90) * 90, end + 1, 90):
        at = float(across(angle_deg))
        sheet.still.append(Box(at - 0.5, bottom, 1, 5, "rule"))
        anchor = "l" if at - left < 4 else "r" if right - at < 4 else "m"
        sheet.still.append(Text(at, bottom + 18, f"{angle_deg:.0f}°", SMALL_SIZE, "muted", anchor=anchor))
    for curve in curves:
        points = np.stack([across(angles_deg), down(curve.values)], axis=1)
        sheet.still.append(Line(points, curve.color, 1.5, 4.0 if curve.dashed else 0.0))
        for at, ends in zip(points[:, 0], () if curve.band is None else np.asarray(down(curve.band)), strict=False):
            sheet.still.append(Line(np.array([(at, ends[0]), (at, ends[1])]), curve.color, 1.0))

    def moving(frame: int) -> Iterator[Mark]:
        at = float(across(angles_deg[frame]))
        yield Line(np.array([(at, top), (at, bottom)]), "muted", 1.0)
        for curve in curves:
            yield Dot(at, float(down(curve.values[frame])), 4.0, curve.color, "background", 1.5)

    sheet.moving.append(moving)


def _add_key(sheet: Sheet, curves: list[Curve], right: Number, baseline: Number, room: Number) -> None:
    """Names in their curves' colours, right-aligned above the plot, as many as fit."""
    for curve in reversed(curves):
        width = text_width(curve.label, SMALL_SIZE)
        if width > room:
            return
        sheet.still.append(Text(right, baseline, curve.label, SMALL_SIZE, curve.color, anchor="r"))
        right, room = right - width - 14, room - width - 14
