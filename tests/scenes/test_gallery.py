"""The gallery: every figure of the study is there; every file is small, moves, carries its recipe, shows its scene."""

import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from e2viz import places, scenes
from e2viz.render.embed import read_recipe
from e2viz.render.indexed import indexed_frames
from e2viz.render.timeline import moments
from e2viz.scenes.gallery import BUDGET, items, make

ITEMS = items()
# Figures of the study that show a model.
STUDY = [1, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14]


def test_every_figure_of_the_study_that_shows_a_model_is_there():
    named = [int(item.figure.removeprefix("Figure ")) for item in ITEMS if item.figure]
    assert sorted(named) == STUDY and any(item.view.picture.startswith("photo-") for item in ITEMS)


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.name)
def test_a_file_is_small_moves_and_carries_its_recipe(item):
    assert item.gif.stat().st_size < BUDGET.most_bytes
    inside = read_recipe(item.gif)
    assert replace(inside, look=item.recipe.look) == item.recipe
    assert item.view.page in scenes.SCENES
    with Image.open(item.gif) as image:
        assert image.n_frames > 1 or item.view.page == "rules"


# Those that are made from what is shipped, in less than a second each: a sample of their frames, in turn with the rest.
CHEAP = ("turn", "positions", "combined_encoding", "orbits", "errors")
SEEN_STEP = 24  # of 255, in any channel


def differs(one, other):
    """True where two pictures differ by more than the colours of one table may."""
    return (np.abs(one.astype(np.int16) - other.astype(np.int16)) > SEEN_STEP).any(axis=-1)


def as_rgb(image):
    return np.asarray(image.convert("RGB"))


def assert_shows(found, drawn, before):
    """A frame of a file is its scene's, also where that differs from the frame before: a frame too early fails."""
    assert found.shape == drawn.shape
    assert differs(found, drawn).mean() < 0.001
    moved = differs(drawn, before)
    if moved.any():
        assert differs(found[moved], drawn[moved]).mean() < 0.1


def compare_gif(path, scene, look, samples=0):
    """Frames of a GIF beside those of its scene; returns how many were compared.

    Args:
        path: of the GIF.
        scene: what it shows.
        look: how it was drawn.
        samples: only about so many, each with the one before it; all by default.
    """
    order = [moment.frame for moment in moments(scene.angles_deg, look)]
    at = range(len(order))
    if samples:
        at = sorted({max(place - before, 0) for place in at[:: max(1, len(order) // samples)] for before in (0, 1)})
    drawn = map(as_rgb, indexed_frames(scene, [order[place] for place in at], **look.drawing))
    before = np.zeros((1, 1, 3), np.uint8)
    with Image.open(path) as image:
        assert image.n_frames == len(order)
        for place, expected in zip(at, drawn, strict=True):
            image.seek(place)
            assert_shows(as_rgb(image), expected, before if before.shape == expected.shape else expected)
            before = expected
    return len(at)


@pytest.mark.parametrize("name", CHEAP)
def test_a_sample_of_the_frames_is_that_of_the_scene(name):
    item = next(each for each in ITEMS if each.name == name)
    assert compare_gif(item.gif, scenes.make(item.recipe), read_recipe(item.gif).look, samples=4) >= 4


@pytest.mark.slow
@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.name)
def test_every_frame_of_every_gif_is_that_of_the_scene(item):
    assert compare_gif(item.gif, scenes.make(item.recipe), read_recipe(item.gif).look)


def test_a_frame_of_another_angle_is_refused():
    """Where the least moves: one cursor and a small picture, by a single angle."""
    item = next(each for each in ITEMS if each.name == "errors")
    scene, look = scenes.make(item.recipe), read_recipe(item.gif).look
    early, right = map(as_rgb, indexed_frames(scene, [4, 5], **look.drawing))
    assert_shows(right, right, early)
    with pytest.raises(AssertionError):
        assert_shows(early, right, early)


def test_one_is_made_again_byte_for_byte(tmp_path):
    item = next(each for each in ITEMS if each.name == "one_line")
    make(item, tmp_path)
    assert (tmp_path / "one_line.gif").read_bytes() == item.gif.read_bytes()


def test_a_cell_is_there_with_a_data_folder_alone(cifar_and_blood, monkeypatch, tmp_path):
    assert os.environ.get(places.DATA_VARIABLE) or not any(item.data for item in ITEMS)
    monkeypatch.setenv(places.DATA_VARIABLE, str(cifar_and_blood))
    monkeypatch.setenv(places.HOME_VARIABLE, str(tmp_path))
    cell = next(item for item in items() if item.data)
    assert cell.view.picture.startswith("blood.") and cell.gif == tmp_path / "gallery" / "cell.gif"
