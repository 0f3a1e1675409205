"""A classifier that somebody brings, as a model like any other: an ONNX graph, or weights without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from e2viz.foreign.answers import Answers, Source, brought, check_size, content_of, model_name, named_classes, normal_of
from e2viz.foreign.bounds import BOUNDS, Bounds
from e2viz.foreign.network import ForeignNetwork
from e2viz.foreign.open_weights import WeightsArrival, arrive_weights, open_weights
from e2viz.foreign.process import GraphProcess, check_available
from e2viz.foreign.state import kind_of
from e2viz.zoo.card import Card
from e2viz.zoo.weights import Model, WeightsError, checksum


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
    def size_bytes(self) -> int:
        """Of the file."""
        return len(self.process.data)

    @property
    def classes(self) -> int | None:
        """How many scores; None where the graph leaves them free."""
        return self.facts["classes"]

    @property
    def words(self) -> str:
        """What it is, on one line."""
        facts = self.facts
        size, channels = facts["size"], facts["channels"]
        return (
            f"{facts['nodes']} operations, {facts['parameters']:,} parameters, opset {facts['opset']} · input "
            f"{facts['layout']}, {'any' if channels is None else channels} channels, "
            + (f"{size} × {size} pixels" if size else "any size")
        )

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


def arrive(source: Source, name: str = "", bounds: Bounds = BOUNDS) -> Arrival | WeightsArrival:
    """Read a file: an ONNX graph in a process of its own, or weights without one.

    Args:
        source: a path, or the file's content.
        name: of the model; the file's name, when not given.
        bounds: of the graph and its process.

    Raises:
        WeightsError: if it cannot be read or is refused.
    """
    data, named = content_of(source, bounds)
    called = model_name(name or named)
    if kind_of(data):
        return arrive_weights(data, called, bounds)
    check_available()
    process = GraphProcess(data, bounds)
    return Arrival(called, process, process.facts)


def open_arrival(arrival: Arrival | WeightsArrival, answers: Answers, threads: int | None = None) -> Model:
    """The model of a file that was read, with what was asked answered: see ``open_graph`` and ``open_weights``."""
    return open_weights(arrival, answers) if isinstance(arrival, WeightsArrival) else open_graph(
        arrival, answers, threads
    )  # fmt: skip


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
    check_size(size)
    if channels not in (1, 3):
        raise WeightsError("The graph leaves the channels of the image free: say channels=3, or 1 for grey.")
    bytes_ = ((0.0,) * channels, (1 / 255,) * channels), "0 to 255, since the graph takes bytes"
    normal, how = normal_of(answers, said, channels, bytes_ if facts["dtype"] == "uint8" else None)
    if threads is None:
        import torch

        threads = torch.get_num_threads()
    network = ForeignNetwork(arrival.process, size, channels, threads)
    names, whence = named_classes(answers, said, network.classes)
    card = Card(
        name=arrival.name,
        architecture="onnx",
        config={"image_size": size, "channels": channels, "classes": network.classes},
        parameters=int(facts["parameters"]),
        data_set=brought(arrival.name, names, channels, size, normal),
        data=f"normalisation {how}; class names {whence}",
        licence="",
        origin=f"ONNX file, opset {facts['opset']}, {facts['producer']}".strip().rstrip(","),
        weights_checksum=checksum(arrival.process.data),
    )
    return Model(card, network.eval().requires_grad_(False))


def open_model(
    source: Source,
    *,
    classes: Sequence[str] | str | None = None,
    mean: Sequence[float] | float | str | None = None,
    std: Sequence[float] | float | None = None,
    size: int | None = None,
    channels: int | None = None,
    heads: int | None = None,
    like: str | None = None,
) -> Model:
    """A classifier that somebody brings, as a model like any other. Nothing in the file is run as code.

    Args:
        source: a path or the content of an ONNX file with one image input and one output of class scores; or of
            weights without a graph, as safetensors or a state dict saved by torch, of an architecture of the
            catalogue, of the study's published networks, or of timm's plain vision transformers.
        classes: names; "imagenet"; the path of a text file, one a line. By default the file's own.
        mean, std: of each channel on values in [0, 1]; ``mean`` may be "ImageNet", "0 to 1", "−1 to 1" or "CIFAR-10".
        size: side of the image in pixels, where the file leaves it free.
        channels: 1 or 3, where the file leaves them free.
        heads: of attention, for weights of a ViT, in which no shape says how many.
        like: for weights that fit several networks, which of them; the error names them.

    Returns:
        A model that takes upright images in [0, 1]; the probes of a graph are its tensors, named as there.

    Raises:
        WeightsError: if the file is refused, something is not known, or it cannot be run.
    """
    answers = Answers(classes=classes, mean=mean, std=std, size=size, channels=channels, heads=heads, like=like)
    return open_arrival(arrive(source), answers)
