"""When each frame of a scene is shown: range, easing, there and back, rests at quarter turns."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from e2viz.render.look import EASINGS, MAX_FRAMES, Look, Number


@dataclass(frozen=True)
class Moment:
    """One frame of a scene, and for how long it is shown."""

    frame: int
    duration_s: float


def frame_order(frames: int, easing: str = "linear") -> list[int]:
    """Which frame is shown at each of `frames` equal moments of one turn.

    Raises:
        ValueError: an unknown easing.
    """
    if easing not in EASINGS:
        raise ValueError(f"easing must be one of {', '.join(EASINGS)}, got {easing!r}")
    ease = EASINGS[easing]
    return [min(frames - 1, int(ease(moment / frames) * frames + 1e-9)) for moment in range(frames)]


def moments(angles_deg: Sequence[float] | np.ndarray, look: Look) -> list[Moment]:
    """The moments of an animation in the order in which they are shown.

    Args:
        angles_deg: [frame] of the scene.
        look: how it is played.

    Raises:
        ValueError: a range without an angle, or more moments than may be drawn.
    """
    angles = np.asarray(angles_deg, dtype=np.float64)
    whole = look.start_deg == 0.0 and look.end_deg == 360.0
    shown = range(len(angles)) if whole else np.flatnonzero((angles >= look.start_deg) & (angles < look.end_deg))
    inside = [int(frame) for frame in shown][:: look.every]
    if not inside:
        raise ValueError(f"the range must hold an angle, got {look.start_deg:g} to {look.end_deg:g} degrees")
    order = [inside[at] for at in frame_order(len(inside), look.easing)]
    step_s = look.every / float(look.fps)
    played: list[Moment] = []
    for frame in order:
        if played and played[-1].frame == frame:
            played[-1] = Moment(frame, played[-1].duration_s + step_s)
        else:
            played.append(Moment(frame, step_s))
    if look.hold_s:
        played = [Moment(each.frame, each.duration_s + look.hold_s * _rests(angles[each.frame])) for each in played]
    if look.loop == "back":
        played += played[-2:0:-1]
    if len(played) > MAX_FRAMES:
        raise ValueError(f"an animation must have at most {MAX_FRAMES} frames, got {len(played)}")
    return played


def _rests(angle_deg: float) -> bool:
    return math.isclose(angle_deg % 90.0, 0.0, abs_tol=1e-6) or math.isclose(angle_deg % 90.0, 90.0, abs_tol=1e-6)


def durations_ms(played: Sequence[Moment], step_ms: int = 1) -> list[int]:
    """How long each moment stays, in whole steps of the format's clock, without drifting from the time asked for."""
    ends = [step_ms * round(1000 * end / step_ms) for end in np.cumsum([each.duration_s for each in played]).tolist()]
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


def even_rate(played: Sequence[Moment]) -> tuple[Number, list[int]]:
    """A constant frame rate that any player keeps, and how often each moment is repeated at it.

    Returns:
        Frames a second, from 10 to 60, and the repeats.
    """
    shortest = min(each.duration_s for each in played)
    fps = 1 / shortest
    fps *= max(1, math.ceil(10 / fps - 1e-9))
    ends = np.rint(np.cumsum([each.duration_s for each in played]) * fps).astype(int)
    return round(fps, 6), np.diff(ends, prepend=0).tolist()
