"""A scene as the browser reads it: a small header and raw pixels, played there without a server."""

import base64
import hashlib
import json
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from e2viz.render.palette import CLASS_COLORS, MODEL_COLORS, color_table
from e2viz.render.scene import Panel, Ring, Row, Scene

# A row with this label is shown small, beside the picture.
ASIDE_LABEL = "what the model sees"


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
    """

    start_frame: int = 0
    turn_s: float = 8.0
    autoplay: bool = False
    presenter: bool = False
    group: str = ""
    report_frame: bool = False
    report_pixel: bool = False

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
    arrays = {id(each): each for panel in scene.panels for each in (panel.values, panel.under) if each is not None}
    pixels = [np.ascontiguousarray(each) for each in arrays.values()]
    starts = np.cumsum([0] + [each.size for each in pixels]).tolist()
    offsets = dict(zip(arrays, starts, strict=False))
    picture = None if scene.picture is None else _panel(scene.picture, offsets)
    rows = [_row(row, [_panel(panel, offsets) for panel in row.panels]) for row in scene.rows]
    names = {each.label: list(each.class_names) for each in scene.bars}
    first_names = next(iter(names.values()), [])
    header = {
        "title": scene.title,
        "caption": scene.caption,
        "angles_deg": _rounded(scene.angles_deg),
        "class_colors": list(CLASS_COLORS),
        "dark_colors": dict(MODEL_COLORS.values()),
        "class_names": first_names,
        "palettes": {name: _table(name) for name in sorted({p.palette for p in scene.panels if not p.is_rgb})},
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
        "options": asdict(options) | {"start_frame": min(options.start_frame, scene.frames - 1)},
    }
    body = b"".join(each.tobytes() for each in pixels)
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode() + body)
    text = json.dumps(header | {"checksum": digest.hexdigest()[:16]}, separators=(",", ":")).encode()
    return struct.pack("<I", len(text)) + text + body


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
    aside = row.label.strip().lower() == ASIDE_LABEL
    shape = {"aside": aside, "halves": row.halves, "columns": row.columns}
    return {"label": row.label, "color": row.color, **shape, "panels": panels}


def _ring(ring: Ring, class_names: list[str]) -> dict[str, object]:
    return {
        "label": ring.label,
        "class_names": class_names,
        "color": ring.color,
        "classes": ring.classes.tolist(),
        "probability": _rounded(ring.probability),
    }


def _table(name: str) -> str:
    return base64.b64encode(np.asarray(color_table(name), dtype=np.uint8).tobytes()).decode("ascii")


def _rounded(values: np.ndarray | Sequence[float]) -> list:
    return np.round(np.asarray(values, dtype=np.float64), 4).tolist()
