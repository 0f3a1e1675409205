"""The gallery: every figure of the study is there; every file is small, moves, carries its recipe, shows its scene."""

import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from e2viz import places, scenes
from e2viz.render.embed import read_recipe
from e2viz.render.indexed import indexed_frames
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


# Those that are made from what is shipped, in less than a second each; the release compares all of them.
CHEAP = ("turn", "positions", "combined_encoding", "orbits", "errors")


@pytest.mark.parametrize(
    "item",
    [pytest.param(each, marks=() if each.name in CHEAP else pytest.mark.slow, id=each.name) for each in ITEMS],
)
def test_a_gif_shows_its_scene(item):
    look = read_recipe(item.gif).look
    scene = scenes.make(item.recipe)
    order = list(range(0, scene.frames, look.every))
    looked_at = (0, len(order) // 3, len(order) - 1)
    drawn = indexed_frames(scene, [order[place] for place in looked_at], **look.drawing)
    with Image.open(item.gif) as image:
        for place, expected in zip(looked_at, drawn, strict=True):
            image.seek(min(place, image.n_frames - 1))
            away = np.abs(np.asarray(image.convert("RGB"), int) - np.asarray(expected.convert("RGB"), int))
            assert away.mean() < 0.5, place


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
