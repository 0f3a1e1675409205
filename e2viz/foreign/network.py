"""A graph in its confined process, as a torch module: whatever measures a network measures this one like any other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from e2viz import capture
from e2viz.foreign.process import GraphProcess
from e2viz.nn.probe import Probe

SMALLEST = 1e-30


@dataclass(frozen=True, kw_only=True)
class ForeignConfig:
    """What others may ask of the configuration of a network that is only run."""

    image_size: int
    channels: int
    classes: int


class ForeignNetwork(nn.Module):
    """From images as the graph takes them to logits; probes are the graph's own tensors, under their own names.

    Beside them stand "image", "embedding" (what the last linear layer reads, where there is one) and "logits". It has
    no gradients and no weights that torch could see; the one parameter says on which device its answers are.

    Args:
        process: the graph.
        size, channels: of the images.
        classes: how many scores it gives.
        threads: of the process.

    Attributes:
        scores: what the graph gives: "logits", "probabilities", "log-probabilities", "independent probabilities".
        said: sentences on what is inside and cannot be shown.

    Raises:
        WeightsError: if the graph cannot be run at this size.
    """

    def __init__(self, process: GraphProcess, size: int, channels: int, threads: int = 1) -> None:
        super().__init__()
        opened = process.open(size, channels, threads)
        self.process, self.size, self.channels, self.threads = process, size, channels, threads
        self.classes, self.scores, self.said = int(opened["classes"]), str(opened["scores"]), tuple(opened["said"])
        self.config = ForeignConfig(image_size=size, channels=channels, classes=self.classes)
        self.batch: int | None = opened["batch"]
        self.special = {each["name"]: each["special"] for each in opened["probes"]}
        self.shapes = {each["name"]: tuple(each["shape"]) for each in opened["probes"]}
        self.place = nn.Parameter(torch.zeros(()), requires_grad=False)
        self.inner = nn.ModuleList(_named(each["name"], each["kind"]) for each in opened["probes"])
        self.image_probe = _named("image", "image")
        self.logits_probe = _named("logits", "logits")
        self.embedding_name = str(opened["embedding"])
        if self.embedding_name:
            self.embedding_probe = _named("embedding", "vector")
            self.head = ForeignHead(process, int(opened["width"]), self.scores)
        _in_order(self)

    def embed(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch embedding"]:
        """What the last linear layer reads.

        Raises:
            AttributeError: if the graph has no such layer.
        """
        if not self.embedding_name:
            raise AttributeError("the graph has no last linear layer that could be found")
        held = self.process.run(_array(images), ["embedding"])
        return _tensor(held["embedding"], images)

    def forward(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch classes"]:
        recording = capture.active()
        asked: frozenset[str] = frozenset() if recording is None else recording.names
        embedding = "embedding" in asked and bool(self.embedding_name)
        inner: list[Any] = list(self.inner)
        names: list[str] = [probe.name for probe in inner if probe.name in asked]
        self.image_probe(images)
        held = self.process.run(_array(images), [*names, *(["embedding"] if embedding else [])])
        for probe in inner:
            if probe.name in held:
                probe(_tensor(held[probe.name], images))
        if embedding:
            self.embedding_probe(_tensor(held["embedding"], images))
        return self.logits_probe(as_logits(_tensor(held["scores"], images), self.scores))

    def shuffled(self, seed: int = 0) -> ForeignNetwork:
        """The control: the same graph with the numbers inside each matrix of weights permuted, in its own process."""
        process = GraphProcess(self.process.data, self.process.bounds, seed)
        return type(self)(process, self.size, self.channels, self.threads).eval().requires_grad_(False)

    def __deepcopy__(self, memo: dict) -> ForeignNetwork:
        """There is nothing in it that could be changed: a copy is the same graph."""
        return self


class ForeignHead(nn.Module):
    """From embeddings to logits, run in the graph's process.

    Args:
        process: the graph, opened.
        width: features of an embedding.
        scores: what the graph gives.
    """

    def __init__(self, process: GraphProcess, width: int, scores: str) -> None:
        super().__init__()
        self.process, self.width, self.scores = process, width, scores

    def forward(self, embeddings: Float[Tensor, "*batch embedding"]) -> Float[Tensor, "*batch classes"]:
        flat = embeddings.reshape(-1, embeddings.shape[-1])
        logits = as_logits(_tensor(self.process.answer(_array(flat)), embeddings), self.scores)
        return logits.reshape(*embeddings.shape[:-1], -1)


def as_logits(scores: Float[Tensor, "batch classes"], kind: str) -> Float[Tensor, "batch classes"]:
    """Scores whose softmax is the model's distribution: logarithms of probabilities, anything else as it is.

    Args:
        scores: of the graph.
        kind: as ``e2viz.foreign.worker.kind_of`` says.
    """
    return scores.clamp_min(SMALLEST).log() if kind in ("probabilities", "independent probabilities") else scores


def _named(name: str, kind: str) -> Probe:
    probe = Probe(kind)
    probe.name = name
    return probe


def _in_order(network: ForeignNetwork) -> None:
    """Probes are listed in the order of modules: image, inner tensors, embedding, logits."""
    for name in ("image_probe", "inner", "embedding_probe", "head", "logits_probe"):
        if name in network._modules:
            network._modules[name] = network._modules.pop(name)


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().to("cpu", torch.float32).numpy()


def _tensor(values: np.ndarray, like: Tensor) -> Tensor:
    return torch.from_numpy(np.array(values)).to(like.device, like.dtype)
