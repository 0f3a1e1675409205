"""Figures of the study, moving; each opens as a live view or in the studio."""

from dataclasses import replace

import streamlit as st

from e2viz.render.figure import Cell, Figure
from e2viz.render.look import Look
from e2viz.scenes.gallery import Item, items
from e2viz.ui.composing import set_figure
from e2viz.ui.page import answered
from e2viz.ui.restore import page_of, restore

COLUMNS = 3


def card(item: Item, number: int) -> None:
    """One figure with its two ways on."""
    st.markdown(f"**{item.title}**" + (f" · {item.figure}" if item.figure else ""))
    if item.gif.is_file():
        st.image(str(item.gif), width="stretch", alt=f"{item.title}. {item.about}")
    st.caption(item.about)
    with st.container(horizontal=True):
        if st.button("Open the view", key=f"open_{number}"):
            restore(item.view)
        if st.button("Into the studio", key=f"studio_{number}", type="tertiary"):
            into_studio(item)


def into_studio(item: Item) -> None:
    """A figure of this view alone, to go on from."""
    recipe = item.recipe
    if not isinstance(recipe, Figure):
        cell = Cell(recipe=replace(recipe, look=Look()))
        recipe = Figure(cells=(cell,), title=item.title, caption=item.about, columns=1, look=recipe.look)
    set_figure(recipe)
    st.switch_page(page_of("studio") or "")


with answered():
    shown = items()
    st.subheader("Figures of the study, as recipes: each opens as a live view on your picture.", anchor=False)
    for first in range(0, len(shown), COLUMNS):
        columns = st.columns(COLUMNS, gap="medium")
        for column, (number, item) in zip(columns, enumerate(shown[first : first + COLUMNS], first), strict=False):
            with column:
                card(item, number)
    st.caption("`make gallery` makes all of them again; each file carries its recipe.")
