"""Read IDX files, the format of MNIST and Fashion-MNIST, plain or gzipped. Nothing is ever downloaded."""

import gzip
import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64, Shaped, UInt8
from torch import Tensor

ELEMENT_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
STEMS = {"train": "train", "test": "t10k"}
HOW_TO_GET = (
    "Put the four files train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and "
    "t10k-labels-idx1-ubyte (plain or .gz) into one folder and name that folder with --data. "
    "MNIST is published by LeCun, Cortes and Burges, Fashion-MNIST at "
    "github.com/zalandoresearch/fashion-mnist (folder data/fashion). e2viz never downloads data itself."
)


class DataError(Exception):
    """A data set cannot be read; the message says what is missing and how to get it."""


@dataclass(frozen=True)
class LabelledImages:
    """Images as stored, with their labels."""

    images: UInt8[Tensor, "image height width"]
    labels: Int64[Tensor, "image"]


def read_idx(path: str | Path) -> Shaped[np.ndarray, "*shape"]:
    """Read one IDX file into an array of its own type and shape, in the machine's byte order.

    Source: the format's description by LeCun: two zero bytes, a type, the number of axes, their lengths as
    big-endian 32-bit integers, then the values.

    Raises:
        DataError: the file is missing, damaged, or not an IDX file.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist. {HOW_TO_GET}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}); copy the file again.") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in ELEMENT_TYPES:
        raise DataError(f"{path} is not an IDX file: it starts with {content[:4].hex(' ')}. {HOW_TO_GET}")
    element, axes = np.dtype(ELEMENT_TYPES[content[2]]), content[3]
    start = 4 + 4 * axes
    if len(content) < start:
        raise DataError(f"{path} ends inside its header; copy the file again.")
    shape = struct.unpack(f">{axes}I", content[4:start])
    expected = start + math.prod(shape) * element.itemsize
    if len(content) != expected:
        raise DataError(f"{path} must hold {expected} bytes, got {len(content)}; copy the file again.")
    return np.frombuffer(content, element, offset=start).reshape(shape).astype(element.newbyteorder("="))


def load_folder(folder: str | Path, part: str) -> LabelledImages:
    """Load the "train" or the "test" part of a folder of IDX files named as MNIST's are.

    Args:
        folder: where the files lie; plain, .gz, and the spelling with a dot (idx3.ubyte) are found.
        part: "train" or "test" (the t10k files).

    Raises:
        DataError: a file is missing or images and labels do not belong together.
        ValueError: an unknown part.
    """
    if part not in STEMS:
        raise ValueError(f'part must be "train" or "test", got "{part}"')
    images = read_idx(_find(Path(folder), f"{STEMS[part]}-images-idx3"))
    labels = read_idx(_find(Path(folder), f"{STEMS[part]}-labels-idx1"))
    if images.ndim != 3 or labels.shape != images.shape[:1]:
        raise DataError(
            f"images must be [n height width] with n labels, got {images.shape} and {labels.shape}: {folder}"
        )
    return LabelledImages(torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64)))


def _find(folder: Path, stem: str) -> Path:
    for ending in ("-ubyte", "-ubyte.gz", ".ubyte", ".ubyte.gz"):
        if (folder / (stem + ending)).is_file():
            return folder / (stem + ending)
    raise DataError(f"{folder} holds no {stem}-ubyte or {stem}-ubyte.gz. {HOW_TO_GET}")
