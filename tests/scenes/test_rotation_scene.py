from dataclasses import replace

import numpy as np
import pytest

import e2viz
from e2viz import cli, scenes
from e2viz.data.samples import sample
from e2viz.images.portable import to_png
from e2viz.render.embed import read_recipe
from e2viz.render.look import Look
from e2viz.render.recipe import Recipe, png_data_url

MODELS = ("vit.rotmnist10", "vit.rotphotos")


def recipe(**changes):
    return Recipe(**{"page": "rotation", "models": MODELS, "picture": "mnist-8", "angles": 8, **changes})


def test_the_scene_shows_what_was_measured():
    scene = scenes.make(recipe())
    assert scene.frames == 8 and len(scene.rings) == len(scene.bars) == len(MODELS)
    model = e2viz.load(MODELS[0])
    seen = scene.rows[0].panels[0]
    images = seen.low + seen.at(2).astype(np.float32)[None, None] / 255 * (seen.high - seen.low)
    import torch

    logits = model.logits(torch.from_numpy(images))
    np.testing.assert_allclose(scene.bars[0].probability[2], logits.softmax(-1)[0], atol=0.02)
    assert scene.numbers["angle_deg"][2] == 90.0
    assert f"at {8} angles" not in scene.title and "of 8 angles" in scene.title


def test_a_carried_picture_gives_the_same_scene_as_the_picture_itself():
    carried = scenes.make(recipe(picture=png_data_url(to_png(sample("mnist-8")))))
    np.testing.assert_allclose(carried.bars[0].probability, scenes.make(recipe()).bars[0].probability, atol=0.05)


def test_unknown_page():
    with pytest.raises(LookupError, match="rotation"):
        scenes.make(recipe(page="rotations"))


def test_render_makes_the_frames_again_from_the_file_it_made(tmp_path):
    (tmp_path / "recipe.json").write_text(recipe().to_json())
    assert cli.main(["render", str(tmp_path / "recipe.json"), "-o", str(tmp_path / "a.png"), "--angle", "90"]) == 0
    assert read_recipe(tmp_path / "a.png") == replace(recipe(), look=Look(angle_deg=90))
    assert cli.main(["render", str(tmp_path / "a.png"), "-o", str(tmp_path / "b.png")]) == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_render_answers_mistakes_in_one_sentence(tmp_path, capsys):
    (tmp_path / "recipe.json").write_text(recipe().to_json())
    assert cli.main(["render", str(tmp_path / "recipe.json"), "-o", str(tmp_path / "a.tiff")]) == 1
    assert "tiff" in capsys.readouterr().err
