"""Accuracy against time: an image's, and training's."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from e2viz.data import DataSet
from e2viz.render.chart import Axis, Chart, Track
from e2viz.render.palette import model_colors
from e2viz.zoo import names
from e2viz.zoo.card import Accuracy

MOST_FEW = 3  # fewer lines of an axis than that say little
LEAST_WRONG = 0.01  # per cent: fewer cannot be drawn on a logarithmic scale


@dataclass(frozen=True, kw_only=True)
class Point:
    """One model on the charts.

    Attributes:
        forward_ms: an image, in batches of eight.
        training_s: of the trained weights; from a measured step and the recipe's epochs where there are none yet.
        trained: whether ``training_s`` is that of trained weights.
        accuracy: on the turned test images; None if not measured.
    """

    name: str
    forward_ms: float
    training_s: float | None
    trained: bool
    parameters: int
    accuracy: Accuracy | None


def efficiency_charts(points: Sequence[Point], data: DataSet) -> tuple[Chart, ...]:
    """Both charts; none where no accuracy has been measured.

    Args:
        points: what was measured, of one data set.
        data: what the test pictures are of.
    """
    trained_on = Counter(names.label(point.name).rpartition(", ")[2] for point in points)
    # What most models were trained on is left out of their names.
    usual = trained_on.most_common(1)[0][0] if trained_on else ""
    charts = (
        _scatter(points, lambda point: point.forward_ms, "ms an image, one thread", data, usual),
        _scatter(points, lambda point: (point.training_s or 0) / 60, "minutes of training", data, usual),
    )
    return tuple(chart for chart in charts if chart is not None)


def _scatter(
    points: Sequence[Point], time: Callable[[Point], float], title: str, data: DataSet, usual: str
) -> Chart | None:
    """One mark a model that has an accuracy and a time; hollow where the time is that of a recipe.

    Upwards the share of wrong answers falls on a logarithmic scale, on which 99 % and 98 % are as far apart as 98 %
    and 96 %: most models would else share one line at the top.
    """
    shown = [point for point in points if point.accuracy is not None and time(point)]
    if not shown:
        return None
    colors = model_colors([point.name for point in shown])
    tracks = []
    for point in shown:
        assert point.accuracy is not None
        low, high = point.accuracy.interval
        tracks.append(
            Track(
                label="", color=colors[point.name], x=np.array([time(point)]),
                y=np.array([_wrong(point.accuracy.share)]), line=False, dots=True, hollow=not point.trained,
                names=(names.label(point.name).removesuffix(f", {usual}"),),
                low=np.array([_wrong(low)]), high=np.array([_wrong(high)]),
            )
        )  # fmt: skip
    times = _around([time(point) for point in shown])
    wrong = _around([_wrong(point.accuracy.share) for point in shown if point.accuracy], narrow=True)
    ticks = _ticks(wrong, (1.0, 2.0, 5.0))
    if len(ticks) < MOST_FEW:  # all models lie close together
        ticks = _ticks(wrong, (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0))
    return Chart(
        title=f"Accuracy on turned {data.plural}, against {title.partition(',')[0]}",
        x=Axis(title=title, low=times[0], high=times[1], log=True),
        y=Axis(low=wrong[1], high=wrong[0], log=True, ticks=ticks),
        tracks=tuple(tracks),
        height=300,
        caption="A ring: the time is that of a recipe, no such weights are trained. Lines: 95 % interval.",
    )


def _wrong(share: float) -> float:
    """Per cent of wrong answers, at least as many as can be drawn."""
    return max(100 * (1 - share), LEAST_WRONG)


def _around(values: list[float], narrow: bool = False) -> tuple[float, float]:
    """Limits of a logarithmic axis, with a margin at either end; a smaller one round few values, if asked."""
    margin = min(2.0, max(1.2, (max(values) / min(values)) ** 0.3)) if narrow else 2.0
    return min(values) / margin, math.ceil(100 * max(values) * margin) / 100


def _ticks(wrong: tuple[float, float], steps: Sequence[float]) -> tuple[tuple[float, str], ...]:
    """Accuracies that are named on the axis of wrong answers."""
    named = [step * 10.0**decade for decade in range(-2, 2) for step in steps]
    return tuple((each, f"{100 - each:g}%") for each in named if wrong[0] <= each <= min(wrong[1], 100))
