"""What a person says about a classifier of their own, and what follows from it and from the file."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2viz.data import DataSet
from e2viz.data.data_set import LARGEST_SIZE
from e2viz.foreign.bounds import BOUNDS, Bounds
from e2viz.foreign.classes import class_names, normalisation
from e2viz.zoo.own import TAG
from e2viz.zoo.weights import WeightsError

Source = str | os.PathLike[str] | bytes
SMALLEST_SIZE = 8
ENDINGS = (".onnx", ".safetensors", ".pt", ".pth", ".bin")


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What the person says about a file; None for what its metadata says or what is not known.

    Args:
        classes: names, "imagenet", or the path of a text file.
        mean, std: of each channel on values in [0, 1]; ``mean`` may name a preset ("ImageNet", "0 to 1", ...).
        size: side of the image in pixels, where the graph leaves it free.
        channels: 1 or 3, where the graph leaves them free.
        heads: of the attention of weights without a graph, where no shape says how many.
        like: which of several networks that weights without a graph fit.
    """

    classes: Sequence[str] | str | None = None
    mean: Sequence[float] | float | str | None = None
    std: Sequence[float] | float | None = None
    size: int | None = None
    channels: int | None = None
    heads: int | None = None
    like: str | None = None


def content_of(source: Source, bounds: Bounds = BOUNDS) -> tuple[bytes, str]:
    """The content of a file and its name without an ending.

    Raises:
        WeightsError: if it cannot be read or is too large.
    """
    if isinstance(source, bytes):
        return source, ""
    path = Path(source)
    try:
        if path.stat().st_size > bounds.file_bytes:
            raise WeightsError(
                f"{path.name} has {path.stat().st_size >> 20} MB; at most {bounds.file_bytes >> 20} are read."
            )
        return path.read_bytes(), path.stem
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}.") from error


def model_name(text: str) -> str:
    """A name for links, labels and file names: "My ViT (2).onnx" becomes "my_vit_2.yours"."""
    stem = Path(text).stem if text.lower().endswith(ENDINGS) else text
    slug = re.sub(r"[^a-z0-9]+", "_", stem.lower())
    return f"{slug.strip('_')[:40].strip('_') or 'model'}.{TAG}"


def normal_of(
    answers: Answers, said: Mapping[str, Any], channels: int, otherwise: tuple[tuple, str] | None = None
) -> tuple[tuple, str]:
    """Mean and std, and in words who says so.

    Args:
        answers: what the person says, which goes first.
        said: what the file says.
        channels: of the image.
        otherwise: what is known without either.

    Raises:
        WeightsError: if nobody says it, or it does not fit.
    """
    for mean, std, how in (
        (answers.mean, answers.std, "given"), (said.get("mean"), said.get("std"), "from the metadata"),
    ):  # fmt: skip
        try:
            found = normalisation(mean, std, channels)
        except (ValueError, LookupError) as error:
            raise WeightsError(f"The normalisation does not fit: {error}.") from error
        if found is not None:
            return found, how
    if otherwise is not None:
        return otherwise
    raise WeightsError(
        "The file does not say how images are normalised: say mean='ImageNet', '0 to 1', '−1 to 1' or 'CIFAR-10', or "
        "mean=… and std=… for each channel."
    )


def named_classes(answers: Answers, said: Mapping[str, Any], count: int) -> tuple[tuple[str, ...], str]:
    """Names of so many classes, and in words where they come from.

    Raises:
        WeightsError: if they do not fit.
    """
    wanted = answers.classes if answers.classes is not None else said.get("classes")
    try:
        names, whence = class_names(wanted, count)
        return names, "from the metadata" if answers.classes is None and wanted is not None else whence
    except (ValueError, OSError) as error:
        raise WeightsError(f"The class names do not fit: {error}.") from error


def check_size(size: int) -> None:
    """Whether an image may have that side.

    Raises:
        WeightsError: if not.
    """
    if not SMALLEST_SIZE <= size <= LARGEST_SIZE:
        raise WeightsError(f"An image has {SMALLEST_SIZE} to {LARGEST_SIZE} pixels a side, got {size}.")


def brought(
    name: str, names: tuple[str, ...], channels: int, size: int, normal: tuple[Sequence[float], Sequence[float]]
) -> DataSet:
    """What a classifier that was brought knows: its classes, and how images must be given to it."""
    return DataSet(
        name=name, title=name.removesuffix(f".{TAG}").replace("_", " "), class_names=names, channels=channels,
        size=size, mean=tuple(normal[0]), std=tuple(normal[1]), background=background_of(*normal), reader="none",
        source="brought by the person who uses it",
    )  # fmt: skip


def background_of(mean: Sequence[float], std: Sequence[float]) -> tuple[float, ...]:
    """What lies around a turned picture: the mean where it is one; else grey, and black for one channel.

    A mean of 0 or a half says how values are scaled, not what pictures look like.
    """
    scaled = all(m == 0 for m in mean)
    if scaled:
        return (0.0,) if len(mean) == 1 else (0.5,) * len(mean)
    return tuple(min(max(m, 0.0), 1.0) for m in mean)
