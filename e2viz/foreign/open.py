"""A classifier that somebody brings, as a model like any other: what its file says, and what has to be asked."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2viz.data import DataSet
from e2viz.data.data_set import LARGEST_SIZE
from e2viz.foreign.bounds import BOUNDS, Bounds
from e2viz.foreign.classes import class_names, normalisation
from e2viz.foreign.network import ForeignNetwork
from e2viz.foreign.process import GraphProcess, check_available
from e2viz.zoo.card import Card
from e2viz.zoo.own import TAG
from e2viz.zoo.weights import Model, WeightsError, checksum

Source = str | os.PathLike[str] | bytes
SMALLEST_SIZE = 8


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What the person says about a file; None for what its metadata says or what is not known.

    Args:
        classes: names, "imagenet", or the path of a text file.
        mean, std: of each channel on values in [0, 1]; ``mean`` may name a preset ("ImageNet", "0 to 1", ...).
        size: side of the image in pixels, where the graph leaves it free.
        channels: 1 or 3, where the graph leaves them free.
    """

    classes: Sequence[str] | str | None = None
    mean: Sequence[float] | float | str | None = None
    std: Sequence[float] | float | None = None
    size: int | None = None
    channels: int | None = None


@dataclass(frozen=True, eq=False)
class Arrival:
    """A graph that was read and not yet run.

    Args:
        name: of the model, from the file's.
        process: that holds it.
        facts: what the graph says, as ``e2viz.foreign.graph.Facts``.
    """

    name: str
    process: GraphProcess = field(repr=False)
    facts: dict[str, Any]

    @property
    def said(self) -> dict[str, Any]:
        """Class names, mean, std and size that stand in the metadata."""
        return self.facts["said"]

    @property
    def questions(self) -> tuple[str, ...]:
        """What neither the graph nor its metadata says, of "size", "channels", "normalisation", "classes"."""
        missing = []
        if self.facts["size"] is None and "size" not in self.said:
            missing.append("size")
        if self.facts["channels"] is None:
            missing.append("channels")
        if "mean" not in self.said and self.facts["dtype"] != "uint8":
            missing.append("normalisation")
        if "classes" not in self.said:
            missing.append("classes")
        return tuple(missing)


def arrive(source: Source, name: str = "", bounds: Bounds = BOUNDS) -> Arrival:
    """Read an ONNX file in a process of its own.

    Args:
        source: a path, or the file's content.
        name: of the model; the file's name, when not given.
        bounds: of the graph and its process.

    Raises:
        WeightsError: if it cannot be read or is refused.
    """
    check_available()
    data, named = content_of(source, bounds)
    process = GraphProcess(data, bounds)
    return Arrival(model_name(name or named), process, process.facts)


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
    slug = re.sub(r"[^a-z0-9]+", "_", Path(text).stem.lower() if text.lower().endswith(".onnx") else text.lower())
    return f"{slug.strip('_')[:40].strip('_') or 'model'}.{TAG}"


def open_graph(arrival: Arrival, answers: Answers, threads: int | None = None) -> Model:
    """The model of a graph, with what was asked answered.

    Args:
        arrival: the graph.
        answers: what the person says; it goes before what the metadata says.
        threads: of the process; torch's number, when not given.

    Raises:
        WeightsError: if something is still missing, does not fit, or the graph cannot be run.
    """
    facts, said = arrival.facts, arrival.said
    size = facts["size"] or answers.size or said.get("size")
    channels = (
        facts["channels"] or answers.channels or (3 if facts["layout"] == "NCHW" and not answers.channels else None)
    )
    if size is None:
        raise WeightsError("The graph leaves the size of the image free: say size=… (pixels), 224 for most models.")
    if not SMALLEST_SIZE <= size <= LARGEST_SIZE:
        raise WeightsError(f"An image has {SMALLEST_SIZE} to {LARGEST_SIZE} pixels a side, got {size}.")
    if channels not in (1, 3):
        raise WeightsError("The graph leaves the channels of the image free: say channels=3, or 1 for grey.")
    normal, how = _normalisation(arrival, answers, channels)
    if threads is None:
        import torch

        threads = torch.get_num_threads()
    network = ForeignNetwork(arrival.process, size, channels, threads)
    wanted = answers.classes if answers.classes is not None else said.get("classes")
    try:
        names, whence = class_names(wanted, network.classes)
    except (ValueError, OSError) as error:
        raise WeightsError(f"The class names do not fit: {error}.") from error
    card = Card(
        name=arrival.name,
        architecture="onnx",
        config={"image_size": size, "channels": channels, "classes": network.classes},
        parameters=int(facts["parameters"]),
        data_set=DataSet(
            name=arrival.name,
            title=arrival.name.removesuffix(f".{TAG}").replace("_", " "),
            class_names=names,
            channels=channels,
            size=size,
            mean=normal[0],
            std=normal[1],
            background=background_of(*normal),
            reader="none",
            source="brought by the person who uses it",
        ),
        data=f"normalisation {how}; class names {whence}",
        licence="",
        origin=f"ONNX file, opset {facts['opset']}, {facts['producer']}".strip().rstrip(","),
        weights_checksum=checksum(arrival.process.data),
    )  # fmt: skip
    return Model(card, network.eval().requires_grad_(False))


def _normalisation(arrival: Arrival, answers: Answers, channels: int) -> tuple[tuple, str]:
    """Mean and std, and in words who says so."""
    said = arrival.said
    for mean, std, how in (
        (answers.mean, answers.std, "given"), (said.get("mean"), said.get("std"), "from the metadata"),
    ):  # fmt: skip
        try:
            found = normalisation(mean, std, channels)
        except (ValueError, LookupError) as error:
            raise WeightsError(f"The normalisation does not fit: {error}.") from error
        if found is not None:
            return found, how
    if arrival.facts["dtype"] == "uint8":
        return ((0.0,) * channels, (1 / 255,) * channels), "0 to 255, since the graph takes bytes"
    raise WeightsError(
        "The file does not say how images are normalised: say mean='ImageNet', '0 to 1', '−1 to 1' or 'CIFAR-10', or "
        "mean=… and std=… for each channel."
    )


def background_of(mean: Sequence[float], std: Sequence[float]) -> tuple[float, ...]:
    """What lies around a turned picture: the mean where it is one; else grey, and black for one channel.

    A mean of 0 or a half says how values are scaled, not what pictures look like.
    """
    scaled = all(m == 0 for m in mean)
    if scaled:
        return (0.0,) if len(mean) == 1 else (0.5,) * len(mean)
    return tuple(min(max(m, 0.0), 1.0) for m in mean)


def open_model(
    source: Source,
    *,
    classes: Sequence[str] | str | None = None,
    mean: Sequence[float] | float | str | None = None,
    std: Sequence[float] | float | None = None,
    size: int | None = None,
    channels: int | None = None,
) -> Model:
    """A classifier that somebody brings, as a model like any other. Nothing in the file is unpickled or run as code.

    Args:
        source: a path or the content of an ONNX file with one image input and one output of class scores.
        classes: names; "imagenet"; the path of a text file, one a line. By default the file's own.
        mean, std: of each channel on values in [0, 1], or in ``mean`` the name of a preset: "ImageNet", "0 to 1",
            "−1 to 1", "CIFAR-10". By default the file's own.
        size: side of the image in pixels, where the file leaves it free.
        channels: 1 or 3, where the file leaves them free.

    Returns:
        A model that takes upright images in [0, 1]; its probes are the graph's tensors, named as there.

    Raises:
        WeightsError: if the file is refused, something is not known, or it cannot be run.
    """
    answers = Answers(classes=classes, mean=mean, std=std, size=size, channels=channels)
    return open_graph(arrive(source), answers)
