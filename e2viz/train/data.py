"""Training images in batches, turned, moved and normalised."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from e2viz.data.protocol import Split
from e2viz.data.reading import read_splits
from e2viz.data.tasks import Task


class TrainingData:
    """Training images drawn in batches, and validation images ready to be classified.

    Args:
        training, validation: splits of the protocol.
        mean, std: of each channel, normalisation of values in [0, 1].
        turned: whether fresh angles may be drawn; False keeps the angles of the split, which are 0 when upright.
    """

    def __init__(
        self, training: Split, validation: Split, mean: Sequence[float], std: Sequence[float], *, turned: bool
    ) -> None:
        self.training, self.turned = training, turned
        self.mean, self.std = (torch.tensor(levels)[:, None, None] for levels in (mean, std))
        self.validation_images = torch.cat([self._normalise(images) for images, _ in validation.batches(200)])
        self.validation_labels = validation.labels

    @classmethod
    def of(cls, task: Task, folder: Path) -> TrainingData:
        """The data of a task, from a data folder."""
        read, found = read_splits(task, folder), task.data_set
        return cls(read.train, read.validation, found.mean, found.std, turned=task.turned)

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

    def _normalise(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel height width"]:
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
