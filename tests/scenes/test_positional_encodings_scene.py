import numpy as np
import pytest

from e2viz import scenes
from e2viz.data.samples import sample
from e2viz.groups import group
from e2viz.measure.encodings import changed_entries, encoding_layers, encodings_of
from e2viz.render.recipe import Recipe
from e2viz.scenes import positional_encodings, rule_tables
from e2viz.scenes.untrained import fresh_subject

SIZES = {"width": 4, "heads": 2, "depth": 6}


def scene_of(name, **settings):
    recipe = Recipe(page="positional_encodings", settings={"positions_group": name, **settings})
    return positional_encodings.compose(recipe, fresh_subject(name, **SIZES), False, sample("mnist-4"))


@pytest.mark.parametrize("name", ["c4", "d4"])
def test_exact_elements_only_move_the_encoding(name):
    network, acting = fresh_subject(name, **SIZES).network, group(name)
    for layer in encoding_layers(network):
        found = encodings_of(network, layer)
        for element in acting.elements:
            assert found.difference(element) < 1e-6
            assert element == 0 or not np.array_equal(found.rows[element], found.rows[0]) or acting.reflections


def test_the_diagonals_of_c8_fall_between_the_pixels():
    found = encodings_of(fresh_subject("c8", **SIZES).network, "lifting")
    assert found.difference(2) < 1e-6 and found.difference(1) > 1e-2
    scene = scene_of("c8")
    assert "diagonals" in scene.title and "diagonals" not in scene_of("c4").title
    assert [panel.title for panel in scene.rows[0].panels[2:6]] == ["v = 180°", "v = 270°", "v = 45°", "v = 135°"]


def test_every_group_can_move_the_grid_of_what_was_learned():
    network = fresh_subject("c4", **SIZES).network
    other, own = (encodings_of(network, "lifting", group(name)) for name in ("c8", "c4"))
    np.testing.assert_allclose(other.row_encoding[::2], own.row_encoding, atol=1e-6)
    assert other.difference(1) > 1e-2


def test_panels_are_the_index_maps_of_the_layer():
    scene = scene_of("c4")
    assert scene.frames == 4 and [len(row.panels) for row in scene.rows] == [8, 8, 4, 8]
    assert [row.halves for row in scene.rows] == [True, True, False, True]
    panel = scene.rows[0].panels[1]
    shown = panel.low + panel.at(0) / 255 * (panel.high - panel.low)
    # v = 90°: the offset one to the right was one below, whose row coordinate is positive
    np.testing.assert_allclose(shown[2], [-1, -0.5, 0, 0.5, 1], atol=0.01)
    assert panel.probe == "row_offsets" and panel.palette == "diverging"
    assert "not trained" in scene.caption
    assert scene.numbers["element"] == ["0°", "90°", "180°", "270°"]


def test_only_the_invariant_rule_keeps_its_table():
    for name in ("c4", "d4", "c8"):
        assert changed_entries(group(name), "ge_vit").max() == 0
        assert changed_entries(group(name), "gsa_net").max() > 0
    assert "return group.compose(v, " in rule_tables.source_line("gsa_net")
    assert rule_tables.source_line("ge_vit").count("\n") == 0


def test_a_group_that_is_not_offered_is_refused():
    with pytest.raises(ValueError, match="positions_group"):
        scenes.make(Recipe(page="positional_encodings", settings={"positions_group": "c5"}))
