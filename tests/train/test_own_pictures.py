"""A person's own class folders become a model of the catalogue."""

import numpy as np
import pytest
from PIL import Image

import e2viz
from e2viz import cli, places
from e2viz.data.data_set import DataSet
from e2viz.models import build
from e2viz.train.own_recipes import KINDS, own_recipe
from e2viz.zoo import catalogue, names


@pytest.fixture
def home(monkeypatch, tmp_path):
    monkeypatch.setenv(places.HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.setattr(places, "runs", lambda: tmp_path / "runs")
    return tmp_path / "home"


@pytest.fixture
def pictures(tmp_path):
    """Bright and dark pictures, which a network tells apart in a few steps."""
    noise = np.random.RandomState(0)
    for name, level in (("bright", 180), ("dark", 20)):
        folder = tmp_path / "pictures" / name
        folder.mkdir(parents=True)
        for index in range(30):
            pixels = noise.randint(level, level + 60, (20, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{index}.png")
    return tmp_path / "pictures"


def train(pictures, runs, kind="cnn", *more):
    words = ["train", kind, "--data", str(pictures), "--name", "light", "--runs", str(runs), "--device", "cpu"]
    return cli.main([*words, "--size", "16", *more])


def test_from_a_folder_to_a_model_that_is_offered(home, pictures, tmp_path, capsys):
    assert train(pictures, tmp_path / "runs", "cnn", "--epochs", "6") == 0
    said = capsys.readouterr().out
    assert "2 classes, 43 pictures to train on, 5 to choose by, 12 to test on, seen at 16×16" in said
    assert "cnn.light" in e2viz.list_models() and "light" in e2viz.list_data()
    model = e2viz.load("cnn.light")
    assert model.card.class_names == ("bright", "dark") and model.card.data_set.size == 16
    assert model.card.measured.upright.share > 0.9 and model.card.measured.quarter.total == 12
    assert not (catalogue.WEIGHTS_FOLDER / "cnn.light.json").exists()
    assert cli.main(["evaluate", "cnn.light", "--data", str(pictures), "--device", "cpu", "--json"]) == 0
    assert '"correct": 12' in capsys.readouterr().out


def test_a_name_that_is_taken_is_refused_before_anything_is_read(home, tmp_path, capsys):
    words = ["train", "vit", "--data", str(tmp_path / "nothing"), "--name", "rotmnist", "--device", "cpu"]
    assert cli.main(words) == 1
    assert "choose another name" in capsys.readouterr().err


def test_another_kind_is_refused(home, pictures, tmp_path, capsys):
    assert train(pictures, tmp_path / "runs", "resnet") == 1
    assert "trained on by vit, cnn, gcnn_p4, hybrid_p4" in capsys.readouterr().err


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size,channels", [(16, 1), (32, 3), (64, 3), (128, 1)])
def test_every_kind_fits_every_size(kind, size, channels):
    levels = (0.5,) * channels
    found = DataSet(
        name="mine", title="mine", class_names=("a", "b", "c"), channels=channels, size=size,
        mean=levels, std=levels, background=levels,
    )  # fmt: skip
    recipe = own_recipe(kind, found, 1000)
    network = build(recipe.architecture, recipe.config)
    assert recipe.name == f"{kind}.mine" and network.config.image_size == size
    assert recipe.epochs == 200 and own_recipe(kind, found, 100_000).epochs == 5


def test_a_data_set_that_names_no_models_first_still_shows_two():
    found = DataSet(
        name="mine",
        title="mine",
        class_names=("a", "b"),
        channels=1,
        size=16,
        mean=(0.5,),
        std=(0.5,),
        background=(0.5,),
    )
    assert names.defaults(["cnn.mine", "hybrid_p4.mine", "vit.mine"], found) == ("hybrid_p4.mine", "vit.mine")
    assert names.defaults(["cnn.mine"], found) == ("cnn.mine",)
