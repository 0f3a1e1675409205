"""Distance of the logits against angle, and errors against resolution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from e2viz.measure.steering import ANGLES_DEG, Steered
from e2viz.render.chart import Axis, Chart, Track, categories
from e2viz.scenes.error_charts import error_axis, shown


def distance_chart(results: Sequence[Steered], colors: Mapping[int, str]) -> Chart:
    """Distance of the logits from the upright ones, at each angle."""
    places = np.arange(len(ANGLES_DEG), dtype=np.float64)
    tracks = tuple(
        Track(label=f"{each.size} × {each.size}", color=colors[each.size], x=places, y=shown(each.distance[0]),
              dots=True, thickness=2, follows=True)
        for each in results
    )  # fmt: skip
    axis = categories([f"{angle:g}°" for angle in ANGLES_DEG])
    return Chart(title="Distance from upright", x=axis, y=error_axis("relative distance"), tracks=tracks, cursor=places)


def resolution_chart(results: Sequence[Steered], color: str) -> Chart:
    """How far quarter turns and diagonals are apart, and the error of some layers at 45°, against resolution."""
    sizes = np.array([float(each.size) for each in results])
    lifting = results[0].probes.index("lifting")

    def track(label: str, values: list[float], **look: object) -> Track:
        look = {"color": color, "dots": True} | look
        return Track(label=label, x=sizes, y=np.array(values, dtype=np.float64), **look)  # type: ignore[arg-type]

    tracks = [track("logits, the two sets", [each.between for each in results], thickness=2.5)]
    for layer, dash in (("lifting", 5.0), ("embedding", 2.0)):
        place = results[0].probes.index(layer)
        tracks.append(track(f"{layer}, turn by 45°", [float(each.error[place]) for each in results], dash=dash))
    floor = [float(each.floor[lifting]) for each in results]
    tracks.append(track("lifting, floor", floor, color="#828d98", dash=5.0))
    most = max(float(each.y.max()) for each in tracks)
    low, high = float(sizes.min()) / 1.2, float(sizes.max()) * 1.2
    return Chart(
        title="The finer the picture, the smaller the error",
        x=Axis(title="side of the image, pixels", low=low, high=high, log=True,
               ticks=tuple((size, f"{size:g}") for size in sizes.tolist())),
        y=Axis(title="relative error", low=0.0, high=1.05 * most or 1.0),
        tracks=tuple(tracks),
    )  # fmt: skip
