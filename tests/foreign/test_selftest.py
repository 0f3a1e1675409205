"""The card of a model that arrives, and before and after mending."""

import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch

import e2viz
from e2viz.data.idx import DataError
from e2viz.data.samples import sample
from e2viz.foreign.mend import Judged, beside, judged, labelled
from e2viz.foreign.selftest import fitting_data, self_test
from e2viz.zoo.wrapped import wrap
from tests.foreign import graphs


@pytest.fixture(scope="module")
def model():
    return e2viz.open_model(graphs.classifier(), mean="0 to 1", classes=["cat", "dog", "ship", "truck", "frog"])


def test_the_card_is_measured(model):
    told = []
    found = self_test(model, 1234, [sample("mnist-6")], lambda done, total: told.append((done, total)))
    assert told[-1] == (3, 3) and found.parameters == 133 and found.image_ms > 0
    assert 1e-4 < found.turned < 10 and found.mirrored > 1e-4 and found.control > 1e-4
    assert 0 <= found.flip_rate <= 1 and "quarter turn" in found.badge() and "moves" in found.badge()
    mended = wrap(model, "mean", "d4")
    still = self_test(mended, 1234, [sample("mnist-6")])
    assert still.turned < 1e-5 and still.mirrored < 1e-5 and "does not move" in still.badge()


def test_the_sentence_compares_with_the_control(model):
    found = replace(self_test(model, 1234, [sample("mnist-6")]), turned=0.1)
    for control, words in ((0.02, "more than"), (0.09, "about as much as"), (0.5, "less than")):
        assert f"{words} the same network" in replace(found, control=control).sentence


def test_samples_are_of_the_data_set_that_fits(model):
    digits = e2viz.open_model(graphs.classifier(channels=1), mean="0 to 1")
    assert fitting_data(digits).channels == 1


def test_before_and_after_on_one_picture(model):
    mended = wrap(model, "mean", "c4")
    table = beside([model, mended], sample("mnist-6"), np.arange(4) * 90.0)
    assert table[mended.name][1] == "0 of 4" and float(table[mended.name][-1]) < 1e-5 < float(table[model.name][-1])


def test_accuracy_before_and_after_on_class_folders(model, tmp_path):
    from PIL import Image

    generator = np.random.default_rng(0)
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for name in ("cat", "Dog", "teapot"):
            for k in range(3):
                path = tmp_path / "one.png"
                Image.fromarray(generator.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(path)
                archive.write(path, f"test/{name}/{k}.png")
        archive.writestr("test/cat/broken.png", b"no picture")
    read = labelled(tmp_path / "set.zip", model.card.data_set)
    assert sorted(read.labels) == [0, 0, 0, 1, 1, 1] and read.unknown == ("teapot",) and read.unread == 1
    assert labelled(tmp_path / "set.zip", model.card.data_set, most=2).more
    mended = wrap(model, "mean", "c4")
    turns = np.arange(4) * 90.0
    found = judged([model, mended], read, turns)
    assert (found[mended.name].right.std(1) == 0).all(), "right at every quarter turn or at none"
    images = torch.stack([torch.rand(3, 8, 8) for _ in range(2)])
    assert model.logits(images).shape == (2, 5) and found[model.name].right.shape == (6, 4)
    stand = torch.stack([picture.values for picture in read.pictures])
    expected = model.logits(stand).argmax(-1).numpy() == np.array(read.labels)
    assert (found[model.name].standing == expected).all(), "nothing is cut off a picture that was not turned"


def test_worst_case_needs_every_angle():
    found = Judged(
        right=np.array([[True, True], [True, False], [False, False]]), standing=np.array([True, True, False])
    )
    assert (found.upright.correct, found.turned.correct, found.worst_case.correct) == (2, 3, 1)
    assert (found.upright.total, found.turned.total, found.worst_case.total) == (3, 6, 3)


def test_folders_that_are_no_classes_are_said(model, tmp_path):
    (tmp_path / "teapot").mkdir()
    from PIL import Image

    Image.new("RGB", (9, 9)).save(tmp_path / "teapot" / "1.png")
    with pytest.raises(DataError, match="teapot"):
        labelled(tmp_path, model.card.data_set)
