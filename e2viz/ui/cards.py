"""The number cards of a page."""

from __future__ import annotations

import streamlit as st

import e2viz
from e2viz.measure.stability import Stability

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
    card = e2viz.load(name).card
    found = card.measured
    if found is None:
        return "Accuracy on the test split: not measured."
    trained = f", after {card.best_epoch} epoch{'s' * (card.best_epoch != 1)} of training" if card.best_epoch else ""
    return f"Accuracy on the test split: {found.rotated} turned, {found.upright} upright{trained}."


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
