"""The scenes of a session's figure: bounded in bytes, whatever a link asks for."""

import numpy as np
import pytest

from e2viz.render.recipe import Recipe
from e2viz.render.scene import Panel, Scene
from e2viz.ui import composing
from e2viz.ui.composing import keep_scene


def view(side: int) -> Scene:
    return Scene("", np.zeros(1), picture=Panel("", np.zeros((1, side, side), np.uint8)))


def test_scenes_that_no_cell_needs_make_room_and_a_figure_of_too_many_is_refused(monkeypatch):
    kept: dict[Recipe, Scene] = {}
    monkeypatch.setattr(composing, "scenes_kept", lambda: kept)
    monkeypatch.setattr(composing, "FIGURE_BYTES", 2500)
    old, one, two, three = (Recipe(page=name) for name in ("old", "one", "two", "three"))
    for recipe in (old, one, two):
        keep_scene(recipe, view(31), {one, two, three})
    assert list(kept) == [one, two]
    with pytest.raises(ValueError, match="the views of one figure must have at most"):
        keep_scene(three, view(31), {one, two, three})
    assert list(kept) == [one, two]
