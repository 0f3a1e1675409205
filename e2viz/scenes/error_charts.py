"""The charts of equivariance errors: a map of layers and angles, one layer's curves, the rules, and what breaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from e2viz.measure.breaking import ANGLES_DEG
from e2viz.measure.layer_errors import LayerErrors
from e2viz.render.chart import Axis, Chart, Track, angle_axis, categories, power_axis
from e2viz.render.scene import Panel
from e2viz.scenes.broken import Broken
from e2viz.scenes.rule_lines import RuleLine

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
    rows = tuple((float(place), probe) for place, probe in enumerate(errors.probes))
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
        title=f"Error at {probe}",
        x=angle_axis("angle; dotted: exact turns"),
        y=error_axis("relative error"),
        tracks=tuple(tracks),
        verticals=tuple(sorted(grouped)),
        cursor=cursor,
    )


def rule_chart(lines: Sequence[RuleLine]) -> Chart:
    """The error of each layer at the group's elements, a line for each rule."""
    layers = list(dict.fromkeys(probe for line in lines for probe in line.probes))
    tracks = tuple(
        Track(
            label=line.case.label + ("" if line.trained else " (untrained)"), color=line.case.color,
            x=np.array([float(layers.index(probe)) for probe in line.probes]), y=shown(line.error), dots=True,
            thickness=2, dash=5.0 if line.case.dashed else 0.0,
        )
        for line in lines
    )  # fmt: skip
    axis = categories(layers, "layer", mono=True)
    return Chart(
        title="Error of each layer, the largest over the group's elements", x=axis, y=error_axis("relative error"),
        tracks=tracks,
    )  # fmt: skip


def breaking_chart(before: Broken, after: Broken, probe: str, color: str) -> Chart:
    """The error at each angle as it should be (dashed) and with the switches (solid)."""
    places = np.arange(len(ANGLES_DEG), dtype=np.float64)
    tracks = tuple(
        Track(label=label, color=color, x=places, y=shown(found.at(probe)), dots=True, dash=dash, thickness=2)
        for found, label, dash in ((before, "nothing spoilt", 4.0), (after, "with the switches", 0.0))
    )
    axis = categories([f"{angle:g}°" for angle in ANGLES_DEG], "angle")
    return Chart(title=f"Error at {probe}", x=axis, y=error_axis("relative error"), tracks=tracks)
