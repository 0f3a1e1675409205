"""Seeded mutations of recipes, links, cards and archives of results: each is read, or refused as it is documented."""

import io
import random
import zipfile

import numpy as np
import pytest
from jaxtyping import TypeCheckError

from e2viz import places
from e2viz.data.class_folders import members
from e2viz.data.idx import DataError
from e2viz.data.samples import sample_names
from e2viz.kept import archive
from e2viz.render.embed import read_recipe
from e2viz.render.recipe import Recipe
from e2viz.ui.state import ANGLES, refused, valid_parameters
from e2viz.zoo.card import Card

pytestmark = pytest.mark.slow
# A field of another type: the tests' type checker speaks before the recipe's own check does.
REFUSED = (ValueError, TypeCheckError)
ROUNDS = 1200
MODELS = ["vit.mnist", "ge_vit_p4.rotmnist"]
RECIPE = Recipe(page="attention", models=tuple(MODELS), picture="mnist-3", settings={"row": 3, "view": "maps"})
PIECES = [
    b"null", b"-1", b"1e999", b"NaN", b"[]", b"{}", b'"\\ud800"', b"9" * 400, b"[" * 2000, b"\x00", b"\xff\xfe",
    b"c99999", b"+mean_c4", b"../../", b"%00", b"data:image/png;base64,", b'"page"', b"true", "٣".encode(), b"",
]  # fmt: skip


def mutated(content: bytes, chance: random.Random) -> bytes:
    """A few bytes changed, cut, doubled, or replaced by something that readers stumble over."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed) + 1)
        length = chance.choice([1, 1, 2, 8, 40])
        kind = chance.randrange(5)
        if kind == 0 and changed:
            changed[min(at, len(changed) - 1)] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del changed[at : at + length]
        elif kind == 2:
            changed[at:at] = changed[at : at + length]
        elif kind == 3:
            changed[at : at + length] = chance.choice(PIECES)
        else:
            changed[at:] = changed[at : at + chance.randrange(len(changed) + 1)]
    return bytes(changed)


def told(error: Exception) -> None:
    """The message is one that a person can be shown."""
    assert isinstance(error, TypeCheckError) or len(str(error)) < 2000, str(error)[:300]


def test_recipes():
    chance, read = random.Random(1), 0
    for _ in range(ROUNDS):
        try:
            found = read_recipe(mutated(RECIPE.to_json().encode(), chance))
            read += 1
        except REFUSED as error:
            told(error)
        else:
            assert read_recipe(found.to_json().encode()) == found
    assert 0 < read < ROUNDS


def test_links():
    chance, samples = random.Random(2), list(sample_names())
    for _ in range(ROUNDS):
        query = {}
        for name, text in (RECIPE.to_query() | {"angles": "24", "method": "naive"}).items():
            content = mutated(text.encode(), chance) if chance.random() < 0.5 else text.encode()
            query[name] = content.decode("utf-8", "replace")
        found = valid_parameters(query, MODELS, samples)
        assert set(found.get("models", MODELS)) <= set(MODELS) and found.get("angles", 24) in ANGLES
        assert all(len(sentence) < 500 for sentence in refused(query, MODELS, samples, {}))
        try:
            Recipe.from_query("attention", query)
        except REFUSED as error:
            told(error)


def test_cards():
    chance, read = random.Random(3), 0
    content = (places.WEIGHTS / "ge_vit_p4.rotmnist.json").read_bytes()
    for _ in range(ROUNDS // 3):
        try:
            Card.from_json(mutated(content, chance))
            read += 1
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            told(error)  # the catalogue leaves the model out for each of these
    assert read < ROUNDS // 3


def test_archives_of_results(tmp_path):
    chance, path = random.Random(4), tmp_path / "result.npz"
    archive.save(path, {"a": 1}, {"values": np.arange(400.0)})
    content, whole = path.read_bytes(), 0
    for _ in range(ROUNDS // 3):
        path.write_bytes(mutated(content, chance))
        try:
            with archive.opened(path) as file:
                whole += len(file["values"]) == 400
        except archive.DAMAGE as error:
            told(error)
    assert whole < ROUNDS // 3


def _folders() -> bytes:
    from PIL import Image

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for label in ("cats", "dogs"):
            for number in range(8):
                picture = io.BytesIO()
                Image.new("RGB", (8, 8), (number * 9, 40, 200)).save(picture, "PNG")
                packed.writestr(f"{label}/{number}.png", picture.getvalue())
    return file.getvalue()


def test_archives_of_class_folders(tmp_path):
    chance, content = random.Random(5), _folders()
    for number in range(ROUNDS // 20):
        path = tmp_path / f"set{number}.zip"
        path.write_bytes(mutated(content, chance))
        try:
            assert all(each.class_name for each in members(path))
        except (DataError, ValueError, OSError) as error:
            told(error)
        path.unlink()
