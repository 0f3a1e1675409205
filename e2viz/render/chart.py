"""A chart as plain arrays: axes and tracks. The player and the files draw the same one."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

Number = float | int
Array = np.ndarray


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One axis.

    Args:
        title: quantity and unit.
        low: value at the left or lower end.
        high: value at the other end; below `low` where the axis runs the other way.
        log: logarithmic; both ends must be positive.
        ticks: value and what it is called; round numbers where none are given.
        mono: its ticks are names of probes.
    """

    title: str = ""
    low: Number = 0.0
    high: Number = 1.0
    log: bool = False
    ticks: tuple[tuple[float, str], ...] = ()
    mono: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low != self.high):
            raise ValueError(f"an axis must have finite, different ends, got {self.low} and {self.high}")
        if self.log and min(self.low, self.high) <= 0:
            raise ValueError(f"a logarithmic axis must have positive ends, got {self.low} and {self.high}")

    def place(self, value: Number | Array) -> Float[Array, "*value"]:
        """0 at `low` and 1 at `high`; values outside lie on the end."""
        if self.log:
            lowest = min(self.low, self.high)
            value = np.log(np.maximum(np.asarray(value, dtype=np.float64), lowest))
            low, high = math.log(self.low), math.log(self.high)
        else:
            value, low, high = np.asarray(value, dtype=np.float64), self.low, self.high
        return np.asarray(np.clip((value - low) / (high - low), 0.0, 1.0))

    @property
    def marked(self) -> tuple[tuple[float, str], ...]:
        """The ticks that are drawn."""
        if self.ticks:
            return self.ticks
        low, high = sorted((float(self.low), float(self.high)))
        return _log_ticks(low, high) if self.log else _round_ticks(low, high)


@dataclass(frozen=True, kw_only=True, eq=False)
class Track:
    """One line or one set of marks.

    Args:
        label: in the key; "" leaves it out.
        color: of a model, or any.
        x: [point].
        y: [point].
        line: join the points.
        dots: mark the points.
        dash: length of its dashes; 0 for a solid line.
        thickness: of the line.
        hollow: marks are rings.
        names: beside each point, where there is room.
        low: [point] lower end of each point's interval.
        high: [point] upper end.
        follows: a dot runs along it with the frames, one point for each frame.
    """

    label: str
    color: str
    x: Float[Array, " point"]
    y: Float[Array, " point"]
    line: bool = True
    dots: bool = False
    dash: Number = 0.0
    thickness: Number = 1.5
    hollow: bool = False
    names: tuple[str, ...] = ()
    low: Float[Array, " point"] | None = None
    high: Float[Array, " point"] | None = None
    follows: bool = False

    def __post_init__(self) -> None:
        if self.x.ndim != 1 or self.x.shape != self.y.shape or not self.x.size:
            raise ValueError(f"a track must have points [point], got x {self.x.shape} and y {self.y.shape}")
        if not (np.isfinite(self.x).all() and np.isfinite(self.y).all()):
            raise ValueError(f"the points of a track must be finite, got some in {self.label!r} that are not")
        if self.names and len(self.names) != len(self.x):
            raise ValueError(f"a track must have a name for each point, got {len(self.names)} for {len(self.x)}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Chart:
    """Tracks on two axes.

    Args:
        title: what is drawn.
        x: horizontal axis.
        y: vertical axis.
        tracks: in the order in which they are drawn.
        verticals: values of x that a dotted line marks.
        cursor: [frame] value of x that a line marks at each frame.
        square: as high as wide.
        caption: a fact below.
        height: of the plot in logical pixels, unless it is square.
        heat: a map that fills the plot under the tracks: a Panel of one frame.
        scale: whether a colour bar says what the map's colours mean.
    """

    title: str
    x: Axis
    y: Axis
    tracks: tuple[Track, ...] = ()
    verticals: tuple[float, ...] = ()
    cursor: Float[Array, " frame"] | None = None
    square: bool = False
    caption: str = ""
    height: int = 220
    heat: Any = None
    scale: bool = True

    def __post_init__(self) -> None:
        if not self.tracks and self.heat is None:
            raise ValueError(f"a chart must have a track or a map, got none in {self.title!r}")

    @property
    def frames(self) -> set[int]:
        """The numbers of frames that its moving parts have."""
        moving = {len(track.x) for track in self.tracks if track.follows}
        return moving | (set() if self.cursor is None else {len(self.cursor)})


def categories(names: tuple[str, ...] | list[str], title: str = "", *, mono: bool = False) -> Axis:
    """An axis whose places 0, 1, 2, … have names."""
    ticks = tuple((float(place), name) for place, name in enumerate(names))
    return Axis(title=title, low=-0.25, high=len(names) - 0.75, ticks=ticks, mono=mono)


def angle_axis(title: str = "angle, degrees", low: Number = 0.0, high: Number = 360.0) -> Axis:
    """A turn in quarters and eighths."""
    ticks = tuple((float(angle), f"{angle:g}°") for angle in np.arange(low, high + 1, 45 if high - low > 180 else 15))
    return Axis(title=title, low=low, high=high, ticks=ticks)


def power_axis(title: str, low: int, high: Number) -> Axis:
    """Powers of ten from 10^low to 10^high, each with its tick."""
    raised = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
    ticks = tuple(
        (10.0**power, "1" if power == 0 else f"10{str(power).translate(raised)}")
        for power in range(math.ceil(low), math.floor(high) + 1)
    )
    return Axis(title=title, low=10.0**low, high=10.0**high, log=True, ticks=ticks)


def _round_ticks(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """About five round values."""
    span = high - low
    step = 10 ** math.floor(math.log10(span / 4))
    step = float(step)
    step *= next(factor for factor in (1, 2, 2.5, 5, 10) if span / (step * factor) <= 5.5)
    first = math.ceil(low / step - 1e-9)
    values = [round(float(place * step), 12) for place in range(first, math.floor(high / step + 1e-9) + 1)]
    return tuple((value, f"{value:g}".replace("-", "−")) for value in values)


def _log_ticks(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """1, 2 and 5 of every decade; only the decades where there are more than four."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if len(decades) <= 4 else (1,)
    values = [step * 10.0**decade for decade in decades for step in steps]
    return tuple((value, f"{value:g}") for value in values if low * 0.999 <= value <= high * 1.001)
