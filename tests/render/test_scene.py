"""Scenes refuse what cannot be shown, and quantise to the nearest step."""

import numpy as np
import pytest

from e2viz.render.charts import add_cards
from e2viz.render.marks import LABEL_SIZE, Sheet, Text
from e2viz.render.numbers import numbers_of
from e2viz.render.ring import add_dial
from e2viz.render.scene import Bars, Panel, Ring, Scene, quantise, two_letters


def test_quantise_is_within_half_a_step():
    values = np.random.default_rng(0).uniform(-3.0, 5.0, (4, 7, 7))
    steps = quantise(values, -3.0, 5.0)
    shown = -3.0 + steps / 255 * 8.0
    assert steps.dtype == np.uint8
    assert np.abs(shown - values).max() <= 8.0 / 255 / 2 + 1e-5


def test_quantise_hits_both_ends_and_clips():
    assert quantise(np.array([-9.0, 0.0, 1.0, 9.0]), 0.0, 1.0).tolist() == [0, 0, 255, 255]


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0), (float("nan"), 1.0), (0.0, float("inf"))])
def test_quantise_refuses_limits(low, high):
    with pytest.raises(ValueError, match="low < high"):
        quantise(np.zeros(3), low, high)


def test_quantise_refuses_nan():
    with pytest.raises(ValueError, match="1 that are not"):
        quantise(np.array([0.0, np.nan]), 0.0, 1.0)


def test_symmetric_limits_put_zero_in_the_middle():
    panel = Panel.from_values("x", np.array([[[-1.0, 0.0, 4.0]]]), "diverging", symmetric=True)
    assert (panel.low, panel.high) == (-4.0, 4.0)
    assert panel.values[0, 0, 1] in (127, 128)


def test_limits_are_shared_by_all_frames():
    panel = Panel.from_values("x", np.array([[[0.0, 1.0]], [[0.0, 10.0]]]))
    assert panel.values[:, 0, 1].tolist() == [26, 255]


def test_constant_map_has_limits():
    assert Panel.from_values("x", np.full((1, 2, 2), 3.0)).low < 3.0


def test_a_single_frame_never_changes():
    panel = Panel("x", np.arange(6, dtype=np.uint8).reshape(1, 2, 3))
    assert (panel.at(0) == panel.at(5)).all()


@pytest.mark.parametrize("values", [np.zeros((2, 2), np.uint8), np.zeros((2, 2, 2, 4), np.uint8), np.zeros((1, 2, 2))])
def test_panel_refuses_other_arrays(values):
    # Under pytest the shape types speak first; without them the constructor does.
    with pytest.raises((ValueError, TypeError)):
        Panel("x", values)


def test_scene_refuses_a_panel_of_another_length():
    with pytest.raises(ValueError, match="must have 1 or 3 frames, got 2"):
        Scene("x", np.arange(3.0), Panel("short", np.zeros((2, 4, 4), np.uint8)))


def test_scene_refuses_a_ring_of_another_length():
    ring = Ring("ViT", "#000000", np.zeros(2, int), np.ones(2))
    with pytest.raises(ValueError, match="'ViT' must have 3 frames, got 2"):
        Scene("x", np.arange(3.0), rings=(ring,))


def test_scene_refuses_a_ragged_table():
    with pytest.raises(ValueError, match="one length"):
        Scene("x", np.arange(3.0), numbers={"a": [1, 2], "b": [1]})


def test_scene_refuses_a_marker_of_another_length():
    panel = Panel("x", np.zeros((1, 4, 4), np.uint8), marker=np.zeros((2, 2)))
    with pytest.raises(ValueError, match="got 2"):
        Scene("x", np.arange(3.0), panel)


def test_bars_need_a_name_for_each_class():
    with pytest.raises(ValueError, match="2 names"):
        Bars("ViT", "#000000", np.full((1, 3), 0.3), ("a", "b"))


def test_ring_takes_the_most_probable_class():
    ring = Ring.from_probability("ViT", "#000000", np.array([[0.2, 0.8], [0.7, 0.3]]))
    assert ring.classes.tolist() == [1, 0]
    assert ring.probability.tolist() == [0.8, 0.7]


def test_a_dial_alone_writes_class_names_into_its_rings():
    """Bars that name the classes are another part; a figure may show the dial without them."""
    said = np.tile(np.array([[0.1, 0.8, 0.1]]), (72, 1))
    ring = Ring.from_probability("ViT", "#000000", said, ("frog", "deer", "cat"))
    scene = Scene("", np.arange(72) * 5.0, rings=(ring,))
    sheet = Sheet(400, 400)
    add_dial(sheet, scene, 0, 0, 400)
    assert "de" in [mark.text for mark in sheet.still if isinstance(mark, Text)]
    assert set(numbers_of(scene)["ViT: class"]) == {"deer"}


def test_two_letters_tell_the_classes_apart():
    assert two_letters(tuple("0123456789")) == tuple("0123456789")
    assert two_letters(("cat", "deer", "automobile")) == ("ca", "de", "au")
    alike = ("immature granulocyte", "immature lymphocyte", "monocyte", "monoblast", "class 1", "class 10", "class 11")
    assert len(set(two_letters(alike))) == len(alike) and two_letters(alike)[0] == "ig"


def test_a_long_answer_is_written_smaller_instead_of_cut():
    names = ("immature granulocyte", "cat")
    bars = Bars("Hybrid", "#000000", np.array([[0.9, 0.1], [0.1, 0.9]]), names)
    sheet = Sheet(240, 200)
    add_cards(sheet, (bars,), 0, 0, 240, 160)
    for frame, name in enumerate(names):
        (said,) = [m for m in sheet.marks(frame) if isinstance(m, Text) and m.weight == "semibold"]
        assert said.text == name and said.size == LABEL_SIZE
