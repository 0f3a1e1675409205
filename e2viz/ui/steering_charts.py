"""The charts of the steerability page: distance against angle, and against resolution."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from e2viz.measure.steering import ANGLES_DEG, Steered
from e2viz.scenes.equivariance_error import HIGH, LOW
from e2viz.scenes.steerability import COLOR, COLORS
from e2viz.ui.error_charts import LAYOUT, LOG_AXIS, PLAIN
from e2viz.ui.theme import on_page


def distances(results: Sequence[Steered]) -> None:
    """Distance of the logits from the upright ones, at each angle."""
    figure = go.Figure()
    for each in results:
        figure.add_scatter(
            x=[f"{angle:g}°" for angle in ANGLES_DEG], y=np.maximum(each.distance[0], 10**LOW),
            mode="lines+markers", name=f"{each.size} × {each.size}",
            line={"color": on_page(COLORS[each.size]), "width": 2},
        )  # fmt: skip
    figure.update_layout(
        **LAYOUT, height=360, xaxis={"title": "angle", "type": "category"},
        yaxis=LOG_AXIS | {"title": "distance from upright", "range": [LOW, HIGH]},
    )  # fmt: skip
    st.plotly_chart(figure, width="stretch", key="distances", config=PLAIN)


def against_resolution(results: Sequence[Steered]) -> None:
    """How far quarter turns and diagonals are apart, and the error of some layers at 45°, against resolution."""
    figure = go.Figure()
    sizes = [each.size for each in results]
    figure.add_scatter(
        x=sizes, y=[each.between for each in results], mode="lines+markers", name="logits, the two sets",
        line={"color": on_page(COLOR), "width": 2.5},
    )  # fmt: skip
    for layer, dash in (("lifting", "dash"), ("embedding", "dot")):
        place = results[0].probes.index(layer)
        figure.add_scatter(
            x=sizes, y=[each.error[place] for each in results], mode="lines+markers", name=f"{layer}, turn by 45°",
            line={"color": on_page(COLOR), "width": 1.5, "dash": dash},
        )  # fmt: skip
    lifting = results[0].probes.index("lifting")
    figure.add_scatter(
        x=sizes, y=[each.floor[lifting] for each in results], mode="lines+markers", name="lifting, floor",
        line={"color": "#828d98", "width": 1.5, "dash": "dash"},
    )  # fmt: skip
    figure.update_layout(
        **LAYOUT,
        height=360, yaxis={"title": "relative error", "rangemode": "tozero"},
        xaxis={"title": "side of the image, pixels", "tickvals": sizes, "type": "log"},
    )  # fmt: skip
    st.plotly_chart(figure, width="stretch", key="resolution", config=PLAIN)
