"""What a reader of a lesson guessed, beside what was measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from e2viz.measure.sweep import Sweep
from e2viz.render.chart import Track
from e2viz.render.scene import Scene
from e2viz.scenes import lesson_numbers
from e2viz.scenes.lesson import Step


def within_sentence(words: str) -> str:
    """Words with a small first letter, except where they begin with a name such as GSA-Net."""
    return words[:1].lower() + words[1:] if words[1:2].islower() or words[1:2] == " " else words


def gap_of(step: Step, found: Sweep, drawn: list[float]) -> str:
    """How far the drawn curve is from the measured one, as it stands in a sentence."""
    away = lesson_numbers.gap(drawn, lesson_numbers.probability_curve(found, step.asked[0]))
    return f"{100 * away:.0f} percentage points"


def with_guess(scene: Scene, drawn: list[float] | None) -> Scene:
    """The measured chart with the curve that the reader drew."""
    if not drawn or not scene.charts:
        return scene
    chart = scene.charts[0]
    at = (np.arange(len(drawn)) + 0.5) * (360.0 / len(drawn))
    guess = Track(label="your guess", color="#828d98", x=at, y=np.asarray(drawn, dtype=np.float64), dash=4.0)
    return replace(scene, charts=(replace(chart, tracks=(*chart.tracks, guess)), *scene.charts[1:]))
