"""The shipped samples are the real test images they say they are."""

import json
from pathlib import Path

import pytest
import torch

from e2viz.data import data_set, samples
from e2viz.data.idx import load_folder
from e2viz.images.intake import read_picture

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(
    not (DATA / "mnist").is_dir(), reason="needs the IDX files of MNIST in ../shared/data/mnist"
)


def test_every_digit_is_there_and_6_and_9_twice():
    labels = sorted(samples.sample(name).label for name in samples.sample_names("digits"))
    assert labels == [0, 1, 2, 3, 4, 5, 6, 6, 7, 8, 9, 9]
    assert len(samples.sample_names("clothes")) == 3
    assert samples.sample_names()[:12] == samples.sample_names("digits")


def test_a_sample_is_a_picture():
    picture = samples.sample("mnist-6")
    assert picture.values.shape == (1, 28, 28) and picture.values.max() > 0.9
    assert (picture.label, picture.name, picture.background) == (6, "mnist-6", 0.0)
    assert picture.checksum == samples.sample("mnist-6").checksum != samples.sample("mnist-6b").checksum


def test_reading_the_sample_as_an_upload_changes_nothing():
    picture = read_picture(samples.FOLDER / "mnist-9.png")
    assert torch.equal(picture.values, samples.sample("mnist-9").values)
    assert "already as MNIST is" in picture.steps[0]


def test_an_unknown_sample_names_the_nearest():
    with pytest.raises(LookupError, match="mnist-6"):
        samples.sample("mnist6")


@needs_data
def test_they_are_the_images_of_the_test_file():
    for entry in json.loads((samples.FOLDER / "samples.json").read_text()).items():
        name, place = entry
        if "index" not in place:
            continue
        found = data_set(place["data"])
        file = load_folder(DATA / found.files[0], "test")
        assert torch.equal(samples.sample(name).values[0] * 255, file.images[place["index"]].float())
        assert found.index(place["class"]) == file.labels[place["index"]] == samples.sample(name).label


@needs_data
def test_one_command_makes_them_again(tmp_path):
    made = samples.make(DATA, tmp_path)
    assert tuple(made) == samples.sample_names("digits") + samples.sample_names("clothes")
    shipped = json.loads((samples.FOLDER / "samples.json").read_text())
    assert json.loads((tmp_path / "samples.json").read_text()) == {name: shipped[name] for name in made}
