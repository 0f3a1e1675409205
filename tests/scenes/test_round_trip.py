import numpy as np
import pytest

import e2viz
from e2viz import scenes
from e2viz.render.recipe import Recipe

VIT = next(name for name in e2viz.list_models() if name.startswith("vit"))
SETTINGS = {
    "equivariance_error": {"step": 45, "probe": "embedding"},
    "positional_encodings": {"positions_group": "d4", "positions_layer": "lifting", "positions_channel": 1},
    "orbits": {"ground": "reference"},
    "steerability": {"sizes": [28]},
    "attention": {"token_spread": "layers", "row": 9, "column": 13},
    "latents": {"channel": 2, "layers": ["layers.1"]},
}


@pytest.mark.parametrize("page", SETTINGS)
def test_a_scene_is_made_again_from_its_own_recipe(page):
    asked = Recipe(page=page, models=(VIT,), picture="mnist-8", angles=8, settings=SETTINGS[page])
    scene = scenes.make(asked)
    again = scenes.make(Recipe.from_json(scene.recipe.to_json()))
    linked = scenes.make(Recipe.from_query(page, scene.recipe.to_query()))
    for other in (again, linked):
        assert other.recipe == asked and other.title == scene.title
        for mine, theirs in zip(scene.panels, other.panels, strict=True):
            np.testing.assert_array_equal(mine.values, theirs.values)
    rows = {len(column) for column in scene.numbers.values()}
    assert rows == {scene.frames}, "the CSV has a line for each frame"
    assert all(panel.probe for row in scene.rows for panel in row.panels), "every panel names its probe"
