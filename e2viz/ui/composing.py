"""The figure that this session composes: parts are added on every page, the studio arranges them."""

from dataclasses import replace

import streamlit as st

from e2viz.render.figure import MAX_CELLS, Cell, Figure
from e2viz.render.look import Look
from e2viz.render.parts import parts_of
from e2viz.render.recipe import Recipe
from e2viz.render.scene import Scene

_FIGURE, _SCENES, _EDITION = "_figure", "_figure_scenes", "_figure_edition"
KEPT = 6
LONGEST = 60


def figure() -> Figure:
    """The figure as it stands."""
    return st.session_state.setdefault(_FIGURE, Figure())


def set_figure(new: Figure) -> None:
    """Put another figure in its place; the studio's widgets begin anew with it."""
    st.session_state[_FIGURE] = new
    st.session_state[_EDITION] = edition() + 1


def keep_figure(new: Figure) -> None:
    """The figure as the studio's widgets say, which stay as they are."""
    st.session_state[_FIGURE] = new


def edition() -> int:
    """Counts how often the figure was replaced from outside of the studio's widgets."""
    return int(st.session_state.get(_EDITION, 0))


def scenes_kept() -> dict[Recipe, Scene]:
    """The scenes that parts were added from: the studio computes none of them again."""
    return st.session_state.setdefault(_SCENES, {})


def add_to_figure(scene: Scene, key: str) -> None:
    """A menu of everything on this view that a figure can show.

    Args:
        scene: what is on screen.
        key: name of this menu on the page.
    """
    recipe = scene.recipe
    if not isinstance(recipe, Recipe):
        return
    count = len(figure().cells)
    with st.popover("Add to figure" if not count else f"Add to figure ({count})", help="The studio arranges them."):
        if count >= MAX_CELLS:
            st.caption(f"The figure has {MAX_CELLS} parts, as many as one can have.")
            return
        for part, words in parts_of(scene).items():
            if part.startswith("panel:") and len(scene.panels) > 24:
                continue
            st.button(
                words if len(words) <= LONGEST else words[: LONGEST - 1] + "…",
                key=f"{key}_{part}", type="tertiary", on_click=_add, args=(scene, part),
            )  # fmt: skip


def _add(scene: Scene, part: str) -> None:
    assert isinstance(scene.recipe, Recipe)
    recipe = replace(scene.recipe, look=Look())
    kept = scenes_kept()
    kept.pop(recipe, None)
    while len(kept) >= KEPT:
        kept.pop(next(iter(kept)))
    kept[recipe] = scene
    now = figure()
    set_figure(replace(now, cells=(*now.cells, Cell(recipe=recipe, part=part))))
    st.toast(f"In the figure: {parts_of(scene)[part]}")
