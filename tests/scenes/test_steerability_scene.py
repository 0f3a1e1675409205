import numpy as np
import pytest

from e2viz.data.samples import sample
from e2viz.measure.steering import from_arrays, steered
from e2viz.render.recipe import Recipe
from e2viz.scenes import steerability
from e2viz.scenes.untrained import fresh_subject

PICTURE = sample("mnist-4")


@pytest.fixture(scope="module")
def result():
    return steered(fresh_subject("c8", width=4, heads=2), PICTURE, 28)


def test_four_and_four_agree_and_the_two_sets_do_not(result):
    assert result.within_quarters < 1e-5 and result.within_diagonals < 1e-5
    assert result.between > 1e-3


def test_the_lifted_map_turned_back_stands_still_within_each_set(result):
    maps = result.maps[0]
    scale = np.abs(maps).max()
    assert np.abs(maps[2] - maps[0]).max() < 1e-4 * scale
    assert np.abs(maps[1] - maps[0]).max() > 1e-2 * scale


def test_a_group_without_turns_by_45_degrees_is_refused():
    with pytest.raises(ValueError, match="45°"):
        steered(fresh_subject("c4", width=4, heads=2), PICTURE, 28)


def test_the_scene_shows_it_and_what_is_kept_is_the_same(result):
    again = from_arrays(28, result.arrays())
    recipe = Recipe(page="steerability", picture="mnist-4", settings={"sizes": [28]})
    scene, other = (steerability.compose(recipe, [each], PICTURE) for each in (result, again))
    assert scene.title == other.title and "28 pixels" in scene.title
    assert scene.frames == 8 and [row.panels[0].probe for row in scene.rows] == ["lifting", "logits"]
    panel = scene.rows[1].panels[0]
    assert panel.at(0)[0, 2] < panel.at(0)[0, 1] and panel.outline[3].tolist() == [3, 0, 1, 8]
    assert scene.numbers["angle_deg"][1] == 45.0


def test_sizes_of_the_recipe():
    assert steerability.sizes_of(Recipe(page="steerability", settings={"sizes": [56, 28]})) == (28, 56)
    with pytest.raises(ValueError, match="sizes"):
        steerability.sizes_of(Recipe(page="steerability", settings={"sizes": [30]}))
