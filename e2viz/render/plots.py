"""Charts on a sheet: axes, tracks, the key, names of points, and what runs along with the frames."""

from collections.abc import Iterator

import numpy as np

from e2viz.render.chart import Chart, Track
from e2viz.render.label_places import places
from e2viz.render.marks import (
    LABEL_SIZE,
    SMALL_SIZE,
    Box,
    ColorBar,
    Dot,
    Line,
    Mark,
    Pixels,
    Sheet,
    Text,
    shorten,
    text_width,
    wrap,
)
from e2viz.render.scene import Number

GAP = 24
LEAST_WIDTH = 270
THREE_WIDTH = 190  # of three in one line, so that none stands alone below
DOT = 3.5
# Where a name stands -> its anchor, and how far it is from its point.
NAME_PLACES = {
    "middle right": ("l", 8, 4), "middle left": ("r", -8, 4), "top center": ("m", 0, -8),
    "bottom center": ("m", 0, 18), "top right": ("l", 6, -6), "bottom left": ("r", -6, 16),
}  # fmt: skip


def add_charts(sheet: Sheet, charts: tuple[Chart, ...], x: Number, y: Number, width: Number) -> Number:
    """The charts in a grid, two or three in a line where there is room; returns the y below."""
    most = 3 if any(chart.square for chart in charts) else 2
    least = THREE_WIDTH if len(charts) == most == 3 else LEAST_WIDTH
    columns = max(1, min(len(charts), most, int((width + GAP) // (least + GAP))))
    each_width = (width - GAP * (columns - 1)) / columns
    if columns == 1 and charts[0].square:
        each_width = min(each_width, 480)
    bottom = y
    for place, chart in enumerate(charts):
        if place % columns == 0:
            y = bottom
        below = add_chart(sheet, chart, x + (place % columns) * (each_width + GAP), y, each_width)
        bottom = max(bottom, below + 16)
    return bottom - 8


def add_chart(sheet: Sheet, chart: Chart, x: Number, y: Number, width: Number) -> Number:
    """One chart with its corner at x, y; returns the y below."""
    for line in wrap(chart.title, LABEL_SIZE, "medium", width):
        sheet.still.append(Text(x, y + 16, line, LABEL_SIZE, weight="medium"))
        y += 20
    y = _add_key(sheet, chart.tracks, x, y, width) + 12
    names = [name for _, name in chart.y.marked]
    left = x + min(max((text_width(name, SMALL_SIZE) for name in names), default=0), width / 3) + 8
    right = x + width - 8
    height = min(right - left, 520) if chart.square else chart.height
    if chart.square:
        right = left + height
    if chart.y.title:
        for line in wrap(chart.y.title, SMALL_SIZE, "regular", width):
            sheet.still.append(Text(x, y + 6, line, SMALL_SIZE, "muted"))
            y += 16
        y += 4
    plot = _Plot(chart, left, y, right - left, height)
    if chart.heat is not None:
        sheet.still.append(Pixels(left, y, right - left, height, chart.heat, 0))
    plot.add_axes(sheet)
    for track in chart.tracks:
        plot.add_track(sheet, track)
    plot.add_names(sheet)
    if chart.frames:
        sheet.moving.append(plot.moving)
    y += height + 22
    for line in wrap(chart.x.title, SMALL_SIZE, "regular", width) if chart.x.title else ():
        sheet.still.append(Text((left + right) / 2, y + 12, line, SMALL_SIZE, "muted", anchor="m"))
        y += 16
    if chart.heat is not None and chart.scale:
        y = _add_scale(sheet, chart, x, y + 6, width)
    for line in wrap(chart.caption, SMALL_SIZE, "regular", width) if chart.caption else ():
        sheet.still.append(Text(x, y + 14, line, SMALL_SIZE, "muted"))
        y += 16
    return y + 4


def _add_key(sheet: Sheet, tracks: tuple[Track, ...], x: Number, y: Number, width: Number) -> Number:
    """The labelled tracks in lines that wrap; returns the y below."""
    left = x
    named = [track for track in tracks if track.label]
    for track in named:
        label = shorten(track.label, SMALL_SIZE, "regular", width - 24)
        wide = 22 + text_width(label, SMALL_SIZE) + 14
        if left > x and left + wide > x + width:
            left, y = x, y + 16
        middle = y + 10
        if track.line:
            ends = np.array([(left, middle), (left + 16, middle)], dtype=np.float64)
            sheet.still.append(Line(ends, track.color, max(track.thickness, 1.5), track.dash))
        if track.dots or not track.line:
            sheet.still.append(_dot(left + 8, middle, track))
        sheet.still.append(Text(left + 22, y + 14, label, SMALL_SIZE))
        left += wide
    return y + (18 if named else 0)


def _add_scale(sheet: Sheet, chart: Chart, x: Number, y: Number, width: Number) -> Number:
    """What the colours of a map stand for; returns the y below."""
    heat = chart.heat
    low, high = (f"{value:.2g}".replace("-", "−") for value in (heat.low, heat.high))
    start = x + text_width(heat.title, SMALL_SIZE) + 12 + text_width(low, SMALL_SIZE) + 6
    sheet.still += [
        Text(x, y + 10, heat.title, SMALL_SIZE, "muted"),
        Text(start - 6, y + 10, low, SMALL_SIZE, "muted", anchor="r"),
        ColorBar(start, y + 2, 96, 8, heat.palette),
        Text(start + 102, y + 10, high, SMALL_SIZE, "muted"),
    ]
    return y + 16


def _dot(x: Number, y: Number, track: Track) -> Dot:
    if track.hollow:
        return Dot(x, y, DOT - 1, "background", track.color, 1.5)
    return Dot(x, y, DOT, track.color)


class _Plot:
    """The rectangle of one chart."""

    def __init__(self, chart: Chart, left: Number, top: Number, width: Number, height: Number) -> None:
        self.chart, self.left, self.top, self.width, self.height = chart, left, top, width, height

    def points(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """[point 2] on the sheet."""
        across = self.left + self.width * self.chart.x.place(x)
        return np.stack([across, self.top + self.height * (1 - self.chart.y.place(y))], axis=1)

    def add_axes(self, sheet: Sheet) -> None:
        """Rules and ticks; names that would touch the one before are left out."""
        bottom = self.top + self.height
        for value, name in self.chart.y.marked:
            at = bottom - self.height * float(self.chart.y.place(value))
            if self.chart.heat is None:
                sheet.still.append(Box(self.left, round(at), self.width, 1, "rule"))
            weight = "mono" if self.chart.y.mono else "regular"
            label = shorten(name, SMALL_SIZE, weight, self.width)
            sheet.still.append(Text(self.left - 8, at + 4, label, SMALL_SIZE, "muted", weight, "r"))
        reached = -np.inf
        weight = "mono" if self.chart.x.mono else "regular"
        for value, name in self.chart.x.marked:
            at = self.left + self.width * float(self.chart.x.place(value))
            sheet.still.append(Box(round(at), bottom, 1, 5, "rule"))
            half = text_width(name, SMALL_SIZE, weight) / 2
            if at - half < reached + 6:
                continue
            anchor = "r" if at + half > self.left + self.width + 8 else "m"
            if anchor == "r" and at - 2 * half < reached + 6:
                continue
            sheet.still.append(Text(at, bottom + 18, name, SMALL_SIZE, "muted", weight, anchor))
            reached = at + (half if anchor == "m" else 0)
        for value in self.chart.verticals:
            at = self.left + self.width * float(self.chart.x.place(value))
            color = "muted" if self.chart.heat is None else "#ffffff"
            sheet.still.append(Line(np.array([(at, self.top), (at, bottom)]), color, 1.0, 2.0))

    def add_track(self, sheet: Sheet, track: Track) -> None:
        """Intervals, line and marks."""
        points = self.points(track.x, track.y)
        if track.low is not None and track.high is not None:
            ends = (self.points(track.x, track.low), self.points(track.x, track.high))
            for low, high in zip(*ends, strict=True):
                sheet.still.append(Line(np.array([low, high]), track.color, 1.0))
        if track.line and len(points) > 1:
            sheet.still.append(Line(points, track.color, track.thickness, track.dash))
        if track.dots:
            sheet.still += [_dot(float(px), float(py), track) for px, py in points]

    def add_names(self, sheet: Sheet) -> None:
        """The names of points, each where it covers nothing."""
        marks, texts = [], []
        for track in self.chart.tracks:
            if track.names:
                across, up = self.chart.x.place(track.x), self.chart.y.place(track.y)
                marks += list(zip(across.tolist(), up.tolist(), strict=True))
                texts += list(track.names)
        letter = text_width("n", SMALL_SIZE) / self.width
        for mark, text, place in zip(marks, texts, places(marks, texts, letter, 16 / self.height), strict=True):
            if place is not None and text:
                anchor, right, below = NAME_PLACES[place]
                across, up = mark
                x, y = self.left + self.width * across + right, self.top + self.height * (1 - up) + below
                sheet.still.append(Text(x, y, text, SMALL_SIZE, anchor=anchor))

    def moving(self, frame: int) -> Iterator[Mark]:
        """The cursor, and a dot on each track that follows."""
        cursor = self.chart.cursor
        if cursor is not None:
            at = self.left + self.width * float(self.chart.x.place(cursor[frame]))
            ends = np.array([(at, self.top), (at, self.top + self.height)])
            if self.chart.heat is None:
                yield Line(ends, "muted", 1.0)
            else:
                yield Line(ends, "#000000", 3.0)
                yield Line(ends, "#ffffff", 1.5)
        for track in self.chart.tracks:
            if track.follows:
                x, y = self.points(track.x[frame : frame + 1], track.y[frame : frame + 1])[0].tolist()
                yield Dot(x, y, 4.5, track.color, "background", 1.5)
