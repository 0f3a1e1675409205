"""What a link, a recipe, a card or a file name may ask for: bounded where it is read, in one short sentence."""

import io
import json
import time
import zipfile

import pytest

import e2viz
from e2viz import groups, limits
from e2viz.render.embed import read_recipe
from e2viz.render.recipe import Recipe
from e2viz.train.recipes import RECIPES
from e2viz.zoo import catalogue
from e2viz.zoo.card import Card

DEEP = '{"page":"rotation","settings":{"a":' + "[" * 100_000 + "]" * 100_000 + "}}"


def refused(call, match):
    """The call is refused at once, in one line that repeats no more of the input than a line holds."""
    started = time.perf_counter()
    with pytest.raises((ValueError, LookupError), match=match) as caught:
        call()
    assert time.perf_counter() - started < 1.0
    assert len(str(caught.value)) < 400 and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["c33", "c100000", "d17", "p100000", "p17m", "c" + "9" * 5000])
def test_a_group_by_name_has_a_bound(name):
    refused(lambda: groups.group(name), "at most 32 elements")
    if not name.startswith("p"):
        refused(lambda: catalogue.load(f"vit.mnist+mean_{name}"), "at most 32 elements")
    assert not catalogue.is_model(f"vit.mnist+mean_{name}")


def test_the_largest_groups_are_there():
    assert groups.group("c32").order == groups.group("d16").order == limits.LARGEST_GROUP
    assert groups.Group(360).order == 360, "the library itself is not limited"


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"models": tuple(f"vit.mnist+mean_c{k}" for k in range(1, 14))}, "at most 12 models, got 13"),
        ({"models": ("v" * 100,)}, "name of a model"),
        ({"angles": 721}, "from 1 to 720"),
        ({"angles": 10**30}, "from 1 to 720"),
        ({"page": "a" * 10**6}, "page must be a lower-case name"),
        ({"picture": "a" * 10**4}, "picture must be a sample's name"),
        ({"settings": {"a": "x" * 1001}}, "at most 1000 characters"),
        ({"settings": {"a": 10**400}}, "within 1,000,000,000"),
        ({"settings": {"a": float("inf")}}, "within 1,000,000,000"),
        ({"settings": {"a": ["x"] * 513}}, "must be at most 512 items"),
        ({"settings": {f"s{k}": 1 for k in range(65)}}, "at most 64 settings"),
    ],
)
def test_a_recipe_has_bounds(fields, match):
    refused(lambda: Recipe(**{"page": "rotation", **fields}), match)


def test_json_that_is_nested_deeply_or_holds_huge_numbers():
    refused(lambda: Recipe.from_json(DEEP), "nested as deeply")
    refused(lambda: Card.from_json(DEEP), "nested as deeply")
    refused(lambda: Recipe.from_json('{"page":"rotation","angles":' + "7" * 5000 + "}"), "thousands of digits")
    refused(lambda: Recipe.from_json('"' + "x" * 9_000_000 + '"'), "at most 8,000,000")
    refused(lambda: Recipe.from_query("rotation", {"angles": "7" * 4400}), "angles must be")


def test_a_file_that_carries_a_recipe_is_not_read_whatever_its_size(tmp_path):
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(2**32)
    refused(lambda: read_recipe(path), "at most 256,000,000 bytes")


@pytest.mark.parametrize(
    "config",
    [
        {"width": 10**9},
        {"width": float("nan")},
        {"layers": 4096, "width": 4096, "mlp_width": 4096},
        {"stages": [[1] * 600]},
        {"config": {"layers": -(10**12)}},
    ],
)
def test_a_card_cannot_ask_for_a_network_of_gigabytes(config):
    fields = {"name": "a", "architecture": "vit", "config": config}
    refused(lambda: Card.from_json(json.dumps(fields)), "configuration must")


def test_every_network_of_ours_is_within_the_limits():
    for recipe in RECIPES.values():
        limits.check_config(recipe.config)


def test_whole_numbers_of_a_link():
    assert limits.whole_number("27", 0, 27) == 27
    for text in ("", "28", "-1", "1.5", "٣", "7" * 4400, "--1"):
        assert limits.whole_number(text, 0, 27) is None


def test_a_zip_is_not_opened_for_a_list_of_members_that_would_fill_the_memory(tmp_path):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        for number in range(200):
            packed.writestr(f"{number}.txt", b"")
    limits.check_zip(content, 200 * 60)
    limits.check_zip(io.BytesIO(b"PK no zip"), 1)
    with pytest.raises(ValueError, match="list of a zip's members must be at most 5,000 bytes"):
        limits.check_zip(content, 5000)


@pytest.mark.parametrize("name", ["\U0001f600" * 80, "\0", "\ud800", "../weights/vit.mnist", "", "." * 80])
def test_a_name_is_never_a_path(name):
    with pytest.raises(LookupError, match="no model is called"):
        e2viz.load(name)
