"""A scene: everything one page shows, for every frame, as plain arrays.

The player in the browser and the encoder of files draw the same scene, so that what is exported is what was
on screen. Values are 8-bit with a colour table and limits fixed over the whole sweep: frames can be compared.
"""

import html
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Integer, UInt8

from e2viz.render.chart import Chart
from e2viz.render.figure import Figure
from e2viz.render.recipe import Recipe

Array = np.ndarray
AnyRecipe = Recipe | Figure
# A row with this label is shown small, beside the picture.
ASIDE_LABEL = "what the model sees"
Number = float | int
Column = Sequence[object] | Array


def quantise(values: Float[Array, "*shape"], low: Number, high: Number) -> UInt8[Array, "*shape"]:
    """Map [low, high] linearly onto 0..255, rounded to the nearest step and clipped outside.

    Args:
        values: finite measurements, in the unit that `low` and `high` are in.
        low: value shown with the first colour.
        high: value shown with the last colour, greater than `low`.

    Returns:
        Steps of the colour table; `low + step / 255 * (high - low)` is within half a step of the value.

    Raises:
        ValueError: limits that are not finite and increasing, or values that are not finite.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"limits must be finite and low < high, got {low} and {high}")
    if not np.isfinite(values).all():
        raise ValueError(f"values must be finite, got {int((~np.isfinite(values)).sum())} that are not")
    scaled = (np.asarray(values, dtype=np.float32) - low) * (255.0 / (high - low))
    return np.rint(np.clip(scaled, 0.0, 255.0)).astype(np.uint8)


def picture_pixels(
    picture: Float[Array, "frame channel height width"],
) -> UInt8[Array, "frame height width"] | UInt8[Array, "frame height width 3"]:
    """The pixels of a picture in [0, 1]: grey where it has one channel or three equal ones, else RGB.

    Raises:
        ValueError: a number of channels that is neither 1 nor 3.
    """
    if picture.shape[1] not in (1, 3):
        raise ValueError(f"a picture must have 1 or 3 channels, got {picture.shape[1]}")
    steps = quantise(picture, 0.0, 1.0)
    if steps.shape[1] == 1 or (steps == steps[:, :1]).all():
        return np.ascontiguousarray(steps[:, 0])
    return np.ascontiguousarray(np.moveaxis(steps, 1, -1))


def _check_track(name: str, track: Array | None, frames: int, columns: int) -> None:
    if track is not None and (track.ndim != 2 or track.shape[1] != columns or track.shape[0] not in (1, frames)):
        raise ValueError(f"{name} must be [frame {columns}] with 1 or {frames} frames, got shape {track.shape}")


@dataclass(frozen=True, eq=False)
class Panel:
    """One small picture on screen, for every frame; one frame alone means that it never changes.

    Args:
        title: label above the pixels.
        values: uint8, [frame height width] for a palette panel or [frame height width 3] for RGB.
        palette: name of a colour table of palette.py; not used by an RGB panel.
        low: value that step 0 stands for.
        high: value that step 255 stands for.
        probe: dotted name of the probe it shows, set in mono; "" for none.
        caption: a fact below the pixels.
        color: the model's colour, or "".
        marker: [frame 2], row and column of a point, in pixels of the panel (0, 0 = centre of the first one).
        outline: [frame 4], row, column, height and width of a box, in pixels of the panel.
        under: uint8 [frame height width], or with 3 channels last, a picture that shows through the map; see
            `over_picture`.
    """

    title: str
    values: UInt8[Array, "frame height width"] | UInt8[Array, "frame height width 3"]
    palette: str = "grey"
    low: Number = 0.0
    high: Number = 1.0
    probe: str = ""
    caption: str = ""
    color: str = ""
    marker: Array | None = None
    outline: Array | None = None
    under: UInt8[Array, "frame height width"] | UInt8[Array, "frame height width 3"] | None = None

    def __post_init__(self) -> None:
        shape = self.values.shape
        if self.values.dtype != np.uint8:
            raise ValueError(f"panel values must be uint8, got {self.values.dtype}; see Panel.from_values")
        if len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] != 3) or 0 in shape:
            raise ValueError(f"panel values must be [frame height width] or [frame height width 3], got {shape}")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"panel limits must be finite and low < high, got {self.low} and {self.high}")
        for name, columns in (("marker", 2), ("outline", 4)):
            track = getattr(self, name)
            _check_track(name, track, len(track) if track is not None and self.frames == 1 else self.frames, columns)
        under = self.under
        if under is not None and (self.is_rgb or under.shape not in (shape, (*shape, 3)) or under.dtype != np.uint8):
            raise ValueError(f"a picture under a map must be uint8 {shape}, got {under.dtype} {under.shape}")

    @classmethod
    def from_values(
        cls,
        title: str,
        values: Float[Array, "frame height width"],
        palette: str = "viridis",
        *,
        low: Number | None = None,
        high: Number | None = None,
        symmetric: bool = False,
        **labels: Any,
    ) -> "Panel":
        """Quantise measurements once, with limits fixed over all frames.

        Args:
            title: label above the pixels.
            values: finite measurements.
            palette: name of a colour table.
            low: lower limit; the smallest value when None.
            high: upper limit; the largest value when None.
            symmetric: make the limits -m and m, so that zero is the middle of a diverging palette.
            labels: the remaining fields of Panel.
        """
        low = float(np.min(values)) if low is None else float(low)
        high = float(np.max(values)) if high is None else float(high)
        if symmetric:
            high = max(abs(low), abs(high))
            low = -high
        if low == high:
            low, high = low - 0.5, high + 0.5  # a constant map is shown in the middle of its palette
        return cls(title, quantise(values, low, high), palette, low, high, **labels)

    @classmethod
    def from_picture(cls, title: str, picture: Float[Array, "frame channel height width"], **labels: Any) -> "Panel":
        """A picture as it looks: grey as steps of the grey palette, in colour as RGB.

        Args:
            title: label above the pixels.
            picture: values in [0, 1] with one channel or three.
            labels: the remaining fields of Panel.
        """
        return cls(title, picture_pixels(picture), "grey", 0.0, 1.0, **labels)

    @property
    def frames(self) -> int:
        """Number of frames held: 1 when the panel never changes."""
        return self.values.shape[0]

    @property
    def is_rgb(self) -> bool:
        """True when the values are colours and not steps of a palette."""
        return self.values.ndim == 4

    @property
    def is_mixed(self) -> bool:
        """True when its colours are not those of its palette: RGB, or a picture shows through."""
        return self.is_rgb or self.under is not None

    def at(self, frame: int) -> UInt8[Array, "height width *rgb"]:
        """The pixels of one frame."""
        return self.values[frame if self.frames > 1 else 0]


def _check_probability(what: str, probability: Array) -> None:
    if not np.isfinite(probability).all() or probability.min() < -1e-4 or probability.max() > 1 + 1e-4:
        raise ValueError(f"{what} probabilities must lie in [0, 1], got {probability.min()} to {probability.max()}")


@dataclass(frozen=True, eq=False)
class Ring:
    """What one model predicts at each angle: the stability ring.

    Args:
        label: the model's name on screen.
        color: the model's colour, "#rrggbb".
        classes: [frame] the predicted class.
        probability: [frame] the probability of that class.
    """

    label: str
    color: str
    classes: Integer[Array, " frame"]
    probability: Float[Array, " frame"]

    def __post_init__(self) -> None:
        if self.classes.ndim != 1 or self.classes.shape != self.probability.shape or not self.classes.size:
            raise ValueError(
                f"ring classes and probability must be [frame], got {self.classes.shape} and {self.probability.shape}"
            )
        if self.classes.min() < 0:
            raise ValueError(f"ring classes must not be negative, got {self.classes.min()}")
        _check_probability("ring", self.probability)

    @classmethod
    def from_probability(cls, label: str, color: str, probability: Float[Array, "frame class"]) -> "Ring":
        """The ring of the most probable class at each angle."""
        return cls(label, color, probability.argmax(axis=1), probability.max(axis=1))


@dataclass(frozen=True, eq=False)
class Bars:
    """The probability of every class at each angle, for one model."""

    label: str
    color: str
    probability: Float[Array, "frame class"]
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.probability.ndim != 2 or self.probability.shape[1] != len(self.class_names):
            raise ValueError(
                f"bars must be [frame class] with a name for each class, got shape {self.probability.shape} "
                f"and {len(self.class_names)} names"
            )
        _check_probability("bar", self.probability)


@dataclass(frozen=True, eq=False)
class Curve:
    """One quantity of one model against angle, e.g. an equivariance error.

    Curves of one `quantity` share one plot. `dashed` marks a reference (a floor, a ceiling); `band` is the interval
    of each value, [frame 2], drawn as bars.
    """

    label: str
    color: str
    values: Float[Array, " frame"]
    quantity: str = ""
    dashed: bool = False
    band: Float[Array, "frame 2"] | None = None

    def __post_init__(self) -> None:
        if self.band is not None and self.band.shape != (len(self.values), 2):
            raise ValueError(f"a curve's band must be [{len(self.values)} 2], got shape {self.band.shape}")
        if self.values.ndim != 1 or not np.isfinite(self.values).all():
            raise ValueError(f"curve values must be finite and [frame], got shape {self.values.shape}")


@dataclass(frozen=True, eq=False)
class Row:
    """Panels that stand side by side under one label, usually one model's.

    With `halves` the second half of the panels belongs beside the first: on a narrow screen it begins a new line.
    `columns` panels stand on one line where there is room, six of them when it is 0. Without `scale` no colour bar says
    what the colours mean.
    """

    label: str
    panels: tuple[Panel, ...]
    color: str = ""
    halves: bool = False
    columns: int = 0
    scale: bool = True

    @property
    def aside(self) -> bool:
        """Shown small, beside the picture."""
        return self.label.strip().lower() == ASIDE_LABEL

    def __post_init__(self) -> None:
        if not self.panels:
            raise ValueError(f"a row must hold at least one panel, got none in {self.label!r}")


@dataclass(frozen=True, eq=False)
class Scene:
    """All that is shown, for all frames.

    Args:
        title: the sentence that says what to look for, with its numbers.
        angles_deg: [frame] counter-clockwise.
        picture: the turning picture inside the rings.
        rings: one for each model, outermost first.
        bars: class probabilities, one for each model.
        rows: panels below.
        caption: a fact below everything.
        numbers: columns of the CSV, all of one length.
        recipe: how to make it again.
        curves: quantities against angle.
        charts: any other tracks on two axes.
        cells: parts of other scenes on a grid; a composed figure has nothing else but its title and caption.
        columns: of that grid.
        sheet_height: in logical pixels, where it is not as high as it needs.
    """

    # How a notebook shows it: set by ``e2viz.render.notebook``, since a scene knows no file format.
    _in_notebook: ClassVar[Callable[["Scene"], str] | None] = None

    title: str
    angles_deg: Float[Array, " frame"]
    picture: Panel | None = None
    rings: tuple[Ring, ...] = ()
    bars: tuple[Bars, ...] = ()
    rows: tuple[Row, ...] = ()
    caption: str = ""
    numbers: Mapping[str, Column] = field(default_factory=dict)
    recipe: AnyRecipe | None = None
    curves: tuple[Curve, ...] = ()
    charts: tuple[Chart, ...] = ()
    cells: tuple["Placed", ...] = ()
    columns: int = 1
    sheet_height: int = 0

    def __post_init__(self) -> None:
        if self.angles_deg.ndim != 1 or not self.frames or not np.isfinite(self.angles_deg).all():
            raise ValueError(f"angles_deg must be finite and [frame], got shape {self.angles_deg.shape}")
        lengths = {name: len(column) for name, column in self.numbers.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns of numbers must have one length, got {lengths}")
        for cell in self.cells:
            if len(cell.frames) != self.frames:
                raise ValueError(f"cell {cell.title!r} must have {self.frames} frames, got {len(cell.frames)}")
        for panel in self.own_panels:
            tracks = [track for track in (panel.marker, panel.outline) if track is not None]
            for found in (panel.frames, *map(len, tracks)):
                if found not in (1, self.frames):
                    raise ValueError(f"panel {panel.title!r} must have 1 or {self.frames} frames, got {found}")
        for chart in self.charts:
            if chart.frames - {self.frames}:
                raise ValueError(f"chart {chart.title!r} must have {self.frames} frames, got {chart.frames}")
        measured = [(ring.label, ring.classes) for ring in self.rings]
        measured += [(bars.label, bars.probability) for bars in self.bars]
        measured += [(curve.label, curve.values) for curve in self.curves]
        for label, values in measured:
            if len(values) != self.frames:
                raise ValueError(f"{label!r} must have {self.frames} frames, got {len(values)}")

    @property
    def frames(self) -> int:
        """Number of frames, one for each angle."""
        return len(self.angles_deg)

    @property
    def heats(self) -> tuple[Panel, ...]:
        """The maps that fill charts, also those of its cells."""
        return tuple(chart.heat for scene in self.scenes for chart in scene.charts if chart.heat is not None)

    def _repr_html_(self) -> str:
        """The offline player, for a notebook; only the title where ``e2viz.render.notebook`` was not imported."""
        shown = type(self)._in_notebook
        return html.escape(self.title) if shown is None else shown(self)

    @property
    def scenes(self) -> tuple["Scene", ...]:
        """This scene and those of its cells."""
        return (self, *(cell.scene for cell in self.cells))

    @property
    def panels(self) -> tuple[Panel, ...]:
        """The pictures and the panels of every row, in reading order, also those of its cells."""
        return tuple(panel for scene in self.scenes for panel in scene.own_panels)

    @property
    def own_panels(self) -> tuple[Panel, ...]:
        """The picture, if there is one, and the panels of every row, in reading order."""
        first = () if self.picture is None else (self.picture,)
        return first + tuple(panel for row in self.rows for panel in row.panels)


@dataclass(frozen=True, kw_only=True, eq=False)
class Placed:
    """A part of a scene in a figure.

    Args:
        scene: the part alone.
        title: above it.
        caption: below it.
        columns: how many columns of the grid it takes.
        frames: which of its frames is shown at each frame of the figure.
    """

    scene: Scene
    title: str = ""
    caption: str = ""
    columns: int = 1
    frames: tuple[int, ...] = ()
