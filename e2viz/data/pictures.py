"""The protocol of colour pictures in class folders: which of them train, validate and test, and how each is turned.

Every picture is served in the soft disc on the data set's background, the upright ones too, so that upright and turned
differ by the turn alone. The test pictures are asked upright, at 90 degrees, and at 5 random angles each; they serve
neither training nor selection. All choices hang on the seeds below; a test pins the checksums.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from einops import repeat
from jaxtyping import Float64, Int64
from torch import Tensor

from e2viz.data.class_folders import LabelledPictures, read
from e2viz.data.data_set import DataSet
from e2viz.data.idx import DataError
from e2viz.data.protocol import Split, Splits, random_state, uniform_angles
from e2viz.data.tasks import VARIANTS

CHOICE_SEED, TRAIN_ANGLE_SEED, VALIDATION_ANGLE_SEED, TEST_ANGLE_SEED = 20241, 20242, 20243, 20244
TEST_ANGLES = 5
# Of the training pictures, where no part is called "val"; of all, where no part is called "test" either.
VALIDATION_SHARE, TEST_SHARE = 0.1, 0.2
QUARTER_DEG = 90.0


def load(found: DataSet, variant: str, folder: Path) -> Splits:
    """The splits of a data set of class folders.

    Args:
        found: the data set.
        variant: "rotated"; "upright", where training and validation are not turned; or "rotated10", with a tenth of
            the training pictures.
        folder: that holds the data set's folder or archive, or is that itself.

    Raises:
        DataError: files are missing or damaged, or a part is empty.
        ValueError: an unknown variant.
    """
    if variant not in VARIANTS:
        raise ValueError(f"variant must be one of {', '.join(VARIANTS)}, got {variant}")
    source = next((folder / name for name in found.files if (folder / name).exists()), folder)
    train, validation, test = _parted(read(source, found), found)
    if variant == "rotated10":
        train = tuple(each[: len(each) // 10] for each in train)  # type: ignore[assignment]
    training = _split(found, train, None if variant == "upright" else TRAIN_ANGLE_SEED)
    testing = _split(found, test, None)
    return Splits(
        train=training,
        validation=_split(found, validation, None if variant == "upright" else VALIDATION_ANGLE_SEED),
        test=replace(
            testing,
            images=repeat(testing.images, "image ... -> (image turn) ...", turn=TEST_ANGLES),
            labels=repeat(testing.labels, "image -> (image turn)", turn=TEST_ANGLES),
            angles_deg=uniform_angles(TEST_ANGLE_SEED, len(testing) * TEST_ANGLES),
        ),
        test_upright=testing,
        test_quarter=replace(testing, angles_deg=torch.full((len(testing),), QUARTER_DEG, dtype=torch.float64)),
    )


def channel_statistics(training: Split) -> tuple[Float64[Tensor, " channel"], Float64[Tensor, " channel"]]:
    """Mean and standard deviation of each channel over the training pictures, on values in [0, 1].

    What ``e2viz.data.table`` says of a data set, rounded to four digits; its mean is the background too.
    """
    levels = torch.arange(256, dtype=torch.float64) / 255
    planes = training.images if training.images.ndim == 4 else training.images[:, None]
    counts = torch.stack([torch.bincount(plane.flatten().int(), minlength=256) for plane in planes.unbind(1)]).double()
    share = counts / counts.sum(1, keepdim=True)
    mean = (share * levels).sum(1)
    return mean, ((share * levels**2).sum(1) - mean**2).sqrt()


Part = tuple[Tensor, Tensor]


def _parted(pictures: LabelledPictures, found: DataSet) -> tuple[Part, Part, Part]:
    """Training, validation and test pictures, each shuffled by a fixed seed: the first of a part are a fair sample."""
    train, validation, test = (pictures.of_part(part) for part in ("train", "val", "test"))
    if "train" not in pictures.parts:
        train = pictures.of_part("")
    if "test" not in pictures.parts:
        train, test = _taken(train, TEST_SHARE, CHOICE_SEED + 100)
    if "val" not in pictures.parts:
        train, validation = _taken(train, VALIDATION_SHARE, CHOICE_SEED)
    train, validation, test = (
        _shuffled(part, CHOICE_SEED + 200 + place) for place, part in enumerate((train, validation, test))
    )
    for name, (_, labels) in (("training", train), ("validation", validation), ("test", test)):
        if not len(labels):
            raise DataError(f"{found.title} must have {name} pictures, got none; see {', '.join(found.files)}")
    return train, validation, test


def _taken(part: Part, share: float, seed: int) -> tuple[Part, Part]:
    """The rest, and a share of the pictures chosen by a seed; at least one is taken."""
    images, labels = part
    order = torch.from_numpy(random_state(seed).permutation(len(labels)))
    count = max(1, round(share * len(labels))) if len(labels) else 0
    return _chosen(images, labels, order[count:]), _chosen(images, labels, order[:count])


def _shuffled(part: Part, seed: int) -> Part:
    images, labels = part
    return _chosen(images, labels, torch.from_numpy(random_state(seed).permutation(len(labels))))


def _chosen(images: Tensor, labels: Tensor, rows: Int64[Tensor, " row"]) -> Part:
    return images[rows], labels[rows]


def _split(found: DataSet, part: Part, angle_seed: int | None) -> Split:
    images, labels = part
    upright = torch.zeros(len(labels), dtype=torch.float64)
    angles_deg = upright if angle_seed is None else uniform_angles(angle_seed, len(labels))
    return Split(images, labels, angles_deg, background=found.background)
