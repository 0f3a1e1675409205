"""The charts of the equivariance-error page: maps, curves, the four rules, and what breaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from e2viz.measure.breaking import ANGLES_DEG
from e2viz.measure.layer_errors import LayerErrors
from e2viz.render.palette import color_table, hex_color
from e2viz.scenes.broken import Broken
from e2viz.scenes.equivariance_error import HIGH, LOW, logarithm
from e2viz.scenes.rule_lines import RuleLine
from e2viz.ui.theme import chart_colors, on_page

MONO = "Fira Mono, monospace"
PLAIN = {"displayModeBar": False}
# The legend grows upwards and pushes the plot down, so that it covers nothing on a narrow screen.
LAYOUT = {
    "margin": {"l": 64, "r": 16, "t": 32, "b": 40},
    "legend": {"orientation": "h", "y": 1.04, "yanchor": "bottom"},
}
TICKS = list(range(int(LOW), 1))
LOG_AXIS = {"type": "log", "exponentformat": "power", "dtick": 1}


def plotly_scale(palette: str) -> list[list]:
    """A colour table of the scenes as Plotly reads it."""
    table = color_table(palette)
    return [[step / 255, hex_color(table[step].tolist())] for step in range(0, 256, 15)]


def error_maps(errors: Mapping[str, LayerErrors], labels: Mapping[str, str]) -> None:
    """One layer × angle map a model, on one colour scale; lines mark the group's angles."""
    for column, (name, each) in zip(st.columns(len(errors)), errors.items(), strict=True):
        heat = go.Heatmap(
            z=logarithm(each.error), x=each.angles_deg, y=list(each.probes), zmin=LOW, zmax=HIGH,
            colorscale=plotly_scale("viridis"), customdata=each.error,
            hovertemplate="%{y} at %{x}°: error %{customdata:.2g}<extra></extra>",
            colorbar={"title": {"text": "error"}, "tickvals": TICKS, "ticktext": [_power(t) for t in TICKS],
                      "thickness": 10},
        )  # fmt: skip
        figure = go.Figure(heat)
        for angle in each.angles_deg[each.on_group]:
            figure.add_vline(x=float(angle), line={"width": 1, "dash": "dot", "color": "#ffffff"})
        figure.update_layout(
            **LAYOUT | {"margin": {"l": 96, "r": 8, "t": 40, "b": 40}},
            title={"text": labels[name], "font": {"size": 14}},
            height=120 + 20 * len(each.probes),
            xaxis={"title": "angle, degrees; dotted: exact turns", "dtick": 45},
            yaxis={"autorange": "reversed", "tickfont": {"family": MONO, "size": 11}},
        )
        column.plotly_chart(figure, width="stretch", key=f"map_{name}", config=PLAIN)


def error_curves(errors: Mapping[str, LayerErrors], probe: str, labels: Mapping[str, str]) -> None:
    """The error of one layer against angle for each model, with floor, ceiling and the untrained copy."""
    figure, colors = go.Figure(), chart_colors(tuple(errors))
    shapes = {"error": "solid", "floor": "dot", "ceiling": "dash", "untrained": "dashdot"}
    for name, each in errors.items():
        if probe not in each.kinds:
            continue
        for track, dash in shapes.items():
            curve = np.where(each.of(probe, track) > 0, np.maximum(each.of(probe, track), 10**LOW), np.nan)
            if np.isnan(curve).all():
                continue
            figure.add_scatter(
                x=each.angles_deg, y=curve, name=labels[name] + ("" if track == "error" else f", {track}"),
                line={"color": colors[name], "dash": dash, "width": 2.5 if track == "error" else 1.2},
                mode="lines+markers" if track == "error" else "lines", marker={"size": 5},
            )  # fmt: skip
    marked = {angle for each in errors.values() if each.group for angle in each.angles_deg[each.on_group].tolist()}
    for angle in sorted(marked):
        figure.add_vline(x=angle, line={"width": 1, "dash": "dot", "color": "#828d98"})
    figure.update_layout(
        **LAYOUT, height=380, xaxis={"title": "angle, degrees; dotted lines: group angles", "dtick": 45},
        yaxis=LOG_AXIS | {"title": f"error at {probe}", "range": [LOW, HIGH]},
    )  # fmt: skip
    st.plotly_chart(figure, width="stretch", key="curves", config=PLAIN)


def rule_chart(lines: Sequence[RuleLine]) -> None:
    """The error of each layer at the group's elements, a line for each rule."""
    figure = go.Figure()
    for line in lines:
        figure.add_scatter(
            x=list(line.probes), y=np.maximum(line.error, 10**LOW),
            name=line.case.label + ("" if line.trained else " (untrained)"), mode="lines+markers",
            line={"color": on_page(line.case.color), "width": 2, "dash": "dash" if line.case.dashed else "solid"},
        )  # fmt: skip
    figure.update_layout(
        **LAYOUT, height=360, xaxis={"title": "layer", "tickangle": -30, "tickfont": {"family": MONO, "size": 11}},
        yaxis=LOG_AXIS | {"title": "largest error over the elements", "range": [LOW, HIGH]},
    )  # fmt: skip
    st.plotly_chart(figure, width="stretch", key="rules", config=PLAIN)


def breaking_chart(before: Broken, after: Broken, probe: str, color: str) -> None:
    """The error at each angle as it should be (dashed) and with the switches (solid)."""
    figure = go.Figure()
    names = [f"{angle:g}°" for angle in ANGLES_DEG]
    for found, label, dash in ((before, "nothing spoilt", "dash"), (after, "with the switches", "solid")):
        curve = np.maximum(found.at(probe), 10**LOW)
        figure.add_scatter(
            x=names, y=curve, name=label, mode="lines+markers",
            line={"color": on_page(color), "dash": dash, "width": 2},
        )  # fmt: skip
    figure.update_layout(
        **LAYOUT, height=320, xaxis={"title": "angle", "type": "category"},
        yaxis=LOG_AXIS | {"title": f"error at {probe}", "range": [LOW, HIGH]},
    )  # fmt: skip
    st.plotly_chart(figure, width="stretch", key="breaking", config=PLAIN)


def _power(exponent: int) -> str:
    return "1" if exponent == 0 else f"10<sup>{exponent}</sup>"
