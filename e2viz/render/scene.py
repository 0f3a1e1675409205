"""A scene: everything one page shows, for every frame, as plain arrays.

The player in the browser and the encoder of files draw the same scene, so that what is exported is what was
on screen.
"""

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from e2viz.render.chart import Chart
from e2viz.render.figure import Figure
from e2viz.render.measured import Bars as Bars
from e2viz.render.measured import Curve as Curve
from e2viz.render.measured import Ring as Ring
from e2viz.render.measured import two_letters as two_letters
from e2viz.render.panel import ASIDE_LABEL as ASIDE_LABEL
from e2viz.render.panel import Number as Number
from e2viz.render.panel import Panel as Panel
from e2viz.render.panel import Row as Row
from e2viz.render.panel import picture_pixels as picture_pixels
from e2viz.render.panel import quantise as quantise
from e2viz.render.recipe import Recipe

Array = np.ndarray
AnyRecipe = Recipe | Figure
Column = Sequence[object] | Array


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
