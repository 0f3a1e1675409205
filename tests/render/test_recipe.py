"""Recipes survive JSON and links, and say which field is wrong."""

import io

import numpy as np
import pytest
from PIL import Image

from e2viz.render.recipe import LINK_PICTURE_MAX_CHARACTERS, Recipe, png_data_url


def png(values: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    return png_data_url(file.getvalue())


# Its base64 holds "+" and "/", which a link cannot.
DRAWN = png(np.random.default_rng(1).integers(0, 256, (24, 24), dtype=np.uint8))
SETTINGS = {"text": "a b&c", "looks_true": "true", "flag": False, "half": 0.5, "n": 3, "list": [1, 2], "empty": ""}


@pytest.mark.parametrize("picture", ["", "six", DRAWN])
def test_round_trips(picture):
    recipe = Recipe(
        page="rotation", models=("a.b", "c.d"), picture=picture, angles=36, method="naive", settings=SETTINGS
    )
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert Recipe.from_query("rotation", recipe.to_query()) == recipe
    assert hash(Recipe.from_json(recipe.to_json())) == hash(recipe)


def test_the_drawn_picture_is_written_for_links():
    text = Recipe(page="rotation", picture=DRAWN).to_query()["picture"]
    assert {"+", "/"} <= set(DRAWN.split(",")[1]) and not {"+", "/", "="} & set(text)


def test_link_leaves_out_defaults():
    assert Recipe(page="rotation", picture="six").to_query() == {"picture": "six"}


def test_link_leaves_out_a_large_picture_and_json_keeps_it():
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    recipe = Recipe(page="rotation", picture=png(noise))
    assert len(recipe.picture) > LINK_PICTURE_MAX_CHARACTERS
    assert "picture" not in recipe.to_query()
    assert Recipe.from_json(recipe.to_json()).picture_png() == recipe.picture_png()


def test_unknown_field_names_the_nearest():
    with pytest.raises(ValueError, match="unknown recipe field 'modles'; nearest: models"):
        Recipe.from_dict({"page": "rotation", "modles": []})


def test_unknown_parameter_names_the_nearest():
    with pytest.raises(ValueError, match="nearest: probe"):
        Recipe.from_query("rotation", {"prob": "blocks.0"}, settings=("probe", "head"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"page": "Not A Page"},
        {"models": "vit"},
        {"models": [""]},
        {"angles": 0},
        {"angles": True},
        {"angles": 12.5},
        {"method": "fare"},
        {"picture": "data:image/gif;base64,AAAA"},
        {"picture": "data:image/png;base64,AAAA"},
        {"settings": {"page": 1}},
        {"settings": {"x": {}}},
        {"settings": {"x": float("nan")}},
    ],
)
def test_invalid_fields(wrong):
    with pytest.raises((ValueError, TypeError)):
        Recipe.from_dict({"page": "rotation"} | wrong)


@pytest.mark.parametrize("text", ["", "[]", "{}", "nonsense", b"\xff\xfe\x00"])
def test_not_a_recipe(text):
    with pytest.raises(ValueError, match="recipe must"):
        Recipe.from_json(text)
