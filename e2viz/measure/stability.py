"""How much a prediction changes while the picture turns once round.

Every measure of one picture's sweep, each with the definition that its source gives. They are taken on the
closed loop of K equispaced angles: p_k is the softmax of the logits at angle k, ŷ_k its largest class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from e2viz.data.data_set import DataSet


@dataclass(frozen=True, kw_only=True, eq=False)
class Stability:
    """The stability of one model's answer on one picture over K angles.

    Attributes:
        angles_deg: [frame] the angles, equispaced over one turn.
        probability: [frame class] softmax of the logits.
        winners: [frame] ŷ_k, the class with the largest logit (the first one on a tie).
        upright: the frame whose angle is 0; its prediction is what agreement and total variation refer to.
        most_common: the class that wins at most angles (the smaller one on a tie), ``most_common_count`` of K.
        distinct_classes: how many classes win anywhere.
        flips: the frames k at which ŷ_k differs from ŷ_{k-1}; frame 0 is compared with the last one.
        flip_rate: share of such frames, 0 to 1. Source: ImageNet-P, Hendrycks & Dietterich 2019; loop added.
        agreement: share of k with ŷ_k = ŷ_upright. Source: Azulay & Weiss 2019.
        pairwise_consistency: (Σ_c n_c² - K) / (K² - K), the chance that two different angles agree.
            Source: Zhang 2019.
        mean_total_variation: mean over k of ½‖p_k - p_upright‖₁, 0 to 1.
        worst_total_variation: its largest value, first reached at ``worst_total_variation_frame``.
        jensen_shannon: H(mean p) - mean H(p_k) in nats, 0 to log K.
        reference: the class y that the next three refer to: the label, or without one the upright prediction.
        reference_is_label: which of the two it is. Say so beside the numbers.
        mean_rotation_error: population standard deviation over k of p_k[y]. Source: rissl.
        worst_margin: min_k p_k[y] - max_{c≠y} p_k[c], -1 to 1; below 0 the answer is lost somewhere.
            Source: Engstrom et al. 2019.
        worst_margin_frame: where.
        accuracy: mean over k of 1[ŷ_k = label]; None without a label. Source: Engstrom et al. 2019.
        worst_case_accuracy: the minimum over k, 1.0 or 0.0; None without a label.
        ambiguous: frames whose answer is the label's half-turn twin within 45 degrees of 180: not errors of
            the model. They do count as wrong in both accuracies, as in the literature.
        ambiguity: one sentence for the screen, or "".
    """

    angles_deg: Float[np.ndarray, " frame"]
    probability: Float[np.ndarray, "frame class"]
    winners: Int[np.ndarray, " frame"]
    upright: int
    most_common: int
    most_common_count: int
    distinct_classes: int
    flips: tuple[int, ...]
    flip_rate: float
    agreement: float
    pairwise_consistency: float
    mean_total_variation: float
    worst_total_variation: float
    worst_total_variation_frame: int
    jensen_shannon: float
    reference: int
    reference_is_label: bool
    mean_rotation_error: float
    worst_margin: float
    worst_margin_frame: int
    accuracy: float | None
    worst_case_accuracy: float | None
    ambiguous: tuple[int, ...]
    ambiguity: str

    @property
    def frames(self) -> int:
        """K, the number of angles."""
        return len(self.angles_deg)

    @property
    def worst_margin_deg(self) -> float:
        """The angle at which the margin is smallest."""
        return float(self.angles_deg[self.worst_margin_frame])

    @property
    def worst_total_variation_deg(self) -> float:
        """The angle at which the distribution is furthest from the upright one."""
        return float(self.angles_deg[self.worst_total_variation_frame])

    @property
    def flips_deg(self) -> tuple[float, ...]:
        """The angles at which the answer changes, each the first one with the new answer."""
        return tuple(float(self.angles_deg[k]) for k in self.flips)

    def says(self, class_names: tuple[str, ...] | None = None) -> str:
        """The sentence of the first screen without its subject: "says 8 at 72 of 72 angles"."""
        name = str(self.most_common) if class_names is None else class_names[self.most_common]
        return f"says {name} at {self.most_common_count} of {self.frames} angles"


def softmax(logits: Float[np.ndarray, "*batch class"]) -> Float[np.ndarray, "*batch class"]:
    """Softmax over the last axis in float64; large logits neither overflow nor lose their order."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    exponential = np.exp(shifted)
    return exponential / exponential.sum(axis=-1, keepdims=True)


def entropy(probability: Float[np.ndarray, "*batch class"]) -> Float[np.ndarray, "*batch"]:
    """Shannon entropy over the last axis in nats; 0 · log 0 is 0."""
    return np.asarray(-(probability * np.log(np.where(probability > 0, probability, 1.0))).sum(axis=-1))


def ambiguity_note(label: int | None, data: DataSet | None) -> str:
    """What to say about a label that a half turn makes into another one; "" for any other label.

    Args:
        label: the true class; None for a picture without one.
        data: the data set of the classes, which knows what a turn confuses.
    """
    twin = None if label is None or data is None else data.partner(label)
    if label is None or data is None or twin is None:
        return ""
    named, other = data.class_names[label], data.class_names[twin]
    return (
        f"A {named} turned by 180° is a {other}: near there the label is ambiguous, "
        f"and the answer {other} is not an error."
    )


def _loop_angles(frames: int, angles_deg: Float[np.ndarray, " frame"] | None) -> tuple[np.ndarray, int]:
    """The angles of the closed loop and the frame that stands upright."""
    if angles_deg is None:
        return np.arange(frames) * (360.0 / frames), 0
    step = np.diff(angles_deg, append=angles_deg[0] + 360.0)
    if not np.allclose(step, 360.0 / frames, atol=1e-3):
        raise ValueError(
            f"angles_deg must be equispaced over one turn, {360 / frames:g} degrees apart, "
            f"got steps from {step.min():g} to {step.max():g}"
        )
    upright = int(np.abs((angles_deg + 180.0) % 360.0 - 180.0).argmin())
    if abs((angles_deg[upright] + 180.0) % 360.0 - 180.0) > 1e-3:
        raise ValueError(f"angles_deg must contain 0, the nearest is {angles_deg[upright]:g}")
    return angles_deg.astype(np.float64), upright


def stability(
    logits: Float[np.ndarray, "frame class"],
    label: int | None = None,
    angles_deg: Float[np.ndarray, " frame"] | None = None,
    *,
    data: DataSet | None = None,
) -> Stability:
    """Every stability measure of one sweep.

    Source: the table in docs/measures.md; each attribute of ``Stability`` names its own.

    Args:
        logits: what the model says at K equispaced angles over one turn, the first one after the last.
        label: the true class. Without it there is no accuracy, and margins refer to the upright prediction.
        angles_deg: the angles; by default k · 360/K.
        data: the data set of the classes, which knows what a half turn confuses, as 6 and 9.

    Raises:
        ValueError: for fewer than two angles or classes, logits that are not finite, a label that is no class,
            or angles that are not one closed loop through 0.
    """
    frames, classes = logits.shape
    if frames < 2 or classes < 2:
        raise ValueError(f"logits must have at least 2 frames and 2 classes, got {frames} and {classes}")
    if not np.isfinite(logits).all():
        raise ValueError(f"logits must be finite, got {int((~np.isfinite(logits)).sum())} values that are not")
    if label is not None and not 0 <= label < classes:
        raise ValueError(f"label must be in 0..{classes - 1}, got {label}")
    angles, upright = _loop_angles(frames, angles_deg)
    probability = softmax(logits)
    winners = logits.argmax(axis=1)
    counts = np.bincount(winners, minlength=classes)
    flips = np.flatnonzero(winners != np.roll(winners, 1))
    variation = 0.5 * np.abs(probability - probability[upright]).sum(axis=1)
    reference = int(winners[upright]) if label is None else label
    correct = winners == reference
    margin = probability[:, reference] - np.delete(probability, reference, axis=1).max(axis=1)
    twin = None if label is None or data is None else data.partner(label)
    ambiguous: tuple[int, ...] = ()
    if twin is not None:
        near_half_turn = np.abs(angles % 360.0 - 180.0) <= 45.0
        ambiguous = tuple(np.flatnonzero(near_half_turn & (winners == twin)).tolist())
    return Stability(
        angles_deg=angles,
        probability=probability,
        winners=winners,
        upright=upright,
        most_common=int(counts.argmax()),
        most_common_count=int(counts.max()),
        distinct_classes=int((counts > 0).sum()),
        flips=tuple(flips.tolist()),
        flip_rate=len(flips) / frames,
        agreement=float((winners == winners[upright]).mean()),
        pairwise_consistency=float((counts.astype(np.int64) ** 2).sum() - frames) / (frames**2 - frames),
        mean_total_variation=float(variation.mean()),
        worst_total_variation=float(variation.max()),
        worst_total_variation_frame=int(variation.argmax()),
        jensen_shannon=max(0.0, float(entropy(probability.mean(axis=0)) - entropy(probability).mean())),
        reference=reference,
        reference_is_label=label is not None,
        mean_rotation_error=float(probability[:, reference].std()),
        worst_margin=float(margin.min()),
        worst_margin_frame=int(margin.argmin()),
        accuracy=None if label is None else float(correct.mean()),
        worst_case_accuracy=None if label is None else float(correct.min()),
        ambiguous=ambiguous,
        ambiguity=ambiguity_note(label, data),
    )
