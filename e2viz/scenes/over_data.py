"""Models over a whole data set: accuracy against angle, side by side, and which class becomes which at which angle."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, UInt8

import e2viz
from e2viz.data.table import data_set
from e2viz.measure.over_data import BINS, OverData, columns
from e2viz.render.palette import model_colors
from e2viz.render.recipe import Recipe
from e2viz.render.scene import Curve, Panel, Row, Scene
from e2viz.train.over_angles import stored
from e2viz.zoo import catalogue, names

PAGE = "over_data"
ACCURACY, CALIBRATION = "accuracy (bars: 95 %)", "calibration error"
SIDE = BINS * 4  # pixels of a reliability diagram
MATHS = r"""
Every test picture is turned by every angle, on the fair path, and counted: **accuracy** at an angle is the share of
pictures whose answer is the label there, with Wilson's 95 % interval; **right at all angles** the share that is right
at each of them (Engstrom et al. 2019); the **flip rate** the share of neighbouring angles between which the answer
changes, its interval by bootstrap over pictures, since the angles of one picture are not independent.

**Calibration**: answers are sorted into 15 bins by confidence; the error is the mean distance between confidence and
accuracy of a bin, weighed by its answers (Guo et al. 2017). **Confusion**: of the pictures of a class (a row), the
share that is called each class (a column) at the angle that is shown. A 6 that becomes a 9 at 180° is an ambiguity of
the label, not an error of the model.
"""


def make(recipe: Recipe) -> Scene:
    """The scene of a recipe, from the results that are shipped.

    Raises:
        LookupError: if one of its models has none.
    """
    models = [e2viz.load(name) for name in recipe.models]
    found = {model.name: stored(model) for model in models}
    if missing := [name for name, each in found.items() if each is None]:
        raise LookupError(f"not measured over a data set: {', '.join(missing)}; e2viz evaluate NAME --over-angles")
    return compose({name: each for name, each in found.items() if each is not None}, recipe)


def rotations_family(chosen: Sequence[str], method: str = "most_certain") -> list[str]:
    """One model under no group, four, eight and sixteen rotations; empty if none of those chosen can be wrapped.

    Networks of one architecture and one data set that were built for these groups, if there are such; else the first
    of the chosen models that claims no symmetry, wrapped after the fact by a method that needs no training.
    """
    there = catalogue.list_models()
    for name in chosen:
        architecture, _, tag = name.partition(".")
        built = [f"{re.sub(r'_p[0-9]+m?', '', architecture)}_p{count}.{tag}" for count in (4, 8, 16)]
        if all(each in there for each in built):
            return built
    base = next((name for name in chosen if name in there and not catalogue.card(name).group), None)
    return [base, *(f"{base}+{method}_c{count}" for count in (4, 8, 16))] if base else []


def recipe_of(results: Mapping[str, OverData]) -> Recipe:
    """What makes the scene of shipped results again."""
    return Recipe(page=PAGE, models=tuple(results))


def comparable(results: Mapping[str, OverData]) -> dict[str, OverData]:
    """Those measured on the same pictures at the same angles as the first: only they may share a plot."""
    first = next(iter(results.values()))
    return {
        name: each for name, each in results.items()
        if each.data_checksum == first.data_checksum and np.array_equal(each.angles_deg, first.angles_deg)
    }  # fmt: skip


def class_names_of(found: OverData) -> tuple[str, ...]:
    """The names of the classes; their numbers, for a data set that is not known here."""
    try:
        return data_set(found.data).class_names
    except LookupError:
        return tuple(map(str, range(found.confusion.shape[1])))


def compose(results: Mapping[str, OverData], recipe: Recipe | None = None) -> Scene:
    """Curves of all models in one plot; below, for each, its confusion at the angle shown and its reliability.

    Args:
        results: by model, measured on the same pictures at the same angles.
        recipe: what was asked for.

    Raises:
        ValueError: if there are no results, or their angles differ.
    """
    if not results:
        raise ValueError("results must hold at least one model, got none")
    labels, colors = names.short_labels(tuple(results)), model_colors(list(results))
    first = next(iter(results.values()))
    classes = class_names_of(first)
    return Scene(
        title=sentence(results, labels),
        angles_deg=first.angles_deg,
        curves=tuple(
            curve for name, found in results.items() for curve in (
                Curve(labels[name], colors[name], found.accuracy, ACCURACY, band=found.bands),
                Curve(labels[name], colors[name], found.calibration_error, CALIBRATION),
            )
        ),
        rows=tuple(
            Row(labels[name], (_confusion(found, classes), _reliability(found)), colors[name], columns=4)
            for name, found in results.items()
        ),
        caption=f"{first.images:,} test pictures of {first.data} at {len(first.angles_deg)} angles",
        numbers=columns(results),
        recipe=recipe,
    )  # fmt: skip


def _confusion(found: OverData, classes: Sequence[str]) -> Panel:
    """[angle true predicted] shares of each class."""
    shares = found.confusion / np.maximum(found.confusion.sum(2, keepdims=True), 1)
    worst = found.confusions(1)
    caption = "a row a class, a column what it is called; nothing is ever confused"
    if worst:
        true, predicted, angle_deg, share = worst[0]
        said = f"{classes[true]} called {classes[predicted]} at {angle_deg:g}°, {100 * share:.0f} %"
        caption = f"a row a class, a column what it is called; worst: {said}"
    return Panel.from_values("which becomes which", shares, "viridis", low=0.0, high=1.0, caption=caption)


def _reliability(found: OverData) -> Panel:
    """Accuracy against confidence at each angle: bars that end at the diagonal are calibrated."""
    drawn = np.stack([reliability_diagram(found.reliability(place)) for place in range(len(found.angles_deg))])
    caption = f"upwards accuracy, to the right confidence; error {found.mean_calibration_error:.3f} over all angles"
    return Panel("calibration", drawn, "grey", 0.0, 1.0, caption=caption)


def reliability_diagram(table: Float[np.ndarray, "bin 3"]) -> UInt8[np.ndarray, "side side"]:
    """A bar for each bin as high as its accuracy, paler where it holds few answers, and the diagonal.

    Args:
        table: as ``OverData.reliability`` gives it.
    """
    canvas = np.zeros((SIDE, SIDE), dtype=np.uint8)
    width = SIDE // len(table)
    most = max(float(table[:, 2].max()), 1e-9)
    for place, (_, accuracy, share) in enumerate(table):
        if share > 0:
            height = round(SIDE * float(accuracy))
            shade = 90 + round(120 * float(np.sqrt(share / most)))
            canvas[SIDE - height :, place * width : (place + 1) * width - 1] = shade
    diagonal = np.arange(SIDE)
    canvas[SIDE - 1 - diagonal, diagonal] = 255
    return canvas


def sentence(results: Mapping[str, OverData], labels: Mapping[str, str]) -> str:
    """What to look for, in numbers: upright, at a quarter turn, and between two of them."""
    parts = []
    for name, found in results.items():
        shares = [f"{100 * share:.1f} %" for share in found.accuracy]
        at = dict(zip(found.angles_deg.tolist(), shares, strict=True))
        if {0.0, 45.0, 90.0} <= set(at):
            parts.append(f"{labels[name]} is right on {at[0.0]} upright, {at[90.0]} at 90° and {at[45.0]} at 45°")
            continue
        angle_deg, worst = found.worst_angle
        best = float(found.accuracy.max())
        parts.append(f"{labels[name]} is right on {100 * best:.1f} % at best and {100 * worst:.1f} % at {angle_deg:g}°")
    return f"Every test picture, every angle. {'; '.join(parts)}."
