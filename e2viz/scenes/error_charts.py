"""The charts of equivariance errors: a map of layers and angles, and one layer's curves; the axis that all share."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from e2viz.measure.layer_errors import LayerErrors
from e2viz.render.chart import Axis, Chart, Track, angle_axis, power_axis
from e2viz.render.scene import Panel
from e2viz.scenes.words import tail

# Limits of every chart, in powers of ten: float32 alone leaves about 10⁻⁶, 1 is as far as another picture.
LOW, HIGH = -7, 0.5
ROW_PX = 17
DASHES = {"error": 0.0, "floor": 2.0, "ceiling": 6.0, "untrained": 4.0}


def logarithm(values: np.ndarray) -> np.ndarray:
    """log₁₀ within the limits of the maps; an error of nothing, or undefined, is shown as the lower limit."""
    return np.log10(np.clip(np.nan_to_num(values, nan=0.0), 10.0**LOW, 10.0**HIGH))


def shown(values: np.ndarray) -> np.ndarray:
    """Errors within the limits of a logarithmic axis."""
    return 10.0 ** logarithm(np.asarray(values, dtype=np.float64))


def error_axis(title: str) -> Axis:
    """The axis of every error: powers of ten between the limits."""
    return power_axis(title, LOW, HIGH)


def error_map(errors: LayerErrors, label: str) -> Chart:
    """Layers from top to bottom, angles from left to right; dotted lines at the angles that are exact."""
    layers = len(errors.probes)
    angles = errors.angles_deg
    step = float(angles[1] - angles[0]) if len(angles) > 1 else 360.0
    low, high = float(angles[0]) - step / 2, float(angles[-1]) + step / 2
    rows = tuple((float(place), tail(probe)) for place, probe in enumerate(errors.probes))
    turns = tuple((float(angle), f"{angle:g}°") for angle in range(0, 360, 45) if low <= angle <= high)
    heat = Panel.from_values("log₁₀ of the error", logarithm(errors.error)[None], "viridis", low=LOW, high=HIGH)
    return Chart(
        title=label,
        x=Axis(title="angle; dotted: exact turns", low=low, high=high, ticks=turns),
        y=Axis(low=layers - 0.5, high=-0.5, ticks=rows, mono=True),
        verticals=tuple(float(angle) for angle in angles[errors.on_group]),
        cursor=np.asarray(angles, dtype=np.float64),
        heat=heat,
        height=ROW_PX * layers,
    )


def error_curves(
    errors: Mapping[str, LayerErrors], probe: str, labels: Mapping[str, str], colors: Mapping[str, str]
) -> Chart | None:
    """The error of one layer against angle for each model, beside floor, ceiling and the untrained copy."""
    tracks = []
    for name, each in errors.items():
        if probe not in each.kinds:
            continue
        for track, dash in DASHES.items():
            curve = each.of(probe, track)
            if track != "error" and not curve.any():
                continue
            label = labels[name] + ("" if track == "error" else f", {track}")
            solid = track == "error"
            tracks.append(
                Track(label=label, color=colors[name], x=np.asarray(each.angles_deg, dtype=np.float64), y=shown(curve),
                      dash=dash, thickness=2 if solid else 1.2, dots=solid, follows=solid)
            )  # fmt: skip
    if not tracks:
        return None
    grouped = {angle for each in errors.values() if each.group for angle in each.angles_deg[each.on_group].tolist()}
    cursor = np.asarray(next(iter(errors.values())).angles_deg, dtype=np.float64)
    return Chart(
        title=f"Error at {tail(probe)}",
        x=angle_axis("angle; dotted: exact turns"),
        y=error_axis("relative error"),
        tracks=tuple(tracks),
        verticals=tuple(sorted(grouped)),
        cursor=cursor,
    )
