"""Training images in batches, turned, moved and normalised, on any device."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from e2viz.data.protocol import Split
from e2viz.data.reading import read_splits
from e2viz.data.tasks import Task
from e2viz.images.augment import Moves, smooth_field
from e2viz.train.device import CPU

KNOTS = 5
"""Along each side of a picture, between which it bends."""


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What a recipe does to each training image, every time it is drawn.

    Args:
        fresh_angles: turn by a new uniformly random angle, where the task turns at all.
        shift_px: move by up to that many pixels along each axis: of grey images that neither zoom nor bend by whole
            pixels after turning, background coming in; of all others by any amount inside the disc.
        mirror: mirror half of the pictures left to right, before they turn.
        zoom: enlarge or reduce by up to this share.
        shear: stretch along one direction and squeeze across it, by up to this share: handwriting that leans more, or
            less, or is narrower.
        bend_px: bend by smooth displacements of this standard deviation.
        tint: change each channel's contrast and level by up to this much.
        erase: side of a square that is filled with the mean, as a share of the image's.
    """

    fresh_angles: bool = True
    shift_px: int = 0
    mirror: bool = False
    zoom: float = 0.0
    shear: float = 0.0
    bend_px: float = 0.0
    tint: float = 0.0
    erase: float = 0.0

    @property
    def moves(self) -> bool:
        """Whether it fetches each pixel from elsewhere inside the disc, besides turning."""
        return self.zoom > 0 or self.shear > 0 or self.bend_px > 0

    def eased(self, left: float) -> Augmentation:
        """The same with ``left`` of its zoom, shear and bend."""
        return replace(self, zoom=left * self.zoom, shear=left * self.shear, bend_px=left * self.bend_px)


class TrainingData:
    """Training images drawn in batches, and validation images ready to be classified.

    Args:
        training, validation: splits of the protocol.
        mean, std: of each channel, normalisation of values in [0, 1].
        turned: whether fresh angles may be drawn; False keeps the angles of the split, which are 0 when upright.
        where: the device that holds all images; the random numbers of a batch are drawn there.
    """

    def __init__(
        self, training: Split, validation: Split, mean: Sequence[float], std: Sequence[float], *, turned: bool,
        where: torch.device = CPU,
    ) -> None:  # fmt: skip
        if where.type != "cpu":
            training, validation = training.to(where), validation.to(where)
        self.training, self.validation, self.turned, self.where = training, validation, turned, where
        self.mean, self.std = (torch.tensor(levels, device=where)[:, None, None] for levels in (mean, std))
        self.validation_images = torch.cat([self._normalise(images) for images, _ in validation.batches(200)])
        self.validation_labels = validation.labels

    @classmethod
    def of(cls, task: Task, folder: Path, where: torch.device = CPU) -> TrainingData:
        """The data of a task, from a data folder."""
        read, found = read_splits(task, folder), task.data_set
        return cls(read.train, read.validation, found.mean, found.std, turned=task.turned, where=where)

    def joined(self) -> TrainingData:
        """The validation images among the training images, and none left to validate on."""
        found = copy(self)
        found.training = self.training.joined(self.validation)
        found.validation = self.validation.first(0)
        found.validation_images, found.validation_labels = self.validation_images[:0], self.validation_labels[:0]
        return found

    def __len__(self) -> int:
        return len(self.training)

    def batch(
        self, rows: Int[Tensor, " batch"], generator: torch.Generator, augmentation: Augmentation
    ) -> tuple[Float[Tensor, "batch channel height width"], Int[Tensor, " batch"]]:
        """Normalised training images of those rows, augmented with the generator's random numbers alone.

        Args:
            rows: of the training split.
            generator: source of every random number, on the same device.
            augmentation: what happens to each image.
        """
        angles_deg = self.training.angles_deg[rows]
        if augmentation.fresh_angles and self.turned:
            angles_deg = torch.rand(len(rows), generator=generator, dtype=torch.float64, device=self.where) * 360
        colour = self.training.images.ndim == 4 if isinstance(self.training.images, Tensor) else False
        inside = colour or augmentation.moves
        moves = self._moves(len(rows), generator, augmentation) if inside else None
        images = self.training.turned(rows, angles_deg, moves) if inside else self.training.turned(rows, angles_deg)
        if augmentation.shift_px and not inside:
            images = shifted(images, augmentation.shift_px, generator)
        images = self._normalise(images)
        if augmentation.erase:
            images = erased(images, augmentation.erase, generator)
        return images, self.training.labels[rows]

    def _moves(self, count: int, generator: torch.Generator, chosen: Augmentation) -> Moves | None:
        """Random moves inside the disc; None where the recipe asks for none."""
        if not (chosen.shift_px or chosen.mirror or chosen.tint or chosen.moves):
            return None
        size = self.training.images.shape[-1]
        channels = self.training.images.shape[1] if self.training.images.ndim == 4 else 1

        def between(*shape: int) -> Tensor:
            return torch.rand(shape, generator=generator, device=self.where) * 2 - 1

        signs = torch.where(between(count) < 0, -1.0, 1.0) if chosen.mirror else torch.ones(count, device=self.where)
        level = between(count, 1) + 0.5 * between(count, channels)
        return Moves(
            sign=signs,
            shift=between(count, 2) * (2 * chosen.shift_px / size),
            zoom=1 + between(count) * chosen.zoom,
            shear=between(count, 2) * chosen.shear if chosen.shear else None,
            gain=1 + chosen.tint * between(count, channels),
            offset=0.5 * chosen.tint * level,
            bend=smooth_field(count, size, KNOTS, generator) * (2 * chosen.bend_px / size) if chosen.bend_px else None,
        )

    def _normalise(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel height width"]:
        return (images - self.mean) / self.std


def shifted(
    images: Float[Tensor, "batch channel height width"], most_px: int, generator: torch.Generator
) -> Float[Tensor, "batch channel height width"]:
    """Each image moved by its own random whole number of pixels, at most ``most_px`` either way; zeros come in."""
    batch, _, height, width = images.shape
    where = images.device
    padded = functional.pad(images, (most_px,) * 4)
    corner = torch.randint(0, 2 * most_px + 1, (2, batch, 1), generator=generator, device=where)
    rows = corner[0] + torch.arange(height, device=where)
    columns = corner[1] + torch.arange(width, device=where)
    index = torch.arange(batch, device=where)[:, None, None]
    return padded.movedim(1, -1)[index, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)


def erased(
    images: Float[Tensor, "batch channel height width"], side: float, generator: torch.Generator
) -> Float[Tensor, "batch channel height width"]:
    """Each normalised image with a square of its own set to 0, the mean; its centre is anywhere in the image.

    Source: DeVries & Taylor 2017, "Cutout".

    Args:
        images: normalised.
        side: of the square, as a share of the image's.
        generator: source of the places.
    """
    batch, _, height, width = images.shape
    centre = torch.rand((2, batch, 1), generator=generator, device=images.device)
    rows, columns = (
        ((torch.arange(length, device=images.device) + 0.5) / length - each).abs() < side / 2
        for length, each in zip((height, width), centre, strict=True)
    )
    return images.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0.0)
