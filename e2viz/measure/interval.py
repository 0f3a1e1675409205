"""Confidence intervals for what is measured over a data set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from e2viz.measure.stability import Stability
from e2viz.zoo.card import wilson_interval

__all__ = ["bootstrap_interval", "over_pictures", "wilson_interval"]

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
