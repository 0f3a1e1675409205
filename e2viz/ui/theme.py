"""The colours of charts on the page that the reader sees, light or dark."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from e2viz.render.palette import for_theme, model_colors, theme_named


def on_page(color: str) -> str:
    """The variant of a model's colour for the reader's page; any other colour as it is."""
    return for_theme(color, theme_named("dark" if st.context.theme.type == "dark" else "light"))


def chart_colors(names: Sequence[str]) -> dict[str, str]:
    """One colour for each model, for the reader's page."""
    return {name: on_page(color) for name, color in model_colors(list(names)).items()}
