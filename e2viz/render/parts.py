"""The parts of a scene that a figure may show by themselves, and a figure made of them."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from e2viz.render.figure import Cell, Figure
from e2viz.render.recipe import Recipe
from e2viz.render.scene import Placed, Scene


def parts_of(scene: Scene) -> dict[str, str]:
    """Every part of a scene and what it is called, in reading order."""
    found = {"all": "the whole view"}
    if scene.picture is not None or scene.rings:
        found["dial"] = "the turning picture and its rings" if scene.rings else "the turning picture"
    if scene.bars:
        found["bars"] = "all class bars"
    found |= {f"bars:{place}": f"class bars of {each.label}" for place, each in enumerate(scene.bars)}
    quantities = dict.fromkeys(curve.quantity for curve in scene.curves)
    found |= {f"curves:{place}": quantity or "curves" for place, quantity in enumerate(quantities)}
    found |= {f"chart:{place}": chart.title for place, chart in enumerate(scene.charts)}
    for place, row in enumerate(scene.rows):
        found[f"row:{place}"] = row.label or "panels"
        if len(row.panels) > 1:
            for index, panel in enumerate(row.panels):
                named = ", ".join(filter(None, (row.label, panel.title, panel.probe)))
                found[f"panel:{place}.{index}"] = named
    return found


def part_of(scene: Scene, part: str) -> Scene:
    """The scene of one part alone, without the view's sentence.

    Raises:
        LookupError: a part that the scene does not have.
    """
    if part not in parts_of(scene):
        raise LookupError(f"the view has no part {part!r}; there are {', '.join(parts_of(scene))}")
    if part == "all":
        return replace(scene, title="", caption="")
    bare = Scene("", scene.angles_deg, recipe=scene.recipe)
    kind, _, where = part.partition(":")
    if kind == "dial":
        return replace(bare, picture=scene.picture, rings=scene.rings)
    if kind == "bars":
        return replace(bare, bars=scene.bars if not where else (scene.bars[int(where)],))
    if kind == "chart":
        return replace(bare, charts=(scene.charts[int(where)],))
    if kind == "curves":
        quantity = list(dict.fromkeys(curve.quantity for curve in scene.curves))[int(where)]
        return replace(bare, curves=tuple(curve for curve in scene.curves if curve.quantity == quantity))
    row, _, panel = where.partition(".")
    whole = scene.rows[int(row)]
    if not panel:
        return replace(bare, rows=(whole,))
    return replace(bare, rows=(replace(whole, label="", panels=(whole.panels[int(panel)],), halves=False),))


def only(scene: Scene, parts: tuple[str, ...]) -> Scene:
    """The scene with these parts alone; all of them when none is named.

    Raises:
        LookupError: a part that the scene does not have.
    """
    if not parts:
        return replace(scene, title="", caption="")
    shown = [part_of(scene, part) for part in parts]
    return Scene(
        "", scene.angles_deg, recipe=scene.recipe,
        picture=next((each.picture for each in shown if each.picture is not None), None),
        rings=next((each.rings for each in shown if each.rings), ()),
        bars=tuple(bars for each in shown for bars in each.bars),
        rows=tuple(row for each in shown for row in each.rows),
        curves=tuple(curve for each in shown for curve in each.curves),
        charts=tuple(chart for each in shown for chart in each.charts),
    )  # fmt: skip


def compose(figure: Figure, make: Callable[[Recipe], Scene], scenes: dict[Recipe, Scene] | None = None) -> Scene:
    """The scene of a figure.

    Args:
        figure: what was asked for.
        make: the scene of a view's recipe.
        scenes: what was made before; what is made now is kept there too.

    Raises:
        ValueError: a figure without cells.
        LookupError: a part that its view does not have.
    """
    if not figure.cells:
        raise ValueError("a figure must have a cell, got none: add a part of a view first")
    known = {} if scenes is None else scenes
    for cell in figure.cells:
        if cell.recipe not in known:
            known[cell.recipe] = make(cell.recipe)
    shown = [_named(part_of(known[cell.recipe], cell.part), cell) for cell in figure.cells]
    if not figure.color_bars:
        shown = [_without_color_bars(scene) for scene in shown]
    angles_deg = max((scene.angles_deg for scene in shown), key=len)
    cells = tuple(
        Placed(scene=scene, title=_title(cell, known[cell.recipe]), caption=cell.caption, columns=cell.columns,
               frames=_frames(scene.angles_deg, angles_deg))
        for cell, scene in zip(figure.cells, shown, strict=True)
    )  # fmt: skip
    return Scene(
        figure.title, angles_deg, caption=figure.caption, cells=cells, columns=figure.columns,
        sheet_height=figure.height, recipe=figure, numbers=_numbers(figure, known),
    )  # fmt: skip


def _named(scene: Scene, cell: Cell) -> Scene:
    """A chart takes the cell's words in the place of its own."""
    if cell.title and cell.part.startswith("chart:"):
        return replace(scene, charts=(replace(scene.charts[0], title=cell.title),))
    return scene


def _without_color_bars(scene: Scene) -> Scene:
    rows = tuple(replace(row, scale=False) for row in scene.rows)
    return replace(scene, rows=rows, charts=tuple(replace(chart, scale=False) for chart in scene.charts))


def _title(cell: Cell, scene: Scene) -> str:
    """The cell's own words, or what the part is called where nothing in it says so."""
    if cell.title:
        return "" if cell.part.startswith("chart:") else cell.title
    own = cell.part.partition(":")[0] in ("chart", "curves", "bars", "row", "all")
    return "" if own or cell.part == "dial" else parts_of(scene)[cell.part]


def _frames(angles_deg: np.ndarray, whole_deg: np.ndarray) -> tuple[int, ...]:
    """For each angle of the figure the cell's frame: of the same angle, or in step where it has other angles."""
    if len(angles_deg) == len(whole_deg):
        return tuple(range(len(whole_deg)))
    away = np.abs((angles_deg[None] - whole_deg[:, None] + 180.0) % 360.0 - 180.0)
    if np.ptp(angles_deg) > 0:
        return tuple(int(frame) for frame in away.argmin(axis=1))
    return tuple(frame * len(angles_deg) // len(whole_deg) for frame in range(len(whole_deg)))


def _numbers(figure: Figure, known: dict[Recipe, Scene]) -> dict[str, list]:
    """The numbers of every view, side by side; shorter columns are filled with nothing."""
    from e2viz.render.numbers import numbers_of

    columns: dict[str, list] = {}
    for number, recipe in enumerate(dict.fromkeys(cell.recipe for cell in figure.cells), start=1):
        table = numbers_of(known[recipe])
        columns |= {f"{number} {recipe.page}: {name}": list(column) for name, column in table.items()}
    most = max(map(len, columns.values()), default=0)
    return {name: column + [""] * (most - len(column)) for name, column in columns.items()}
