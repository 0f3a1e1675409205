"""The figure that this session composes: parts are added on every page, the studio arranges them."""

from collections.abc import Collection
from dataclasses import replace

import streamlit as st

from e2viz.render.figure import MAX_CELLS, Cell, Figure
from e2viz.render.look import Look
from e2viz.render.parts import parts_of
from e2viz.render.recipe import Recipe
from e2viz.render.scene import Scene
from e2viz.ui.remembered import size_of

_FIGURE, _SCENES, _EDITION, _ADDED = "_figure", "_figure_scenes", "_figure_edition", "_figure_added"
KEPT = 6
FIGURE_BYTES = 192 * 2**20
"""Of all scenes that a session keeps for its figure: a link may ask for 24 views of 720 angles each."""
LONGEST = 60
MOST_BUTTONS = 24  # panels; more are chosen from a list


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


def keep_scene(recipe: Recipe, scene: Scene, needed: Collection[Recipe]) -> None:
    """Keep a scene that parts are taken from; others, that are not needed now, make room.

    Args:
        recipe, scene: the view.
        needed: recipes of the whole figure.

    Raises:
        ValueError: the figure needs more memory than a session may take.
    """
    kept = scenes_kept()
    kept.pop(recipe, None)
    spare = [each for each in kept if each not in needed]
    while (size := size_of([*kept.values(), scene])) > FIGURE_BYTES and spare:
        kept.pop(spare.pop(0))
    if size > FIGURE_BYTES:
        raise ValueError(
            f"the views of one figure must have at most {FIGURE_BYTES >> 20} MB together, got {size >> 20}; "
            "take parts of fewer views, angles or models"
        )
    kept[recipe] = scene


def add_to_figure(scene: Scene, key: str) -> None:
    """A menu of everything on this view that a figure can show.

    Args:
        scene: what is on screen.
        key: name of this menu on the page.
    """
    recipe = scene.recipe
    if not isinstance(recipe, Recipe):
        return
    if added := st.session_state.pop(_ADDED, ""):
        st.toast(added)
    count = len(figure().cells)
    with st.popover("Add to figure" if not count else f"Add to figure ({count})", help="The studio arranges them."):
        if count >= MAX_CELLS:
            st.caption(f"The figure has {MAX_CELLS} parts, as many as one can have.")
            return
        parts = parts_of(scene)
        many = len(scene.panels) > MOST_BUTTONS
        for part, words in parts.items():
            if many and part.startswith("panel:"):
                continue
            st.button(
                words if len(words) <= LONGEST else words[: LONGEST - 1] + "…",
                key=f"{key}_{part}", type="tertiary", on_click=_add, args=(scene, part),
            )  # fmt: skip
        if many:
            panels = [part for part in parts if part.startswith("panel:")]
            st.selectbox(
                "One panel", panels, index=None, format_func=parts.__getitem__, key=f"{key}_panel",
                placeholder=f"one of {len(panels)}", on_change=_add_chosen, args=(scene, f"{key}_panel"),
            )  # fmt: skip


def _add_chosen(scene: Scene, key: str) -> None:
    """Add the panel that was chosen in a list, and leave the list as it was."""
    part = st.session_state.get(key)
    if part is not None:
        st.session_state[key] = None
        _add(scene, part)


def _add(scene: Scene, part: str) -> None:
    assert isinstance(scene.recipe, Recipe)
    recipe = replace(scene.recipe, look=Look())
    kept = scenes_kept()
    kept.pop(recipe, None)
    while len(kept) >= KEPT:
        kept.pop(next(iter(kept)))
    now = figure()
    new = replace(now, cells=(*now.cells, Cell(recipe=recipe, part=part)))
    try:
        keep_scene(recipe, scene, {cell.recipe for cell in new.cells})
    except ValueError as error:
        st.session_state[_ADDED] = f"Not added: {error}."
        return
    set_figure(new)
    # Told by the next run: what a callback shows would stand in the place of the page's first elements, its styles.
    st.session_state[_ADDED] = f"In the figure: {parts_of(scene)[part]}"
