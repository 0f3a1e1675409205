"""The numbers that a lesson quotes, measured on the picture that the reader looks at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from e2viz.images.picture import Picture
from e2viz.measure.sweep import Sweep
from e2viz.render.figures import two_digits
from e2viz.scenes import equivariance_error
from e2viz.scenes.lesson import Step
from e2viz.scenes.rotation import label_for
from e2viz.scenes.turning import data_of_model

QUARTERS = (0.0, 90.0, 180.0, 270.0)


def number_of(asked: str, swept: Sweep, picture: Picture, models: dict[str, Any]) -> str:
    """One number as it stands in a sentence.

    Args:
        asked: a placeholder without its braces, such as "flips vit.mnist".
        swept: of the step's models.
        picture: what is turned.
        models: the step's models, by name.
    """
    what, *named = asked.split()
    stability = [swept.stability(name, label_for(picture, swept.data.get(name))) for name in named]
    answers = [swept.probability(name).argmax(axis=1) for name in named]
    if what == "says":
        return str(swept.class_names(named[0])[int(answers[0][0])])
    if what == "flips":
        return str(len(stability[0].flips))
    if what == "agreement":
        same = int((answers[0] == answers[0][0]).sum())
        return f"{same} of {len(answers[0])}"
    if what == "lowest":
        curve = probability_curve(swept, named[0])
        return f"{100 * curve.min():.0f} % at {float(swept.angles_deg[int(curve.argmin())]):g}°"
    if what == "quarters":
        return str(sum(answers[0][frame_at(swept.angles_deg, angle)] == answers[0][0] for angle in QUARTERS))
    if what == "together":
        agree = np.array(agreeing(swept, *named))
        return f"{int(agree.sum())} of {len(agree)}"
    if what == "error":
        errors = equivariance_error.measured([models[named[0]]], picture, 45)[named[0]]
        moved = errors.of("logits")[errors.on_group & (errors.angles_deg > 0)]
        return two_digits(float(moved.max())) if moved.size else two_digits(float(errors.of("logits").max()))
    return "…"


def probability_curve(swept: Sweep, model: str) -> np.ndarray:
    """[frame] the probability of the upright answer at each angle."""
    probability = swept.probability(model)
    return probability[:, int(probability[0].argmax())]


def frame_at(angles_deg: Sequence[float] | np.ndarray, angle_deg: float) -> int:
    """The frame nearest to an angle, round the circle."""
    away = np.abs((np.asarray(angles_deg) - angle_deg + 180.0) % 360.0 - 180.0)
    return int(away.argmin())


def agreeing(swept: Sweep, one: str, other: str) -> list[bool]:
    """At which angles two models give the same answer, by name."""
    names = [[swept.class_names(name)[k] for k in swept.probability(name).argmax(axis=1)] for name in (one, other)]
    return [a == b for a, b in zip(*names, strict=True)]


def gap(drawn: Sequence[float], measured: np.ndarray) -> float:
    """Mean distance between a drawn curve and the measured one, both over a whole turn."""
    at = np.linspace(0, len(measured), len(drawn), endpoint=False)
    closed = np.append(measured, measured[0])
    return float(np.abs(np.interp(at, np.arange(len(closed)), closed) - np.asarray(drawn)).mean())


def kinds_of(step: Step) -> list[str]:
    """Names of the data sets that a step's picture may be of; none for any."""
    known = [found.name for found in map(data_of_model, step.models) if found is not None]
    return [step.data] if step.data else list(dict.fromkeys(known))
