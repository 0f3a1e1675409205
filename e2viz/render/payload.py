"""A scene as the browser reads it: a small header and raw pixels, played there without a server."""

import base64
import hashlib
import json
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from e2viz.render.chart import Axis, Chart, Track, angle_axis
from e2viz.render.charts import angle_limits, limits
from e2viz.render.palette import CLASS_COLORS, class_color, color_table, dark_colors
from e2viz.render.scene import Panel, Ring, Row, Scene, two_letters


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a scene is played; everything that is not the scene.

    Args:
        start_frame: frame shown first.
        turn_s: seconds for a whole turn at speed 1.
        autoplay: start by itself; never done when the reader asks for reduced motion.
        presenter: large type and controls.
        group: players of one group on a page show the same instant.
        report_frame: tell the server the frame when playing or scrubbing stops.
        report_pixel: tell the server which pixel of which panel was clicked.
        controls: show the buttons and the slider; of several players in step one has them.
    """

    start_frame: int = 0
    turn_s: float = 8.0
    autoplay: bool = False
    presenter: bool = False
    group: str = ""
    report_frame: bool = False
    report_pixel: bool = False
    controls: bool = True

    def __post_init__(self) -> None:
        if self.turn_s <= 0:
            raise ValueError(f"turn_s must be positive, got {self.turn_s}")
        if self.start_frame < 0:
            raise ValueError(f"start_frame must not be negative, got {self.start_frame}")


def pack(scene: Scene, options: Options | None = None) -> bytes:
    """The scene as the browser reads it.

    uint32 little-endian header length, UTF-8 JSON header, raw uint8 pixels. Each panel of the header says where
    its pixels start. The header's `checksum` changes when anything shown changes.

    Args:
        scene: what is shown.
        options: how it is played.
    """
    options = options or Options()
    # A picture under many maps is one array, and is sent once.
    panels = (*scene.panels, *scene.heats)
    arrays = {id(each): each for panel in panels for each in (panel.values, panel.under) if each is not None}
    pixels = [np.ascontiguousarray(each) for each in arrays.values()]
    starts = np.cumsum([0] + [each.size for each in pixels]).tolist()
    offsets = dict(zip(arrays, starts, strict=False))
    picture = None if scene.picture is None else _panel(scene.picture, offsets)
    rows = [_row(row, [_panel(panel, offsets) for panel in row.panels]) for row in scene.rows]
    names = {each.label: list(each.class_names) for each in scene.bars}
    first_names = next(iter(names.values()), next((list(each.class_names) for each in scene.rings), []))
    header = {
        "title": scene.title,
        "caption": scene.caption,
        "angles_deg": _rounded(scene.angles_deg),
        "class_colors": [class_color(index) for index in range(_classes(scene))],
        "dark_colors": dark_colors(),
        "class_names": first_names,
        "palettes": {name: _table(name) for name in sorted({p.palette for p in panels if not p.is_rgb})},
        "picture": picture,
        "rings": [_ring(ring, names.get(ring.label, first_names)) for ring in scene.rings],
        "bars": [
            {
                "label": each.label,
                "color": each.color,
                "class_names": list(each.class_names),
                "probability": _rounded(each.probability),
            }
            for each in scene.bars
        ],
        "rows": rows,
        "charts": [_chart(chart, offsets) for chart in charts_of(scene)],
        "options": asdict(options) | {"start_frame": min(options.start_frame, scene.frames - 1)},
    }
    body = b"".join(each.tobytes() for each in pixels)
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode() + body)
    text = json.dumps(header | {"checksum": digest.hexdigest()[:16]}, separators=(",", ":")).encode()
    return struct.pack("<I", len(text)) + text + body


def charts_of(scene: Scene) -> tuple[Chart, ...]:
    """The scene's curves as charts, one for each quantity, and its charts."""
    quantities = dict.fromkeys(curve.quantity for curve in scene.curves)
    found = []
    for quantity in quantities:
        curves = [curve for curve in scene.curves if curve.quantity == quantity]
        low, high = limits(curves)
        tracks = tuple(
            Track(label=curve.label, color=curve.color, x=scene.angles_deg, y=curve.values,
                  dash=4.0 if curve.dashed else 0.0, follows=True,
                  low=None if curve.band is None else curve.band[:, 0],
                  high=None if curve.band is None else curve.band[:, 1])
            for curve in curves
        )  # fmt: skip
        start, end = angle_limits(scene.angles_deg)
        x = angle_axis("", start, end)
        found.append(Chart(title=quantity, x=x, y=Axis(low=low, high=high), tracks=tracks, cursor=scene.angles_deg))
    return (*found, *scene.charts)


def _chart(chart: Chart, offsets: dict[int, int]) -> dict[str, object]:
    return {
        "title": chart.title,
        "caption": chart.caption,
        "x": _axis(chart.x),
        "y": _axis(chart.y),
        "square": chart.square,
        "height": chart.height,
        "scale": chart.scale,
        "heat": None if chart.heat is None else _panel(chart.heat, offsets),
        "verticals": list(chart.verticals),
        "cursor": None if chart.cursor is None else _rounded(chart.cursor),
        "tracks": [_track(track) for track in chart.tracks],
    }


def _axis(axis: Axis) -> dict[str, object]:
    ticks = [[value, name] for value, name in axis.marked]
    return {"title": axis.title, "low": axis.low, "high": axis.high, "log": axis.log, "ticks": ticks, "mono": axis.mono}


def _track(track: Track) -> dict[str, object]:
    shape = {name: getattr(track, name) for name in ("label", "color", "line", "dots", "dash", "hollow", "follows")}
    points = {name: getattr(track, name) for name in ("x", "y", "low", "high")}
    digits = {name: None if each is None else _digits(each) for name, each in points.items()}
    return shape | digits | {"thickness": track.thickness, "names": list(track.names)}


def _classes(scene: Scene) -> int:
    """How many classes need a colour."""
    named = [len(each.class_names) for each in scene.bars]
    return max(len(CLASS_COLORS), *named, *(int(ring.classes.max()) + 1 for ring in scene.rings), 0)


def _digits(values: np.ndarray) -> list[float]:
    return [float(f"{value:.6g}") for value in values]


def _panel(panel: Panel, offsets: dict[int, int]) -> dict[str, object]:
    frames, height, width = panel.values.shape[:3]
    return {
        "title": panel.title,
        "offset": offsets[id(panel.values)],
        "under": None if panel.under is None else offsets[id(panel.under)],
        "under_channels": 3 if panel.under is not None and panel.under.ndim == 4 else 1,
        "frames": frames,
        "height": height,
        "width": width,
        "channels": 3 if panel.is_rgb else 1,
        "palette": panel.palette,
        "low": panel.low,
        "high": panel.high,
        "probe": panel.probe,
        "caption": panel.caption,
        "color": panel.color,
        "marker": None if panel.marker is None else _rounded(panel.marker),
        "outline": None if panel.outline is None else _rounded(panel.outline),
    }


def _row(row: Row, panels: list[dict[str, object]]) -> dict[str, object]:
    shape = {"aside": row.aside, "halves": row.halves, "columns": row.columns, "scale": row.scale}
    return {"label": row.label, "color": row.color, **shape, "panels": panels}


def _ring(ring: Ring, class_names: list[str]) -> dict[str, object]:
    return {
        "label": ring.label,
        "class_names": list(ring.class_names) or class_names,
        "short_names": two_letters(ring.class_names or class_names),
        "color": ring.color,
        "classes": ring.classes.tolist(),
        "probability": _rounded(ring.probability),
    }


def _table(name: str) -> str:
    return base64.b64encode(np.asarray(color_table(name), dtype=np.uint8).tobytes()).decode("ascii")


def _rounded(values: np.ndarray | Sequence[float]) -> list:
    return np.round(np.asarray(values, dtype=np.float64), 4).tolist()
