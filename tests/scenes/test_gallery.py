"""The gallery: every recipe is read, every file is small, moves, carries its recipe and shows its scene."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from e2viz import scenes
from e2viz.render.embed import read_recipe
from e2viz.render.indexed import indexed_frames
from e2viz.scenes.gallery import items, make

ITEMS = items()


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.name)
def test_files_are_small_and_carry_their_recipe(item):
    assert item.gif.stat().st_size < 3_000_000
    inside = read_recipe(item.gif)
    assert replace(inside, look=item.recipe.look) == item.recipe
    assert item.recipe.page in scenes.SCENES or item.recipe.page == "figure"


@pytest.mark.parametrize("name", ["turn", "steerability"])
def test_a_gif_shows_its_scene_frame_by_frame(name):
    item = next(each for each in ITEMS if each.name == name)
    scene, look = scenes.make(item.recipe), item.recipe.look
    image = Image.open(io.BytesIO(item.gif.read_bytes()))
    order = list(range(0, scene.frames, look.every))
    assert image.n_frames == len(order)
    for place, expected in enumerate(indexed_frames(scene, order[:6], **look.drawing)):
        image.seek(place)
        away = np.abs(np.asarray(image.convert("RGB"), int) - np.asarray(expected.convert("RGB"), int))
        assert away.mean() < 0.5


def test_one_is_made_again_byte_for_byte(tmp_path):
    item = next(each for each in ITEMS if each.name == "one_line")
    make(item, tmp_path)
    first = (tmp_path / "one_line.gif").read_bytes()
    make(item, tmp_path)
    assert (tmp_path / "one_line.gif").read_bytes() == first
