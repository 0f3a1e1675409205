"""The splits: pinned, disjoint, and turned as they say."""

from pathlib import Path

import numpy as np
import pytest
import torch

from e2viz.data import data_set, protocol
from e2viz.data.idx import DataError
from e2viz.images.rotate import rotate

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
needs_data = pytest.mark.skipif(
    not (DATA / "mnist").is_dir(), reason="needs the IDX files of MNIST in ../shared/data/mnist"
)

TURNED_TEST = {"digits": "b9c4feef8bf220ef", "clothes": "866eb00bd08c978d"}
UPRIGHT_TEST = {"digits": "f33defd0ebc27313", "clothes": "376e996df9e7ccc6"}
TRAIN_AND_VALIDATION = {
    ("digits", "rotated"): ("576e90b402e6a3a1", "1f01007b6b4e30ee"),
    ("digits", "upright"): ("0404bc92af02e516", "26306760b1827c4f"),
    ("digits", "rotated10"): ("8c4bb9f1bb889978", "1f01007b6b4e30ee"),
    ("clothes", "rotated"): ("f3cdcd12d025bc70", "09e7d9e69239f808"),
    ("clothes", "upright"): ("414f720fbd8995d5", "d98c0d46a9643d62"),
    ("clothes", "rotated10"): ("5b2e433c9bd9c8e0", "09e7d9e69239f808"),
}


@needs_data
@pytest.mark.parametrize("dataset, variant", TRAIN_AND_VALIDATION)
def test_checksums_of_the_splits(dataset, variant):
    splits = protocol.load(data_set(dataset), variant, DATA)
    found = splits.train.checksum(), splits.validation.checksum()
    assert found == TRAIN_AND_VALIDATION[dataset, variant]
    assert splits.test.checksum() == TURNED_TEST[dataset]
    assert splits.test_upright.checksum() == UPRIGHT_TEST[dataset]
    assert len(splits.train) == (1_000 if variant == "rotated10" else 10_000)
    assert (len(splits.validation), len(splits.test)) == (2_000, 50_000)


@needs_data
def test_training_and_validation_share_no_image():
    splits = protocol.load(data_set("digits"), "rotated", DATA)
    train = {image.numpy().tobytes() for image in splits.train.images}
    shared = sum(image.numpy().tobytes() in train for image in splits.validation.images)
    assert shared == 0


@needs_data
def test_batches_are_turned_by_the_fair_rotation():
    split = protocol.load(data_set("digits"), "rotated", DATA).test
    images, labels = next(split.batches(7))
    assert torch.equal(images, rotate(split.images[:7, None] / 255, split.angles_deg[:7]))
    assert torch.equal(labels, split.labels[:7])
    assert torch.equal(split.images[0], split.images[4]) and not torch.equal(split.images[0], split.images[5])


def small_split(count: int = 5) -> protocol.Split:
    images = torch.arange(count * 28 * 28).remainder(251).to(torch.uint8).reshape(count, 28, 28)
    return protocol.Split(images, torch.arange(count), torch.arange(count).double() * 90)


def test_batches_cover_the_split_once():
    batches = list(small_split().batches(2))
    assert [len(labels) for _, labels in batches] == [2, 2, 1]
    assert torch.cat([labels for _, labels in batches]).tolist() == list(range(5))


def test_a_part_of_a_split_has_no_picture_twice_while_it_lasts():
    images = torch.arange(6, dtype=torch.uint8).repeat_interleave(5)[:, None, None, None].expand(30, 1, 4, 4)
    split = protocol.Split(images=images, labels=images[:, 0, 0, 0].long(), angles_deg=torch.arange(30.0).double())
    assert split.spread(6).labels.tolist() == [0, 1, 2, 3, 4, 5]
    assert split.spread(3).labels.tolist() == [0, 2, 4] and split.spread(3).angles_deg.tolist() == [0, 10, 20]
    assert len(split.spread(99)) == 30 and len(split.spread(0)) == 0


def test_a_checksum_notices_a_changed_angle_label_or_pixel():
    split = small_split()
    changed_pixel = split.images.clone()
    changed_pixel[0, 0, 0] += 1
    others = [
        protocol.Split(changed_pixel, split.labels, split.angles_deg),
        protocol.Split(split.images, split.labels + 1, split.angles_deg),
        protocol.Split(split.images, split.labels, split.angles_deg + 1),
    ]
    assert len({split.checksum(), *(other.checksum() for other in others)}) == 4


def test_unknown_names_and_missing_files_are_explained(tmp_path):
    with pytest.raises(LookupError, match="no data set is called 'cifar'"):
        data_set("cifar")
    with pytest.raises(ValueError, match="rotated10, got sideways"):
        protocol.load(data_set("digits"), "sideways", tmp_path)
    with pytest.raises(DataError, match="never downloads"):
        protocol.load(data_set("digits"), "rotated", tmp_path)


def test_the_random_stream_is_the_frozen_one():
    angles = protocol.uniform_angles(1, 2).numpy()
    np.testing.assert_allclose(angles, [150.12792169, 259.31681585])
