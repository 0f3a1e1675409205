"""The rotMNIST protocol: which digits train, validate and test, and by how much each is turned.

10,000 training and 2,000 validation images come from the train file, each turned by one uniformly random
angle; the test split is the t10k file, each image at 5 random angles. Digits are upright before turning.
t10k serves neither training nor selection. All choices hang on the seeds below; a test pins the checksums.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from einops import repeat
from jaxtyping import Float, Float64, Int64, UInt8
from torch import Tensor

from e2viz.data.data_set import DataSet
from e2viz.data.idx import LabelledImages, load_folder
from e2viz.data.tasks import VARIANTS
from e2viz.images.augment import Moves, turned_batch
from e2viz.images.rotate import rotate

__all__ = ["VARIANTS", "Split", "Splits", "load", "turned_batch"]

CHOICE_SEED, TRAIN_ANGLE_SEED, TEST_ANGLE_SEED = 20231, 20232, 20233
TRAIN_COUNT, TENTH_COUNT, VALIDATION_COUNT, TEST_ANGLES = 10_000, 1_000, 2_000, 5


@dataclass(frozen=True)
class Split:
    """Upright images, their labels, and the angle by which each is turned when it is served.

    Args:
        images: grey, without a channel axis, or in colour.
        background: what lies outside the disc, in [0, 1], one number or one per channel.
    """

    images: UInt8[Tensor, "image *channel size size"]
    labels: Int64[Tensor, "image"]
    angles_deg: Float64[Tensor, "image"]
    background: tuple[float, ...] = (0.0,)

    def __len__(self) -> int:
        return len(self.labels)

    def batches(self, size: int) -> Iterator[tuple[Float[Tensor, "batch channel size size"], Int64[Tensor, "batch"]]]:
        """Serve the split in order, turned by the fair rotation, as float32 in [0, 1].

        Args:
            size: images in a batch; the last batch may be smaller.
        """
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            yield self.served(part), self.labels[part]

    def upright(self, part: slice) -> Float[Tensor, "batch channels size size"]:
        """Some of the images, not turned, in [0, 1]."""
        chosen = self.images[part]
        return (chosen if chosen.ndim == 4 else chosen[:, None]).float() / 255

    def served(self, part: slice) -> Float[Tensor, "batch channels size size"]:
        """Some of the images, each turned by its angle with the fair rotation, in [0, 1]."""
        return self.fair(self.upright(part), self.angles_deg[part])

    def fair(
        self, images: Float[Tensor, "*batch channels size size"], angles_deg: Float64[Tensor, "*angle"]
    ) -> Float[Tensor, "*out channels size size"]:
        """Upright images of this split turned fairly on its background."""
        background = self.background[0] if len(self.background) == 1 else torch.tensor(self.background)
        return rotate(images, angles_deg, background=background)

    def turned(
        self, rows: Int64[Tensor, " batch"], angles_deg: Float64[Tensor, " batch"], moves: Moves | None = None
    ) -> Float[Tensor, "batch channels size size"]:
        """Chosen images turned by other angles, as fast as training needs it."""
        return turned_batch(self.images[rows], angles_deg, self.background, moves)

    def joined(self, other: "Split") -> "Split":
        """The images of this split and then those of another, of one data set.

        Raises:
            ValueError: if the images stay in a file.
        """
        if not isinstance(self.images, Tensor):
            raise ValueError("images that stay in a file cannot be joined; train without the validation images")
        return replace(
            self,
            images=torch.cat([self.images, other.images]),
            labels=torch.cat([self.labels, other.labels]),
            angles_deg=torch.cat([self.angles_deg, other.angles_deg]),
        )

    def first(self, count: int) -> "Split":
        """The first so many images."""
        return replace(self, images=self.images[:count], labels=self.labels[:count], angles_deg=self.angles_deg[:count])

    def spread(self, count: int) -> "Split":
        """So many images at even steps: of pictures that are turned five times each, no picture twice while it lasts.

        Args:
            count: of images; all of them where the split has fewer.
        """
        count = min(count, len(self))
        rows = torch.arange(count) * len(self) // max(count, 1)
        return replace(self, images=self.images[rows], labels=self.labels[rows], angles_deg=self.angles_deg[rows])

    def to(self, device: torch.device | str) -> "Split":
        """The same on another device."""
        return replace(
            self,
            images=self.images.to(device),
            labels=self.labels.to(device),
            angles_deg=self.angles_deg.to(device),
        )

    def checksum(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of images, labels and angles."""
        digest = hashlib.sha256()
        for tensor in (self.images, self.labels, self.angles_deg):
            digest.update(tensor.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Splits:
    """What a model is trained on, selected on and reported on.

    `test` is turned in every variant, so that all models answer the same 50,000 questions; its five angles
    of one image follow each other. `test_upright` holds the same images once each, not turned; `test_quarter`, where
    the protocol asks, at 90 degrees.
    """

    train: Split
    validation: Split
    test: Split
    test_upright: Split
    test_quarter: Split | None = None


def load(found: DataSet, variant: str, folder: Path) -> Splits:
    """Load the splits of one data set of IDX files.

    Args:
        found: the data set.
        variant: "rotated"; "upright", where training and validation are not turned; or "rotated10", with
            the first 1,000 of the 10,000 training images.
        folder: that holds the data set's folder, or is that folder itself.

    Raises:
        DataError: files are missing or damaged.
        ValueError: an unknown variant.
    """
    if variant not in VARIANTS:
        raise ValueError(f"variant must be one of {', '.join(VARIANTS)}, got {variant}")
    folder = next((folder / name for name in found.files if (folder / name).is_dir()), folder)
    train_file, test_file = load_folder(folder, "train"), load_folder(folder, "test")

    order = random_state(CHOICE_SEED).permutation(len(train_file.labels))
    angles_deg = uniform_angles(TRAIN_ANGLE_SEED, TRAIN_COUNT + VALIDATION_COUNT)
    if variant == "upright":
        angles_deg = torch.zeros_like(angles_deg)
    train_count = TENTH_COUNT if variant == "rotated10" else TRAIN_COUNT
    held_out = slice(TRAIN_COUNT, TRAIN_COUNT + VALIDATION_COUNT)
    return Splits(
        train=_choose(train_file, order[:train_count], angles_deg[:train_count]),
        validation=_choose(train_file, order[held_out], angles_deg[held_out]),
        test=_turned_test(test_file),
        test_upright=Split(test_file.images, test_file.labels, torch.zeros(len(test_file.labels)).double()),
    )


def _turned_test(file: LabelledImages) -> Split:
    return Split(
        repeat(file.images, "image height width -> (image turn) height width", turn=TEST_ANGLES),
        repeat(file.labels, "image -> (image turn)", turn=TEST_ANGLES),
        uniform_angles(TEST_ANGLE_SEED, len(file.labels) * TEST_ANGLES),
    )


def _choose(file: LabelledImages, index: np.ndarray, angles_deg: Float64[Tensor, "image"]) -> Split:
    chosen = torch.from_numpy(index)
    return Split(file.images[chosen], file.labels[chosen], angles_deg)


def uniform_angles(seed: int, count: int) -> Float64[Tensor, "{count}"]:
    return torch.from_numpy(random_state(seed).uniform(0.0, 360.0, count))


def random_state(seed: int) -> np.random.RandomState:
    """NumPy's legacy generator, because its stream is frozen for all future versions."""
    return np.random.RandomState(seed)
