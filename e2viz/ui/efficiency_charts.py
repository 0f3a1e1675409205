"""Accuracy against time: an image's, and training's."""

import math

import plotly.graph_objects as go
import streamlit as st

from e2viz.render.label_places import places
from e2viz.scenes.efficiency import Point
from e2viz.ui.theme import chart_colors
from e2viz.zoo import names

USUAL = names.DATA["rotmnist"]


def scatter(points: list[Point], seconds: dict[str, float], axis: str) -> go.Figure:
    """One mark a model that has an accuracy and a time; hollow where the time is that of a recipe.

    Upwards the share of wrong answers falls on a logarithmic scale, on which 99 % and 98 % are as far apart as 98 %
    and 96 %: most models would else share one line at the top.

    Args:
        points: what was measured.
        seconds: by model, the time along the horizontal axis.
        axis: its title.
    """
    shown = [point for point in points if point.accuracy is not None and seconds.get(point.name)]
    colors = chart_colors([point.name for point in shown])
    wrong = {point.name: _wrong(point.accuracy.share) for point in shown}
    across, up = _range([seconds[point.name] for point in shown]), _range(list(wrong.values()))[::-1]
    labels = [names.label(point.name).removesuffix(f", {USUAL}") for point in shown]
    marks = [(_share(seconds[point.name], across), _share(wrong[point.name], up)) for point in shown]
    figure = go.Figure()
    for point, label, place in zip(shown, labels, places(marks, labels), strict=True):
        low, high = point.accuracy.interval
        figure.add_scatter(
            x=[seconds[point.name]], y=[wrong[point.name]], mode="markers+text" if place else "markers",
            text=[f"  {label}  "], name=label, textposition=place, textfont={"size": 11},
            marker={
                "color": colors[point.name], "size": 11, "line": {"width": 2, "color": colors[point.name]},
                "symbol": "circle" if point.trained else "circle-open",
            },
            error_y={
                "type": "data", "symmetric": False, "array": [_wrong(low) - wrong[point.name]],
                "arrayminus": [wrong[point.name] - _wrong(high)], "thickness": 1, "width": 3,
            },
            hovertemplate=f"{label}<br>%{{x:.3g}}<br>{point.accuracy}<extra></extra>",
        )  # fmt: skip
    ticks = [tick for tick in _ticks(up[::-1]) if tick <= 100]
    figure.update_layout(
        height=420, showlegend=False, margin={"l": 56, "r": 24, "t": 24, "b": 48},
        xaxis={"type": "log", "title": axis, "range": across, "tickvals": _ticks(across)},
        yaxis={
            "type": "log", "title": "accuracy on turned digits, %", "range": up, "tickvals": ticks,
            "ticktext": [f"{100 - tick:g}" for tick in ticks],
        },
    )  # fmt: skip
    return figure


def _wrong(share: float) -> float:
    """Per cent of wrong answers, at least as many as can be drawn."""
    return max(100 * (1 - share), 0.01)


def _range(values: list[float]) -> list[float]:
    """Limits of a logarithmic axis, with a margin at either end."""
    return [math.log10(min(values) / 2), math.log10(max(values) * 2)]


def _share(value: float, limits: list[float]) -> float:
    """Where a value lies between the limits of its axis, 0 to 1."""
    return (math.log10(value) - limits[0]) / (limits[1] - limits[0])


def _ticks(limits: list[float]) -> list[float]:
    """1, 2 and 5 of every decade between the limits."""
    decades = range(math.floor(limits[0]), math.ceil(limits[1]))
    ticks = [step * 10.0**decade for decade in decades for step in (1, 2, 5)]
    return [tick for tick in ticks if limits[0] <= math.log10(tick) <= limits[1]]


def efficiency_charts(points: list[Point]) -> None:
    """Both charts, side by side; a sentence where there is nothing to draw yet."""
    forward = {point.name: point.forward_ms for point in points}
    training = {point.name: point.training_s / 60 for point in points if point.training_s}
    if not any(point.accuracy for point in points):
        st.info("No accuracy has been measured yet: `python -m e2viz pack NAME --data DIR` does.", icon=None)
        return
    left, right = st.columns(2)
    charts = ((left, forward, "ms an image (one thread)"), (right, training, "minutes of training (one thread)"))
    for number, (column, seconds, axis) in enumerate(charts):
        with column:
            figure = scatter(points, seconds, axis)
            st.plotly_chart(figure, width="stretch", key=f"efficiency_{number}", config={"displayModeBar": False})
    st.caption(f"Trained on {USUAL} where the name says nothing else. Point at a mark for its name and its interval.")
