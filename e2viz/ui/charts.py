"""The charts and number cards of a page, drawn with Plotly in the models' colours."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

import e2viz
from e2viz.measure.stability import Stability
from e2viz.measure.sweep import Sweep
from e2viz.ui.theme import chart_colors

CARDS_IN_A_ROW = 2  # of three numbers each: with more, Streamlit cuts the numbers off


def stability_cards(measured: dict[str, Stability], labels: dict[str, str]) -> None:
    """A card for each model: how steady it is on this picture, and its accuracy on the test split beside it."""
    names = list(measured)
    for first in range(0, len(names), CARDS_IN_A_ROW):
        row = names[first : first + CARDS_IN_A_ROW]
        for column, name in zip(st.columns(min(len(names), CARDS_IN_A_ROW)), row, strict=False):
            with column:
                _card(name, measured[name], labels[name])


def _card(name: str, stability: Stability, label: str) -> None:
    st.markdown(f"**{label}**")
    left, middle, right = st.columns(3)
    left.metric("agreement", f"{100 * stability.agreement:.0f} %", help="share of angles with the upright answer")
    middle.metric("flips", f"{len(stability.flips)} of {stability.frames}")
    right.metric(
        "worst margin",
        f"{stability.worst_margin:+.2f}".replace("-", "\u2212"),
        help=f"at {stability.worst_margin_deg:g}°",
    )
    st.caption(_accuracy(name))
    if stability.ambiguity:
        st.caption(stability.ambiguity)
    with st.expander("All measures"):
        st.dataframe(measures_table(stability), hide_index=True, width="stretch")


def _accuracy(name: str) -> str:
    found = e2viz.load(name).card.measured
    if found is None:
        return "Accuracy on the test split: not measured."
    return f"Accuracy on the test split: {found.rotated} turned, {found.upright} upright."


def measures_table(stability: Stability) -> dict[str, list[str]]:
    """Every measure with its value and where it comes from."""
    rows = [
        ("flip rate", f"{stability.flip_rate:.3f}", "Hendrycks & Dietterich 2019"),
        ("agreement with upright", f"{stability.agreement:.3f}", "Azulay & Weiss 2019"),
        ("pairwise consistency", f"{stability.pairwise_consistency:.3f}", "Zhang 2019"),
        ("mean total variation", f"{stability.mean_total_variation:.3f}", ""),
        ("worst total variation", f"{stability.worst_total_variation:.3f}", ""),
        ("Jensen–Shannon, nats", f"{stability.jensen_shannon:.3f}", ""),
        ("mean rotation error", f"{stability.mean_rotation_error:.3f}", "rissl"),
        ("worst margin", f"{stability.worst_margin:+.3f} at {stability.worst_margin_deg:g}°", "Engstrom et al. 2019"),
    ]
    if stability.accuracy is not None:
        rows.append(("accuracy over the turn", f"{stability.accuracy:.3f}", "Engstrom et al. 2019"))
    return {"measure": [r[0] for r in rows], "value": [r[1] for r in rows], "source": [r[2] for r in rows]}


def probability_charts(swept: Sweep, measured: dict[str, Stability], labels: dict[str, str]) -> None:
    """The probability of the upright answer (or of the label) against angle: polar and plain, flips marked."""
    colors = chart_colors(list(swept.models))
    polar, plain = go.Figure(), go.Figure()
    for name, stability in measured.items():
        curve = stability.probability[:, stability.reference]
        angles = stability.angles_deg
        line = {"color": colors[name], "width": 2}
        closed = np.append(curve, curve[0])
        polar.add_scatterpolar(theta=np.append(angles, 360.0), r=closed, line=line, name=labels[name])
        plain.add_scatter(x=angles, y=curve, line=line, name=labels[name])
        flips = list(stability.flips)
        plain.add_scatter(
            x=angles[flips], y=curve[flips], mode="markers", name=f"{labels[name]} changes its answer",
            marker={"color": colors[name], "symbol": "x-thin", "size": 8, "line": {"width": 2, "color": colors[name]}},
            showlegend=False,
        )  # fmt: skip
    first = next(iter(measured.values()))
    what = f"probability of class {first.reference}"
    layout = {"margin": {"l": 48, "r": 24, "t": 24, "b": 40}, "height": 320, "legend": {"orientation": "h", "y": 1.14}}
    polar.update_layout(
        **layout | {"showlegend": False, "margin": layout["margin"] | {"r": 48}},
        polar={
            "bgcolor": "rgba(0, 0, 0, 0)",
            "radialaxis": {"range": [0, 1], "tickvals": [0.5, 1], "ticks": "", "showline": False, "angle": 45},
            # as on the dial: upright at the top, counter-clockwise
            "angularaxis": {"dtick": 45, "rotation": 90, "direction": "counterclockwise"},
        },
    )
    plain.update_layout(
        **layout,
        xaxis={"title": "angle, degrees", "dtick": 45, "range": [0, 360]},
        yaxis={"title": what, "range": [-0.02, 1.02]},
    )
    left, right = st.columns([1, 2])
    left.plotly_chart(polar, width="stretch", key="polar", config={"displayModeBar": False})
    right.plotly_chart(plain, width="stretch", key="plain", config={"displayModeBar": False})
