"""Confidence intervals for what is measured over a data set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from e2viz.measure.stability import Stability

MEASURES = (
    "flip_rate",
    "agreement",
    "pairwise_consistency",
    "mean_total_variation",
    "worst_total_variation",
    "jensen_shannon",
    "mean_rotation_error",
    "worst_margin",
)


def wilson_interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """The interval for a share, such as an accuracy over independent images; it never leaves [0, 1].

    Source: Wilson 1927, without continuity correction.

    Args:
        successes: how many of the trials succeeded.
        trials: independent trials, at least 1.
        confidence: coverage, between 0 and 1.

    Raises:
        ValueError: if the counts or the confidence make no sense.
    """
    if trials < 1 or not 0 <= successes <= trials:
        raise ValueError(f"successes must be in 0..trials and trials at least 1, got {successes} and {trials}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, got {confidence}")
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = successes / trials
    scale = 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == trials else min(1.0, centre + half)
    return low, high


def bootstrap_interval(
    values: Sequence[float], confidence: float = 0.95, *, resamples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Percentile bootstrap for the mean of one number for each picture.

    Pictures are drawn again, not angles: the angles of one picture are not independent.
    Source: Efron & Tibshirani 1993, chapter 13.

    Raises:
        ValueError: without values.
    """
    if len(values) == 0:
        raise ValueError("values must not be empty")
    array = np.asarray(values, dtype=np.float64)
    generator = np.random.default_rng(seed)
    means = np.array([array[generator.integers(0, len(array), len(array))].mean() for _ in range(resamples)])
    tail = (1 - confidence) / 2
    return float(np.quantile(means, tail)), float(np.quantile(means, 1 - tail))


def over_pictures(stabilities: Sequence[Stability]) -> dict[str, tuple[float, float, float]]:
    """Mean, lower and upper 95 % limit of the stability measures over a data set.

    Worst-case accuracy is one success or failure a picture and has a Wilson interval; the others are
    bootstrapped over pictures. Accuracies are left out when a picture has no label.

    Raises:
        ValueError: without pictures.
    """
    if not stabilities:
        raise ValueError("stabilities must not be empty")
    labelled = all(each.accuracy is not None for each in stabilities)
    names = MEASURES + ("accuracy",) * labelled
    columns = {name: [getattr(each, name) for each in stabilities] for name in names}
    found = {name: (float(np.mean(values)), *bootstrap_interval(values)) for name, values in columns.items()}
    if labelled:
        right = sum(each.worst_case_accuracy == 1.0 for each in stabilities)
        found["worst_case_accuracy"] = (right / len(stabilities), *wilson_interval(right, len(stabilities)))
    return found
