import numpy as np
import pytest

from e2viz.groups import group
from e2viz.render.scene import Panel
from e2viz.scenes import attention
from e2viz.scenes.attention_settings import Settings
from e2viz.scenes.element_ring import element_ring, windows
from tests.scenes.small import ge_vit, picture
from tests.scenes.test_attention_scene import TURN, recipe


def ring_of(model, **settings):
    part = attention.part(model, picture(), TURN, settings=Settings(**settings))
    scene = attention.compose(recipe(**settings), {"ge_vit_a": part}, picture())
    return scene.rows[0].panels[-1]


@pytest.mark.parametrize("name", ["c4", "c8", "d4"])
@pytest.mark.parametrize("layer", ["lifting.attention", "blocks.2.attention"])
def test_a_quarter_turn_of_the_picture_turns_the_whole_ring(name, layer):
    ring = ring_of(ge_vit(group=name), layer=layer)
    assert ring.title == "every v, in a ring"
    for frame, quarters in ((2, 1), (4, 2), (6, 3)):
        away = ring.values[frame].astype(int) - np.rot90(ring.values[0], quarters)
        assert np.abs(away).max() <= 1, f"{TURN[frame]:g}°"
        np.testing.assert_array_equal(ring.under[frame], np.rot90(ring.under[0], quarters))
    assert np.abs(ring.values[2].astype(int) - ring.values[0]).max() > 20


def test_that_of_a_mutant_does_not_turn():
    ring = ring_of(ge_vit(rule="gsa_net"), layer="blocks.3.attention")
    assert np.abs(ring.values[2].astype(int) - np.rot90(ring.values[0])).max() > 2


def test_tiles_do_not_overlap_and_heads_have_no_ring():
    marks = np.full((1, 2), 13.5)
    first = ring_of(ge_vit(), layer="blocks.2.attention").values
    assert first.shape[1] == first.shape[2] and first.shape[1] % 2 == 0
    for name in ("c4", "c8", "d4"):
        panels = [Panel("", np.full((1, 28, 28), 255, dtype=np.uint8), marker=marks)] * group(name).order
        ring = element_ring(panels, group(name), "v", 10)
        assert (ring.values == 255).sum() == group(name).order * 20 * 20
    with pytest.raises(ValueError, match="a tile for each element"):
        element_ring(panels[:3], group("d4"), "v", 10)
    part = attention.part(ge_vit(), picture(), TURN, settings=Settings(spread="head"))
    assert "ring" not in part.facts


def test_a_window_beyond_the_edge_is_filled_up():
    pixels = np.arange(16, dtype=np.uint8).reshape(1, 4, 4)
    assert windows(pixels, np.array([[0.5, 1.5]]), 3)[0].tolist() == [[0, 0, 0], [0, 1, 2], [4, 5, 6]]
