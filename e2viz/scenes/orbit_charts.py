"""Orbits as closed paths on one scale, and the compass against the picture's turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from e2viz.measure.orbit import Compass, Orbit
from e2viz.render.chart import Axis, Chart, Track, angle_axis
from e2viz.render.figures import two_digits

MARGIN = 1.08


def path_chart(orbit: Orbit, label: str, color: str, angles_deg: np.ndarray, limit: float) -> Chart:
    """The path of one model, in shares of its embedding's size, so that paths of different models can be compared.

    Quarter turns are marked, and a dot is where the embedding is.

    Args:
        orbit: its path.
        label, color: of the model.
        angles_deg: of the turn.
        limit: of both axes, a share of the embedding's size.
    """
    path = np.asarray(orbit.path, dtype=np.float64) / orbit.size
    quarters = np.flatnonzero(np.isclose(np.asarray(angles_deg) % 90.0, 0.0))
    marks = Track(
        label="", color=color, x=path[quarters, 0], y=path[quarters, 1], line=False, dots=True,
        names=tuple(f"{angles_deg[place]:g}°" for place in quarters),
    )  # fmt: skip
    whole = Track(label="", color=color, x=path[:, 0], y=path[:, 1], thickness=2)
    running = Track(label="", color=color, x=path[:-1, 0], y=path[:-1, 1], line=False, follows=True)
    first, second = (100 * float(share) for share in orbit.plane.explained[:2])
    end = MARGIN * limit
    return Chart(
        title=label,
        x=Axis(title=f"component 1, {first:.0f} % of the spread", low=-end, high=end, ticks=_shares(end)),
        y=Axis(title=f"component 2, {second:.0f} %", low=-end, high=end, ticks=_shares(end)),
        tracks=(whole, marks, running) if quarters.size else (whole, running),
        square=True,
        caption=f"in shares of the embedding's size; radius {two_digits(100 * orbit.relative_radius)} %",
    )


def _shares(end: float) -> tuple[tuple[float, str], ...]:
    """Percentages that are named on an axis from -end to end: at most two on either side of 0."""
    steps = (first * 10.0**decade for decade in range(-6, 3) for first in (1, 2, 5))
    step = next((each for each in steps if 2.5 * each >= end), end)
    count = int(end / step)
    return tuple((place * step, f"{100 * place * step:.3g}%".replace("-", "−")) for place in range(-count, count + 1))


def compass_chart(
    compasses: Mapping[str, Compass], labels: Mapping[str, str], colors: Mapping[str, str], angles_deg: np.ndarray
) -> Chart | None:
    """The turn of the winning element against the turn of the picture: a staircase for a compass that follows."""
    angles = np.asarray(angles_deg, dtype=np.float64)
    tracks, start_deg = [], 0.0
    for name, each in compasses.items():
        start_deg = float(each.angles_deg[0])
        compass = np.asarray(each.angles_deg, dtype=np.float64)
        straight = ~np.asarray(each.mirrored, dtype=bool)
        shape: dict[str, Any] = {"color": colors[name], "line": False, "dots": True}
        if straight.any():
            tracks.append(Track(label=labels[name], x=angles[straight], y=compass[straight], **shape))
        if (~straight).any():
            label = f"{labels[name]}, mirrored"
            tracks.append(Track(label=label, x=angles[~straight], y=compass[~straight], hollow=True, **shape))
        tracks.append(Track(label="", color=colors[name], x=angles, y=compass, line=False, follows=True))
    if not tracks:
        return None
    expected = (angles + start_deg) % 360.0
    turn = Track(label="the picture's turn", color="#a5afb8", x=angles, y=expected, line=False, dots=True, hollow=True)
    return Chart(
        title="Where the compass points, against the picture's turn",
        x=angle_axis("turn of the picture"),
        y=angle_axis("turn of the winning element"),
        tracks=(turn, *tracks),
        cursor=angles,
    )
