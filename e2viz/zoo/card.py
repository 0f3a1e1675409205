"""What belongs to a weights file: how it was made, what it was measured to do, and how to feed it.

A card is JSON beside the weights. Every figure on it was computed from these weights; none is copied from a paper.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2viz import limits
from e2viz.data.data_set import DataSet
from e2viz.data.table import DATA_SETS, data_set
from e2viz.data.tasks import TASKS

ORIENTATIONS = ("upright", "transposed")
_Z = 1.959963984540054  # two-sided 95 % of the normal distribution


def wilson_interval(correct: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share, which stays within [0, 1] and is sensible near its ends.

    Source: Wilson 1927, without continuity correction.

    Args:
        correct: how many succeeded.
        total: out of how many, at least 1.

    Raises:
        ValueError: if the counts are not 0 <= correct <= total with total at least 1.
    """
    if total < 1 or not 0 <= correct <= total:
        raise ValueError(f"counts must be 0 <= correct <= total with total at least 1, got {correct} of {total}")
    share = correct / total
    centre = (share + _Z**2 / (2 * total)) / (1 + _Z**2 / total)
    half = _Z / (1 + _Z**2 / total) * math.sqrt(share * (1 - share) / total + _Z**2 / (4 * total**2))
    return max(0.0, centre - half), min(1.0, centre + half)


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """A share of a test split, with its 95 % interval. ``of`` says in words what was counted."""

    correct: int
    total: int
    of: str = ""

    def __post_init__(self) -> None:
        wilson_interval(self.correct, self.total)

    @property
    def share(self) -> float:
        return self.correct / self.total

    @property
    def interval(self) -> tuple[float, float]:
        return wilson_interval(self.correct, self.total)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{100 * self.share:.2f} % ({100 * low:.2f} to {100 * high:.2f})"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What the full evaluation found.

    Args:
        upright: accuracy on the upright test images.
        rotated: accuracy on the test images turned by random angles.
        worst_case: share of ``stability_images`` pictures that are right at each of ``stability_angles`` angles.
        flip_rate: mean share of neighbouring angles, on the closed loop, between which the answer changes.
        quarter: accuracy on the test images at 90 degrees, where the protocol asks.
    """

    upright: Accuracy
    rotated: Accuracy
    worst_case: Accuracy
    flip_rate: float
    stability_images: int
    stability_angles: int
    quarter: Accuracy | None = None


@dataclass(frozen=True, kw_only=True)
class Card:
    """The card of one trained model.

    Args:
        name: "architecture_group.weights_tag".
        architecture, config: what ``e2viz.models.build`` takes.
        group: "c4", "d4", ...; "" for a network that keeps no symmetry.
        parameters: numbers that were learned.
        data_set: what the network knows: classes, channels, size, normalisation, background. In JSON its name, or the
            whole description where it is a person's own.
        orientation: how the network expects digits: "upright", or "transposed" as in the benchmark's files.
        recipe: the fields of the training recipe; empty for imported weights.
        best_epoch: the epoch shipped, chosen on validation, of ``epochs`` trained so far.
        validation_accuracy: of that epoch; None where nothing was held out, and the last epoch is shipped.
        data, data_checksum: the protocol in words and the checksum of its splits.
        measured: the full evaluation; None where it was not run.
        golden: logits of ``e2viz.zoo.golden.golden_images``.
        training_seconds, machine: how long training took, on what class of machine.
        weights_checksum: SHA-256 of the safetensors file, hexadecimal.
        origin: where imported weights come from, or "trained here".
    """

    name: str
    architecture: str
    config: dict[str, Any] = field(default_factory=dict)
    group: str = ""
    parameters: int = 0
    data_set: DataSet = DATA_SETS["digits"]
    orientation: str = "upright"
    recipe: dict[str, Any] = field(default_factory=dict)
    seed: int | None = None
    epochs: int = 0
    best_epoch: int = 0
    validation_accuracy: float | None = None
    data: str = ""
    data_checksum: str = ""
    measured: Measured | None = None
    golden: tuple[tuple[float, ...], ...] = ()
    training_seconds: float = 0.0
    machine: str = ""
    licence: str = "MIT"
    origin: str = "trained here"
    weights_checksum: str = ""

    def __post_init__(self) -> None:
        if self.orientation not in ORIENTATIONS:
            raise ValueError(f"orientation must be one of {', '.join(ORIENTATIONS)}, got {self.orientation!r}")

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.data_set.class_names

    @property
    def channels(self) -> int:
        return self.data_set.channels

    @property
    def image_size(self) -> int:
        """Side of an image, pixels."""
        return self.data_set.size

    @property
    def mean(self) -> tuple[float, ...]:
        """Of each channel, what normalisation subtracts from values in [0, 1]."""
        return self.data_set.mean

    @property
    def std(self) -> tuple[float, ...]:
        """Of each channel, what normalisation divides by."""
        return self.data_set.std

    @property
    def tag(self) -> str:
        """The task that the weights were trained on, as ``e2viz.data.task`` takes it: what follows the dot."""
        return self.recipe.get("task") or self.name.partition("+")[0].partition(".")[2]

    def to_json(self) -> str:
        """Readable JSON; ``from_json`` gives an equal card back."""
        fields = dataclasses.asdict(self)
        if DATA_SETS.get(self.data_set.name) == self.data_set:
            fields["data_set"] = self.data_set.name
        return json.dumps(fields, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Card:
        """The card written by ``to_json``.

        Raises:
            ValueError: if the text is not JSON, has unknown or missing fields, or asks for more than any network
                needs (e2viz.limits).
        """
        fields = _with_data_set(limits.read_json(text, "a card", limits.LARGEST_CARD))
        if unknown := set(fields) - {f.name for f in dataclasses.fields(cls)}:
            raise ValueError(f"a card has no field {', '.join(sorted(unknown))}")
        if missing := {"name", "architecture"} - set(fields):
            raise ValueError(f"a card needs the field {', '.join(sorted(missing))}")
        fields["golden"] = tuple(tuple(row) for row in fields.get("golden", ()))
        if fields.get("measured"):
            measured = fields["measured"]
            shares = ("upright", "rotated", "worst_case", "quarter")
            accuracies = {key: Accuracy(**measured[key]) for key in shares if measured.get(key)}
            fields["measured"] = Measured(**{**measured, **accuracies})
        limits.check_config(fields.get("config", {}))
        return cls(**fields)

    @classmethod
    def read(cls, path: Path) -> Card:
        return cls.from_json(limits.read_bytes(path, "a card", limits.LARGEST_CARD).decode("utf-8"))


_FORMER_FIELDS = ("class_names", "channels", "image_size", "mean", "std")


def _with_data_set(fields: Any) -> dict[str, Any]:
    """The fields with a data set in its place; cards of version 0.1 held its facts and named only a task."""
    if not isinstance(fields, dict):
        raise ValueError(f"a card must be an object of fields, got {type(fields).__name__}")
    named = fields.get("data_set")
    if isinstance(named, dict):
        return {**fields, "data_set": DataSet.from_dict(named)}
    if isinstance(named, str):
        try:
            return {**fields, "data_set": data_set(named)}
        except LookupError as error:
            raise ValueError(str(error)) from error
    former = {key: fields.pop(key) for key in _FORMER_FIELDS if key in fields}
    task = TASKS.get(
        (fields.get("recipe") or {}).get("task") or fields.get("name", "").partition("+")[0].partition(".")[2]
    )
    found = task.data_set if task else DATA_SETS["digits"]
    names = tuple(former.get("class_names", found.class_names))
    if len(names) != found.classes:
        found = dataclasses.replace(found, name=f"{found.name}.{len(names)}", class_names=names, confusable=())
    return {**fields, "data_set": found}
