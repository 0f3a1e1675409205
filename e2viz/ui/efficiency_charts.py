"""Accuracy against time: an image's, and training's."""

import math

import plotly.graph_objects as go
import streamlit as st

from e2viz.render.palette import model_colors
from e2viz.scenes.efficiency import Point
from e2viz.zoo import names


def scatter(points: list[Point], seconds: dict[str, float], axis: str) -> go.Figure:
    """One mark a model that has an accuracy and a time; hollow where the time is that of a recipe.

    Args:
        points: what was measured.
        seconds: by model, the time along the horizontal axis.
        axis: its title.
    """
    shown = [point for point in points if point.accuracy is not None and seconds.get(point.name)]
    colors = model_colors([point.name for point in shown])
    figure = go.Figure()
    for point in shown:
        low, high = point.accuracy.interval
        share = 100 * point.accuracy.share
        label = names.label(point.name)
        figure.add_scatter(
            x=[seconds[point.name]], y=[share], mode="markers+text", text=[label], name=label,
            textposition="top center", textfont={"size": 11},
            marker={
                "color": colors[point.name], "size": 11, "line": {"width": 2, "color": colors[point.name]},
                "symbol": "circle" if point.trained else "circle-open",
            },
            error_y={
                "type": "data", "symmetric": False, "array": [100 * high - share], "arrayminus": [share - 100 * low],
                "thickness": 1, "width": 3,
            },
            hovertemplate=f"{label}<br>%{{x:.3g}}<br>{point.accuracy}<extra></extra>",
        )  # fmt: skip
    figure.update_layout(
        height=420, showlegend=False, margin={"l": 56, "r": 24, "t": 24, "b": 48},
        xaxis={"type": "log", "title": axis, "dtick": "D2", "range": _range([seconds[point.name] for point in shown])},
        yaxis={"title": "accuracy on turned digits, %"},
    )  # fmt: skip
    return figure


def _range(values: list[float]) -> list[float]:
    """Limits of the logarithmic axis, with room for names at either end."""
    return [math.log10(min(values) / 2), math.log10(max(values) * 2)]


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
