"""What a model does on many labelled pictures at every angle: accuracy, flips, worst case, calibration, confusion.

Two steps. ``TurnAnswers`` is what was said, picture by picture; ``OverData`` is what it comes to, in a few kilobytes:
what is stored, shown and exported. Knows no model and no torch.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from e2viz.measure.interval import bootstrap_interval, wilson_interval

BINS = 15
FORMAT = 1


@dataclass(frozen=True, eq=False)
class TurnAnswers:
    """What one model says about labelled pictures at equispaced angles of one turn.

    Args:
        angles_deg: [angle] the first one after the last closes the turn.
        labels: [image] true classes.
        winners: [image angle] the class with the largest logit.
        confidence: [image angle] its probability.

    Raises:
        ValueError: if the arrays do not fit together.
    """

    angles_deg: Float[np.ndarray, " angle"]
    labels: Int[np.ndarray, " image"]
    winners: Int[np.ndarray, "image angle"]
    confidence: Float[np.ndarray, "image angle"]

    def __post_init__(self) -> None:
        expected = (len(self.labels), len(self.angles_deg))
        if self.winners.shape != expected or self.confidence.shape != expected or 0 in expected:
            raise ValueError(
                f"winners and confidence must be [image angle] {expected} with one of each at least, "
                f"got {self.winners.shape} and {self.confidence.shape}"
            )

    @property
    def right(self) -> np.ndarray:
        """[image angle] whether the answer is the label."""
        return self.winners == self.labels[:, None]


@dataclass(frozen=True, kw_only=True, eq=False)
class OverData:
    """What the answers of one model over a data set come to. Counts, so that every figure has its interval.

    Attributes:
        model, checksum: whose answers.
        data, data_checksum: name of the data set, and of which pictures.
        images: how many.
        angles_deg: [angle].
        correct: [angle] right answers at each angle.
        always_right: pictures that are right at all of them.
        flips: mean share of neighbouring angles, on the closed loop, between which the answer changes, and its 95 %
            interval by bootstrap over pictures.
        bin_counts, bin_correct: [angle bin] answers by confidence, and how many of those are right.
        bin_confidence: [angle bin] sum of the confidence.
        confusion: [angle true predicted] counts.
    """

    model: str
    checksum: str
    data: str
    data_checksum: str
    images: int
    angles_deg: Float[np.ndarray, " angle"]
    correct: Int[np.ndarray, " angle"]
    always_right: int
    flips: tuple[float, float, float]
    bin_counts: Int[np.ndarray, "angle bin"] = field(repr=False)
    bin_correct: Int[np.ndarray, "angle bin"] = field(repr=False)
    bin_confidence: Float[np.ndarray, "angle bin"] = field(repr=False)
    confusion: Int[np.ndarray, "angle true predicted"] = field(repr=False)

    @property
    def accuracy(self) -> Float[np.ndarray, " angle"]:
        """Share of right answers at each angle."""
        return self.correct / self.images

    @property
    def bands(self) -> Float[np.ndarray, "angle 2"]:
        """Lower and upper end of the 95 % interval of each accuracy (Wilson)."""
        return np.array([wilson_interval(int(correct), self.images) for correct in self.correct])

    @property
    def mean_accuracy(self) -> float:
        """Over pictures and angles."""
        return float(self.accuracy.mean())

    @property
    def worst_angle(self) -> tuple[float, float]:
        """The angle at which most pictures are wrong, and the accuracy there."""
        place = int(self.correct.argmin())
        return float(self.angles_deg[place]), float(self.accuracy[place])

    @property
    def worst_case(self) -> tuple[float, float, float]:
        """Share of pictures that are right at every angle, with its 95 % interval. Source: Engstrom et al. 2019."""
        return (self.always_right / self.images, *wilson_interval(self.always_right, self.images))

    @property
    def calibration_error(self) -> Float[np.ndarray, " angle"]:
        """Expected calibration error at each angle: mean distance of confidence and accuracy, over bins.

        Source: Guo, Pleiss, Sun & Weinberger 2017, equation 3, with 15 bins.
        """
        return np.abs(self.bin_correct - self.bin_confidence).sum(1) / self.images

    @property
    def mean_calibration_error(self) -> float:
        """The same of all answers at all angles together."""
        gap = np.abs(self.bin_correct.sum(0) - self.bin_confidence.sum(0)).sum()
        return float(gap / self.bin_counts.sum())

    def reliability(self, angle: int | None = None) -> Float[np.ndarray, "bin 3"]:
        """Of each bin of confidence: mean confidence, accuracy (NaN where it is empty) and share of all answers.

        Args:
            angle: place of one angle; all together when None.
        """
        rows = slice(None) if angle is None else slice(angle, angle + 1)
        counts, right, sure = (
            each[rows].sum(0) for each in (self.bin_counts, self.bin_correct, self.bin_confidence)
        )  # fmt: skip
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.stack([sure / counts, right / counts, counts / counts.sum()], axis=1)

    def confusions(self, most: int = 5) -> list[tuple[int, int, float, float]]:
        """Which class becomes which, at which angle: (true, predicted, angle in degrees, share of that class there).

        One entry a pair, at the angle where it is most frequent; the most frequent pairs first.
        """
        of_class = np.maximum(self.confusion.sum(2, keepdims=True), 1)
        share = self.confusion / of_class
        classes = np.arange(share.shape[1])
        share[:, classes, classes] = 0.0
        worst = share.max(0)
        order = np.argsort(-worst, axis=None, kind="stable")[:most]
        found = []
        for true, predicted in zip(*np.unravel_index(order, worst.shape), strict=True):
            if worst[true, predicted] > 0:
                angle_deg = float(self.angles_deg[share[:, true, predicted].argmax()])
                found.append((int(true), int(predicted), angle_deg, float(worst[true, predicted])))
        return found

    def to_json(self) -> str:
        """A few kilobytes; ``from_json`` gives an equal result back."""
        held: dict[str, Any] = {"format": FORMAT}
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            held[each.name] = np.round(value, 3).tolist() if isinstance(value, np.ndarray) else value
        held["confusion"] = _sparse(self.confusion)
        held["classes"] = self.confusion.shape[1]
        return json.dumps(held, separators=(",", ":")) + "\n"

    @classmethod
    def from_json(cls, text: str) -> OverData:
        """What ``to_json`` wrote.

        Raises:
            ValueError: if it is of another format.
        """
        held = json.loads(text)
        if held.pop("format", None) != FORMAT:
            raise ValueError(f"a result over a data set must have format {FORMAT}")
        classes = held.pop("classes")
        angles = len(held["angles_deg"])
        confusion = np.zeros((angles, classes, classes), dtype=np.int64)
        for place, true, predicted, count in held["confusion"]:
            confusion[place, true, predicted] = count
        held["confusion"], held["flips"] = confusion, tuple(held["flips"])
        for name in ("correct", "bin_counts", "bin_correct"):
            held[name] = np.array(held[name], dtype=np.int64)
        for name in ("angles_deg", "bin_confidence"):
            held[name] = np.array(held[name], dtype=np.float64)
        return cls(**held)


def _sparse(confusion: Int[np.ndarray, "angle true predicted"]) -> list[list[int]]:
    """[place, true, predicted, count] of every entry that is not 0."""
    return [[*map(int, place), int(confusion[tuple(place)])] for place in np.argwhere(confusion)]


def over_data(
    answers: TurnAnswers, classes: int, *, model: str = "", checksum: str = "", data: str = "", data_checksum: str = ""
) -> OverData:
    """What answers come to.

    Property: the order of the pictures does not matter, and parts of a data set add up: every count is a sum over
    pictures.

    Args:
        answers: of one model.
        classes: how many there are.
        model, checksum, data, data_checksum: for the record.

    Raises:
        ValueError: if a label or an answer is no class.
    """
    highest = max(int(answers.labels.max()), int(answers.winners.max()))
    if highest >= classes or min(int(answers.labels.min()), int(answers.winners.min())) < 0:
        raise ValueError(f"labels and answers must be in 0..{classes - 1}, got up to {highest}")
    images, angles = answers.winners.shape
    right = answers.right
    # Bin b holds confidence in (b/15, (b + 1)/15]; nothing is below 1/classes.
    bins = np.clip(np.ceil(answers.confidence * BINS).astype(int) - 1, 0, BINS - 1)
    place = np.broadcast_to(np.arange(angles), (images, angles))

    def binned(weights: np.ndarray) -> np.ndarray:
        table = np.zeros((angles, BINS))
        np.add.at(table, (place, bins), weights)
        return table

    confusion = np.zeros((angles, classes, classes), dtype=np.int64)
    np.add.at(confusion, (place, answers.labels[:, None], answers.winners), 1)
    flips = (answers.winners != np.roll(answers.winners, 1, axis=1)).mean(1)
    return OverData(
        model=model, checksum=checksum, data=data, data_checksum=data_checksum, images=images,
        angles_deg=answers.angles_deg.astype(np.float64), correct=right.sum(0), always_right=int(right.all(1).sum()),
        flips=(float(flips.mean()), *bootstrap_interval(np.sort(flips).tolist())),
        bin_counts=binned(np.ones(right.shape)).astype(np.int64), bin_correct=binned(right).astype(np.int64),
        bin_confidence=binned(answers.confidence), confusion=confusion,
    )  # fmt: skip


def columns(results: Mapping[str, OverData]) -> dict[str, list]:
    """Columns of the CSV: the angle, then each model's accuracy with its band, and its calibration error.

    Args:
        results: by the name that the columns are to carry; measured at the same angles.

    Raises:
        ValueError: if the angles differ.
    """
    first, *others = results.values()
    if any(not np.array_equal(first.angles_deg, other.angles_deg) for other in others):
        raise ValueError("results side by side must be of the same angles")
    table: dict[str, list] = {"angle_deg": first.angles_deg.tolist()}
    for name, found in results.items():
        table[f"{name} accuracy"] = np.round(found.accuracy, 6).tolist()
        table[f"{name} accuracy, lower 95 %"] = np.round(found.bands[:, 0], 6).tolist()
        table[f"{name} accuracy, upper 95 %"] = np.round(found.bands[:, 1], 6).tolist()
        table[f"{name} calibration error"] = np.round(found.calibration_error, 6).tolist()
    return table


def summary(results: Mapping[str, OverData], class_names: Sequence[str]) -> dict[str, list[str]]:
    """One row a model: mean accuracy, worst angle, worst case, flips, calibration, and the commonest confusion."""
    heads = ("model", "pictures", "mean accuracy", "worst angle", "right at all angles", "flip rate",
             "calibration error", "most confused")  # fmt: skip
    table: dict[str, list[str]] = {head: [] for head in heads}
    for name, found in results.items():
        angle_deg, share = found.worst_angle
        low, high = found.worst_case[1:]
        confused = [f"{class_names[t]} as {class_names[p]} at {a:g}°, {100 * s:.0f} %"
                    for t, p, a, s in found.confusions(1)]  # fmt: skip
        row = (
            name, f"{found.images:,}", f"{100 * found.mean_accuracy:.2f} %", f"{100 * share:.2f} % at {angle_deg:g}°",
            f"{100 * found.worst_case[0]:.2f} % ({100 * low:.2f} to {100 * high:.2f})",
            f"{100 * found.flips[0]:.2f} % ({100 * found.flips[1]:.2f} to {100 * found.flips[2]:.2f})",
            f"{found.mean_calibration_error:.3f}", *(confused or ["none"]),
        )  # fmt: skip
        for head, cell in zip(heads, row, strict=True):
            table[head].append(cell)
    return table
