"""The charts of the orbits page: closed paths on one scale, and the compass."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from e2viz.scenes.orbits import Turning
from e2viz.ui.error_charts import LAYOUT, PLAIN
from e2viz.ui.theme import chart_colors


def paths(turning: Mapping[str, Turning], labels: Mapping[str, str], angles_deg: np.ndarray) -> None:
    """One closed path a model, all on one scale; exact angles are marked."""
    colors = chart_colors(tuple(turning))
    limit = 1.08 * max(float(np.abs(each.orbit.path).max()) for each in turning.values()) or 1.0
    axis = {"range": [-limit, limit], "constrain": "domain"}
    closed = np.append(angles_deg, 360.0)
    quarters = np.isclose(np.asarray(angles_deg) % 90.0, 0.0)
    for column, (name, each) in zip(st.columns(len(turning)), turning.items(), strict=True):
        path = each.orbit.path
        figure = go.Figure()
        figure.add_scatter(
            x=path[:, 0], y=path[:, 1], mode="lines", line={"color": colors[name], "width": 2}, customdata=closed,
            hovertemplate="%{customdata:g}°<extra></extra>",
        )  # fmt: skip
        points, names = path[:-1][quarters], [f"{angle:g}°" for angle in np.asarray(angles_deg)[quarters]]
        figure.add_scatter(
            x=points[:, 0], y=points[:, 1], mode="markers+text", text=names,
            textposition="top center", marker={"color": colors[name], "size": 8}, hoverinfo="skip",
        )  # fmt: skip
        first, second = (100 * share for share in each.orbit.plane.explained[:2])
        figure.update_layout(
            title={"text": labels[name], "font": {"size": 14}}, showlegend=False, height=360,
            margin={"l": 48, "r": 8, "t": 40, "b": 40},
            xaxis=axis | {"title": f"component 1, {first:.0f} %"},
            yaxis=axis | {"title": f"component 2, {second:.0f} %", "scaleanchor": "x"},
        )  # fmt: skip
        column.plotly_chart(figure, width="stretch", key=f"path_{name}", config=PLAIN)


def compasses(turning: Mapping[str, Turning], labels: Mapping[str, str], angles_deg: np.ndarray) -> None:
    """The turn of the winning element against the turn of the picture: a staircase for a compass that follows."""
    figure, colors = go.Figure(), chart_colors(tuple(turning))
    start_deg = 0.0
    for name, each in turning.items():
        if each.compass is None:
            continue
        start_deg = float(each.compass.angles_deg[0])
        symbols = np.where(each.compass.mirrored, "x", "circle").tolist()
        figure.add_scatter(
            x=angles_deg, y=each.compass.angles_deg, mode="markers", name=labels[name], customdata=each.compass.margin,
            marker={"color": colors[name], "size": 8, "symbol": symbols},
            hovertemplate="picture %{x:g}°, compass %{y:g}°, margin %{customdata:.2g}<extra></extra>",
        )  # fmt: skip
    expected = (np.asarray(angles_deg) + start_deg) % 360.0
    figure.add_scatter(
        x=angles_deg, y=expected, mode="markers", name="the picture's turn",
        marker={"color": "#a5afb8", "size": 3}, hoverinfo="skip",
    )  # fmt: skip
    figure.update_layout(
        height=320, **LAYOUT,
        xaxis={"title": "picture, degrees", "dtick": 45, "range": [-5, 365]},
        yaxis={"title": "compass, degrees", "dtick": 45, "range": [-10, 370]},
    )  # fmt: skip
    st.plotly_chart(figure, width="stretch", key="compass", config=PLAIN)
