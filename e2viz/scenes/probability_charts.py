"""The probability of one class against angle, with the angles marked at which a model changes its mind."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from e2viz.measure.stability import Stability
from e2viz.render.chart import Axis, Chart, Track, angle_axis


def probability_chart(
    measured: Mapping[str, Stability], labels: Mapping[str, str], colors: Mapping[str, str], answer: str
) -> Chart:
    """One line a model; a mark where its answer differs from the one before.

    Args:
        measured: by model.
        labels: what the models are called.
        colors: of the models.
        answer: name of the class that is followed: the label, or the upright answer of the first model.
    """
    tracks: list[Track] = []
    angles_deg = next(iter(measured.values())).angles_deg
    for name, each in measured.items():
        curve = np.asarray(each.probability[:, each.reference], dtype=np.float64)
        tracks.append(
            Track(label=labels[name], color=colors[name], x=np.asarray(angles_deg), y=curve, thickness=2, follows=True)
        )
        flips = list(each.flips)
        if flips:
            tracks.append(
                Track(label="", color=colors[name], x=np.asarray(angles_deg)[flips], y=curve[flips], line=False,
                      dots=True, hollow=True, names=())
            )  # fmt: skip
    ticks = tuple((value, f"{100 * value:.0f}%") for value in (0.0, 0.25, 0.5, 0.75, 1.0))
    return Chart(
        title=f"Probability of {answer} at each angle",
        x=angle_axis(),
        y=Axis(low=0.0, high=1.0, ticks=ticks),
        tracks=tuple(tracks),
        cursor=np.asarray(angles_deg, dtype=np.float64),
        caption="A ring on a line: there the model changes its answer.",
        height=180,
    )
