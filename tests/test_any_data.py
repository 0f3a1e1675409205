"""The proof that a data set is one noun: sets that only this test knows go all the way, with no file changed."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from streamlit.testing.v1 import AppTest

import e2viz
from e2viz import cli, places
from e2viz.data.samples import offered_names, sample
from e2viz.render.formats import FORMATS
from e2viz.render.recipe import Recipe
from e2viz.scenes import SCENES
from e2viz.ui import navigation

pytestmark = pytest.mark.slow
APP = str(Path(__file__).resolve().parents[1] / "app.py")
SHAPES = (
    "circle", "square", "bar", "cross", "ring", "corner", "dots", "stripes", "a large triangle that stands upright",
    "half", "frame", "wedge",
)  # fmt: skip
KINDS = ("vit", "gcnn_p4", "hybrid_p4")
ANGLES = 8


def drawn(kind: int, seed: int) -> Image.Image:
    """One coloured shape on a tinted ground, 24 pixels wide."""
    chance = np.random.RandomState(seed)
    ground, ink = (tuple(int(level) for level in chance.randint(low, low + 90, 3)) for low in (20, 150))
    image = Image.new("RGB", (24, 24), ground)
    pen, left = ImageDraw.Draw(image), 4 + int(chance.randint(0, 3))
    box = (left, 5, left + 13, 18)
    if kind % 4 == 0:
        pen.ellipse(box, fill=ink)
    elif kind % 4 == 1:
        pen.rectangle(box, fill=ink)
    elif kind % 4 == 2:
        pen.rectangle((left, 10, left + 14, 12 + kind // 4), fill=ink)
    else:
        pen.polygon([(left, 18), (left + 13, 18), (left + 6 - kind // 4, 4)], fill=ink)
    return image


@pytest.fixture(scope="module", params=[3, 12], ids=["three classes", "twelve classes"])
def names(request, tmp_path_factory):
    """Trained models of a data set of so many classes, made from files that were just drawn."""
    folder, patch = tmp_path_factory.mktemp("any"), pytest.MonkeyPatch()
    patch.setenv(places.HOME_VARIABLE, str(folder / "home"))
    patch.setenv(places.DATA_VARIABLE, str(folder / "data"))
    for part, count in (("train", 6), ("val", 2), ("test", 3)):
        for kind, name in enumerate(SHAPES[: request.param]):
            place = folder / "data" / "shapes" / part / name
            place.mkdir(parents=True)
            for index in range(count):
                drawn(kind, hash((part, kind, index)) % 2**31).save(place / f"{index}.png")
    for kind in KINDS:
        words = ["train", kind, "--data", str(folder / "data" / "shapes"), "--name", "shapes", "--size", "24"]
        assert cli.main([*words, "--epochs", "1", "--device", "cpu", "--runs", str(folder / "runs")]) == 0
    yield [f"{kind}.shapes" for kind in KINDS]
    patch.undo()


def recipe(page: str, names: list[str]) -> Recipe:
    return Recipe(page=page, models=tuple(names), picture=offered_names("shapes")[0], angles=ANGLES)


def test_cards_name_it_and_keep_no_facts_of_their_own(names):
    found = e2viz.data_set("shapes")
    assert (found.channels, found.size) == (3, 24) and set(found.class_names) == set(SHAPES[: found.classes])
    for name in names:
        card = json.loads((places.own_weights() / f"{name}.json").read_text(encoding="utf-8"))
        assert not {"class_names", "image_size", "mean", "std", "channels"} & set(card)
        assert e2viz.load(name).card.data_set == found


def test_sweep_and_stability_speak_of_its_classes(names):
    picture = sample(offered_names("shapes")[0])
    swept = e2viz.sweep([e2viz.load(name) for name in names], picture, np.arange(ANGLES) * 45.0)
    assert swept.images.shape == (ANGLES, 3, 24, 24)
    for name in names:
        found = swept.stability(name, picture.label)
        assert found.says(swept.class_names(name)).split(" at ")[0].removeprefix("says ") in SHAPES
        assert found.accuracy is not None and found.ambiguity == ""
    gcnn = swept.logits["gcnn_p4.shapes"]
    assert np.abs(gcnn[2] - gcnn[0]).max() < 1e-4 * max(1.0, np.abs(gcnn).max()), "a quarter turn changes nothing"


@pytest.mark.parametrize("page", [name for name in navigation.titles()])
def test_every_page_shows_it(names, page):
    app = AppTest.from_file(APP, default_timeout=600)
    path = next(path for paths in navigation.found().values() for path in paths if path.stem == page)
    for key, value in {"models": ",".join(names), "picture": offered_names("shapes")[0], "angles": "24"}.items():
        app.query_params[key] = value
    app.switch_page(str(path))
    app.run()
    assert not app.exception, page
    assert not app.error, (page, [each.value for each in app.error])
    assert app.selectbox(key="data").value == "shapes"


# Over a data set is made from a stored measurement, which `e2viz evaluate --over-angles` makes of own models too.
@pytest.mark.parametrize("page", [name for name in SCENES if name != "over_data"])
def test_every_export_of_every_scene(names, page, tmp_path):
    made = SCENES[page](recipe(page, names))
    for each in FORMATS:
        content = e2viz.encode(made, each, width=390)
        assert len(content) > 50, (page, each)


def test_the_command_line_knows_it(names, tmp_path, capsys):
    file = tmp_path / "turn.json"
    file.write_text(recipe("rotation", names).to_json())
    assert cli.main(["render", str(file), "-o", str(tmp_path / "turn.gif"), "--width", "390"]) == 0
    assert cli.main(["models"]) == 0
    assert "gcnn_p4.shapes" in capsys.readouterr().out
    assert cli.main(["check", "gcnn_p4.shapes"]) == 0
    data = places.data_folder()
    assert cli.main(["evaluate", "vit.shapes", "--data", str(data / "shapes"), "--device", "cpu", "--json"]) == 0
    assert cli.main(["data", str(data / "shapes")]) == 0


def test_a_picture_before_its_models_and_those_of_digits_at_once(names):
    swept = e2viz.sweep(
        [e2viz.load("vit.shapes"), e2viz.load("vit.mnist")], replace(sample("mnist-6"), name="six"), [0.0, 90.0]
    )
    assert [images.shape[1:] for _, images in swept.inputs()] == [(3, 24, 24), (1, 28, 28)]
