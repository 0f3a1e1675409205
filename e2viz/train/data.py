"""What a recipe's task name means: which digits, turned or not, and how a training batch is drawn."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from e2viz.images import pcam, protocol
from e2viz.images.protocol import Split, Splits

DIGITS = tuple("0123456789")
CLOTHES = (
    "T-shirt",
    "trousers",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "trainer",
    "bag",
    "boot",
)


@dataclass(frozen=True, kw_only=True)
class Task:
    """One set of pictures under the rotMNIST protocol.

    Args:
        dataset, variant: what ``e2viz.images.protocol.load`` takes; or "pcam", which knows one variant.
        words: what the card says about it.
        mean, std: normalisation of values in [0, 1].
    """

    dataset: str = "mnist"
    variant: str = "rotated"
    words: str = ""
    mean: float = 0.1307
    std: float = 0.3081
    class_names: tuple[str, ...] = DIGITS

    def splits(self, folder: Path) -> Splits:
        """The splits, from a folder of IDX files.

        Raises:
            e2viz.images.idx.DataError: if files are missing or damaged.
        """
        if self.dataset == "pcam":
            return pcam.load(folder)
        return protocol.load(folder, self.dataset, self.variant)


_TEST = "tested on all 10,000 t10k images, upright and at 5 random angles each"

TASKS: dict[str, Task] = {
    "rotmnist": Task(words=f"MNIST, 10,000 training digits turned by random angles; {_TEST}"),
    "rotmnist10": Task(variant="rotated10", words=f"MNIST, 1,000 training digits turned by random angles; {_TEST}"),
    "mnist": Task(variant="upright", words=f"MNIST, 10,000 training digits, all upright; {_TEST}"),
    "fashion": Task(
        dataset="fashion",
        words=f"Fashion-MNIST, 10,000 training images turned by random angles; {_TEST}",
        mean=0.2860,
        std=0.3530,
        class_names=CLOTHES,
    ),
    "pcam": Task(
        dataset="pcam",
        words="PCam, 262,144 training patches turned by random quarter turns; tested on all 32,768 test patches, "
        "as they are and turned by a random quarter turn",
        mean=0.65,
        std=0.25,
        class_names=pcam.CLASSES,
    ),
}


def task(name: str) -> Task:
    """The task of that name.

    Raises:
        LookupError: if there is none, with the nearest names.
    """
    if name not in TASKS:
        near = difflib.get_close_matches(name, TASKS) or list(TASKS)
        raise LookupError(f"no task is called {name!r}; there are {', '.join(near)}")
    return TASKS[name]


class TrainingData:
    """Training images drawn in batches, and validation images ready to be classified.

    Args:
        training, validation: splits of the protocol.
        mean, std: normalisation of values in [0, 1].
        turned: whether fresh angles may be drawn; False keeps the angles of the split, which are 0 when upright.
    """

    def __init__(self, training: Split, validation: Split, mean: float, std: float, *, turned: bool) -> None:
        self.training, self.mean, self.std, self.turned = training, mean, std, turned
        self.validation_images = torch.cat([self._normalise(images) for images, _ in validation.batches(200)])
        self.validation_labels = validation.labels

    @classmethod
    def of(cls, task: Task, folder: Path) -> TrainingData:
        """The data of a task, from a folder of IDX files."""
        splits = task.splits(folder)
        return cls(splits.train, splits.validation, task.mean, task.std, turned=task.variant != "upright")

    def __len__(self) -> int:
        return len(self.training)

    def batch(
        self, rows: Int[Tensor, " batch"], generator: torch.Generator, fresh_angles: bool, shift_px: int
    ) -> tuple[Float[Tensor, "batch channel height width"], Int[Tensor, " batch"]]:
        """Normalised training images of those rows, augmented with the generator's random numbers alone.

        Args:
            rows: of the training split.
            generator: source of every random number.
            fresh_angles: turn each image by a new uniformly random angle, where the task turns at all.
            shift_px: then move each by up to that many whole pixels along each axis, background coming in.
        """
        angles_deg = self.training.angles_deg[rows]
        if fresh_angles and self.turned:
            angles_deg = torch.rand(len(rows), generator=generator, dtype=torch.float64) * 360
        images = self.training.turned(rows, angles_deg)
        if shift_px:
            images = shifted(images, shift_px, generator)
        return self._normalise(images), self.training.labels[rows]

    def _normalise(self, images: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        return (images - self.mean) / self.std


def shifted(
    images: Float[Tensor, "batch channel height width"], most_px: int, generator: torch.Generator
) -> Float[Tensor, "batch channel height width"]:
    """Each image moved by its own random whole number of pixels, at most ``most_px`` either way; zeros come in."""
    batch, _, height, width = images.shape
    padded = functional.pad(images, (most_px,) * 4)
    corner = torch.randint(0, 2 * most_px + 1, (2, batch, 1), generator=generator)
    rows = corner[0] + torch.arange(height)
    columns = corner[1] + torch.arange(width)
    index = torch.arange(batch)[:, None, None]
    return padded.movedim(1, -1)[index, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)
