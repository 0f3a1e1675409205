"""PCam's HDF5 files, made small by the test: read lazily, refused when wrong, and trained and evaluated on."""

import dataclasses

import h5py
import numpy as np
import pytest
import torch

from e2viz.data import data_set, pcam, task
from e2viz.data.idx import DataError
from e2viz.data.pcam import FILE, StoredImages, load_part
from e2viz.train.data import TrainingData
from e2viz.train.evaluation import evaluate
from e2viz.train.loop import Run
from e2viz.train.pack import data_checksum, model_of_run
from e2viz.train.recipes import RECIPES, Recipe

COUNTS = {"train": 12, "valid": 5, "test": 6}


@pytest.fixture
def folder(tmp_path):
    random = np.random.RandomState(0)
    for part, count in COUNTS.items():
        with h5py.File(tmp_path / FILE.format(part=part, what="x"), "w") as file:
            file["x"] = random.randint(0, 256, (count, 16, 16, 3)).astype(np.uint8)
        with h5py.File(tmp_path / FILE.format(part=part, what="y"), "w") as file:
            file["y"] = random.randint(0, 2, (count, 1, 1, 1)).astype(np.uint8)
    return tmp_path


def stored(folder, part, what="x"):
    with h5py.File(folder / FILE.format(part=part, what=what)) as file:
        return file[what][()]


def test_rows_come_in_the_order_asked_for_also_twice(folder):
    images = StoredImages(folder / FILE.format(part="train", what="x"))
    pixels = torch.from_numpy(stored(folder, "train")).permute(0, 3, 1, 2)
    rows = torch.tensor([7, 2, 2, 11])
    assert torch.equal(images[rows], pixels[rows])
    assert torch.equal(images[3:6], pixels[3:6]) and len(images) == 12
    assert len(images[12:20]) == 0 and images[12:20].shape == (0, 3, 16, 16)


def test_splits(folder):
    splits = pcam.load(data_set("tissue"), "rotated", folder)
    assert [len(split) for split in (splits.train, splits.validation, splits.test)] == [12, 5, 6]
    assert torch.equal(splits.test.labels, torch.from_numpy(stored(folder, "test", "y").reshape(-1)).long())
    assert set(splits.test.angles_deg.tolist()) <= {0.0, 90.0, 180.0, 270.0}
    images, labels = next(splits.test.batches(4))
    upright, _ = next(splits.test_upright.batches(4))
    for image, still, angle in zip(images, upright, splits.test.angles_deg, strict=False):
        assert torch.equal(image, still.rot90(int(angle // 90), (-2, -1)))
    assert len(splits.train.first(3)) == len(splits.train.first(3).images) == 3
    assert data_checksum(splits) == data_checksum(pcam.load(data_set("tissue"), "rotated", folder))


def test_training_turns_by_quarters_only(folder):
    split = load_part(folder, "train")
    turned = split.turned(torch.tensor([0, 1]), torch.tensor([100.0, 359.0]).double())
    assert torch.equal(turned[0], split.upright(slice(0, 1))[0].rot90(1, (-2, -1)))
    assert torch.equal(turned[1], split.upright(slice(1, 2))[0])


def test_wrong_files_are_answered(folder):
    with pytest.raises(DataError, match="never downloads"):
        pcam.load(data_set("tissue"), "rotated", folder / "nowhere")
    with h5py.File(folder / FILE.format(part="valid", what="y"), "w") as file:
        file["y"] = np.zeros((4, 1, 1, 1), np.uint8)
    with pytest.raises(DataError, match="one label, got 5 and 4"):
        load_part(folder, "valid")
    with h5py.File(folder / FILE.format(part="test", what="x"), "w") as file:
        file["z"] = np.zeros(3)
    with pytest.raises(DataError, match="holds z, x is wanted"):
        load_part(folder, "test")
    (folder / FILE.format(part="train", what="x")).write_bytes(b"not HDF5")
    with pytest.raises(DataError, match="cannot be read"):
        load_part(folder, "train")


_THIN = {"width": 4, "heads": 2, "depth": 6, "window": 3, "stages": ((0,),), "width_factors": (1,)}
SMALL = {
    "resnet": {"width": 4, "stages": (1, 1)},
    "ge_vit": _THIN,
    "patch_ge_vit": {"patch_size": 4, "transformer": _THIN},
    "hybrid": {"layers": ((3, True), (3, False)), "convolved": 4, "transformer": _THIN},
    "post_hoc": {"architecture": "resnet", "config": {"image_size": 16, "width": 4, "stages": (1, 1)}},
}


@pytest.mark.parametrize("architecture", SMALL)
def test_every_pcam_path_trains_and_is_evaluated(folder, tmp_path, architecture):
    shape = {} if architecture == "post_hoc" else {"image_size": 16, "channels": 3, "classes": 2}
    recipe = Recipe(
        name=f"{architecture}.pcam", architecture=architecture, config={**SMALL[architecture], **shape}, task="pcam",
        epochs=1, batch=6, shift_px=1,
    )  # fmt: skip
    data = TrainingData.of(task("pcam"), folder)
    assert Run(recipe, data, tmp_path / "run").train(report=lambda line: None)
    model = model_of_run(recipe, tmp_path / "run")
    assert model.card.channels == 3 and model.card.class_names == ("normal tissue", "tumour")
    measured = evaluate(model, pcam.load(data_set("tissue"), "rotated", folder), limit=2)
    assert measured.rotated.total == 2
    if architecture != "resnet":
        found = evaluate(model, pcam.load(data_set("tissue"), "rotated", folder))
        assert found.rotated.correct == found.upright.correct


def test_the_recipes_are_there():
    found = {name.partition(".")[0]: recipe for name, recipe in RECIPES.items() if recipe.task == "pcam"}
    assert {recipe.architecture for recipe in found.values()} == {
        "ge_vit", "patch_ge_vit", "hybrid", "resnet", "post_hoc",
    }  # fmt: skip
    assert all(dataclasses.asdict(recipe)["task"] == "pcam" for recipe in found.values())
