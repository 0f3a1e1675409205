"""Weights without a graph that somebody brings, as a model like any other."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

from e2viz.foreign.answers import Answers, brought, check_size, named_classes, normal_of
from e2viz.foreign.bounds import BOUNDS, Bounds
from e2viz.foreign.state import State, read_state
from e2viz.foreign.weights import Candidate, candidates, card_of, chosen
from e2viz.models import configured
from e2viz.zoo.weights import Model, WeightsError, checksum


@dataclass(frozen=True, eq=False)
class WeightsArrival:
    """Weights that were read and fit some network.

    Args:
        name: of the model, from the file's.
        state: the tensors.
        found: the networks that they fit, at least one.
        size_bytes: of the file.
        checksum: of the file.
    """

    name: str
    state: State = field(repr=False)
    found: tuple[Candidate, ...]
    size_bytes: int
    checksum: str

    @property
    def said(self) -> dict[str, Any]:
        """Class names, mean and std that stand in the file, or that a published network is known to have."""
        known = self.found[0].data_set
        if known is None:
            return self.state.said
        return {"classes": list(known.class_names), "mean": list(known.mean), "std": list(known.std)} | self.state.said

    @property
    def likes(self) -> tuple[str, ...]:
        """The networks that they fit, which differ in what no shape says."""
        return tuple(each.name for each in self.found)

    @property
    def questions(self) -> tuple[str, ...]:
        """What neither shapes nor the file say, of "like", "heads", "size", "normalisation", "classes"."""
        missing = []
        if len(self.found) > 1:
            missing.append("like")
        open_ = self.found[0].left_open
        missing += [asked for asked, name in (("heads", "heads"), ("size", "image_size")) if name in open_]
        missing += [] if "mean" in self.said else ["normalisation"]
        missing += [] if "classes" in self.said else ["classes"]
        return tuple(missing)

    @property
    def config(self) -> dict[str, Any]:
        """Of the first network that they fit, whole."""
        first = self.found[0]
        return dataclasses.asdict(configured(first.architecture, first.config))

    @property
    def classes(self) -> int | None:
        """How many scores."""
        return self.config["classes"]

    @property
    def words(self) -> str:
        """What it is, on one line."""
        count = sum(math.prod(shape) for shape in self.state.shapes.values())
        size, channels = self.config["image_size"], self.config["channels"]
        return (
            f"{self.state.format}, {len(self.state.tensors)} tensors, {count:,} numbers · fits "
            f"{', '.join(self.likes)} · {channels} channel{'s' if channels > 1 else ''}, {size} × {size} pixels"
        )


def arrive_weights(data: bytes, name: str, bounds: Bounds = BOUNDS) -> WeightsArrival:
    """Read a weights file and find what it fits.

    Args:
        data: safetensors, or a state dict saved by torch.
        name: of the model.
        bounds: of the file and the process that reads it.

    Raises:
        WeightsError: if it cannot be read or fits nothing, with the nearest architecture and what differs.
    """
    state = read_state(data, bounds)
    return WeightsArrival(name, state, tuple(candidates(state)), len(data), checksum(data))


def open_weights(arrival: WeightsArrival, answers: Answers) -> Model:
    """The model of weights, with what was asked answered.

    Args:
        arrival: the weights.
        answers: what the person says; it goes before what the file says.

    Raises:
        WeightsError: if something is still missing or does not fit.
    """
    found = list(arrival.found)
    if answers.size is not None or answers.heads is not None:
        found = candidates(arrival.state, size=answers.size, heads=answers.heads)
    candidate = chosen(found, answers.like)
    if candidate.headless:
        raise WeightsError(
            f"How many heads share a width of {candidate.config['width']} stands in no shape: say heads=…; in timm a "
            "head mostly has 64 channels."
        )
    network = candidate.network()
    config: Any = network.config
    size, channels, classes = int(config.image_size), int(config.channels), int(config.classes)
    check_size(size)
    if answers.size not in (None, size):
        raise WeightsError(f"These weights are of images of {size} pixels a side, got size {answers.size}.")
    known = candidate.data_set
    published = ((known.mean, known.std), "of the published network") if known else None
    normal, how = normal_of(answers, arrival.state.said, channels, published)
    names, whence = named_classes(
        dataclasses.replace(answers, classes=known.class_names) if known and answers.classes is None else answers,
        arrival.state.said, classes,
    )  # fmt: skip
    data = brought(arrival.name, names, channels, size, normal)
    card = card_of(candidate, network, arrival.name, data, f"normalisation {how}; class names {whence}", arrival.state)
    return Model(dataclasses.replace(card, weights_checksum=arrival.checksum), network)
