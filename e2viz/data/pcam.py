"""PatchCamelyon: 96×96 colour patches of lymph nodes in HDF5 files, read a batch at a time. Nothing is ever downloaded.

The training file holds 262,144 patches, seven gigabytes: what is not asked for is not read.
Source: Veeling et al. 2018, "Rotation Equivariant CNNs for Digital Pathology".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, Float64, Int64, UInt8
from torch import Tensor

from e2viz.data.data_set import DataSet
from e2viz.data.idx import DataError
from e2viz.data.protocol import Split, Splits
from e2viz.images.augment import Moves

FILE = "camelyonpatch_level_2_split_{part}_{what}.h5"
# Enough to choose an epoch by; the whole file would take four gigabytes as float32.
VALIDATION_COUNT = 2_000
TURN_SEED = 20234
HOW_TO_GET = (
    "Put the six files camelyonpatch_level_2_split_{train,valid,test}_{x,y}.h5, unpacked, into one folder and name "
    "that folder with --data. They are published at github.com/basveeling/pcam (CC0). e2viz never downloads data "
    "itself."
)


class StoredImages:
    """Images of an HDF5 file, read when they are asked for.

    Args:
        path: of the file; its dataset "x" is [image height width channel], uint8.
        count: only the first so many; all when not given.

    Raises:
        DataError: the file is missing, damaged, or holds something else.
    """

    def __init__(self, path: Path, count: int | None = None) -> None:
        self.path = path
        self.shape = _describe(path, "x")
        if len(self.shape) != 4 or self.shape[1] != self.shape[2]:
            raise DataError(f"x must be [image size size channel], got {self.shape} in {path.name}. {HOW_TO_GET}")
        self.count = min(count or self.shape[0], self.shape[0])

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, chosen: slice | Int64[Tensor, " image"]) -> UInt8[Tensor, "image channel size size"]:
        rows = torch.arange(self.count)[chosen] if isinstance(chosen, slice) else chosen
        if not len(rows):
            return torch.zeros(0, self.shape[3], *self.shape[1:3], dtype=torch.uint8)
        # HDF5 wants each row once, in rising order.
        ordered, place = np.unique(rows.numpy(), return_inverse=True)
        with h5py.File(self.path, "r") as file:
            pixels = torch.from_numpy(file["x"][ordered])
        return rearrange(pixels[torch.from_numpy(place)], "image y x channel -> image channel y x").contiguous()


def _describe(path: Path, name: str) -> tuple[int, ...]:
    """The shape of a file's dataset, which is not read."""
    try:
        with h5py.File(path, "r") as file:
            if name not in file:
                raise DataError(f"{path.name} holds {', '.join(file) or 'nothing'}, {name} is wanted. {HOW_TO_GET}")
            return tuple(file[name].shape)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist. {HOW_TO_GET}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error}); copy the file again.") from error


def _labels(path: Path) -> Int64[Tensor, "image"]:
    _describe(path, "y")
    with h5py.File(path, "r") as file:
        return torch.from_numpy(file["y"][()].reshape(-1).astype(np.int64))


@dataclass(frozen=True)
class PatchSplit(Split):
    """Patches, labels, and the angle of each, to be rounded to a quarter turn: tissue fills the patch to its corners,
    and any other angle would bring corners in."""

    images: StoredImages  # type: ignore[assignment]
    labels: Int64[Tensor, "image"]
    angles_deg: Float64[Tensor, "image"]

    def upright(self, part: slice) -> Float[Tensor, "image channel size size"]:
        return self.images[part].float() / 255

    def turned(
        self, rows: Int64[Tensor, " image"], angles_deg: Float64[Tensor, " image"], moves: Moves | None = None
    ) -> Float[Tensor, "image channel size size"]:
        images = self.images[rows].float() / 255
        quarters = torch.round(angles_deg / 90).long() % 4
        for quarter in (1, 2, 3):
            images[quarters == quarter] = images[quarters == quarter].rot90(quarter, (-2, -1))
        return images

    def served(self, part: slice) -> Float[Tensor, "image channel size size"]:
        return self.turned(torch.arange(len(self))[part], self.angles_deg[part])

    def first(self, count: int) -> PatchSplit:
        images = StoredImages(self.images.path, min(count, len(self.images)))
        return PatchSplit(images, self.labels[:count], self.angles_deg[:count])

    def checksum(self) -> str:
        """Of the labels, the angles and the name of the file: reading seven gigabytes would take minutes."""
        digest = hashlib.sha256(self.images.path.name.encode())
        for tensor in (self.labels, self.angles_deg):
            digest.update(tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]


def load_part(folder: Path, part: str) -> PatchSplit:
    """One part of PCam, not turned.

    Args:
        folder: that holds the HDF5 files.
        part: "train", "valid" or "test".

    Raises:
        DataError: a file is missing, damaged, or images and labels do not belong together.
    """
    images = StoredImages(folder / FILE.format(part=part, what="x"))
    labels = _labels(folder / FILE.format(part=part, what="y"))
    if len(labels) != len(images):
        raise DataError(f"each patch must have one label, got {len(images)} and {len(labels)} in {part}. {HOW_TO_GET}")
    return PatchSplit(images, labels, torch.zeros(len(labels), dtype=torch.float64))


def load(found: DataSet, variant: str, folder: Path) -> Splits:
    """The splits of PCam, as published; the rotated test turns each test patch by a random quarter turn.

    Args:
        found: the data set; its folder may lie in ``folder``.
        variant: is not asked; training patches are turned by quarter turns.
        folder: of the files, or one that holds their folder.

    Raises:
        DataError: files are missing or damaged.
    """
    folder = next((folder / name for name in found.files if (folder / name).is_dir()), folder)
    train, validation, test = (load_part(folder, part) for part in ("train", "valid", "test"))
    quarters = np.random.RandomState(TURN_SEED).randint(0, 4, len(test))
    turned = replace(test, angles_deg=torch.from_numpy(quarters * 90.0))
    return Splits(train=train, validation=validation.first(VALIDATION_COUNT), test=turned, test_upright=test)
