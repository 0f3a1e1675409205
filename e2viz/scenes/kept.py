"""What each model adds to a page, and the few such parts that are shipped, so that a page is full when it opens.

A kept part belongs to one picture, one model's weights and one choice of settings; what does not agree is not used.
`e2viz make panels` makes them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from e2viz import places
from e2viz.images.picture import Picture
from e2viz.limits import LONGEST_NAME
from e2viz.measure import archive
from e2viz.measure.subject import subject
from e2viz.render.scene import Panel, Row

FORMAT = 1
FOLDER = places.PANELS
_TEXTS = ("title", "palette", "low", "high", "probe", "caption")


@dataclass(frozen=True, eq=False)
class Part:
    """What one model adds to a scene.

    Args:
        rows: its panels; the page gives them their colour and the picture under them.
        facts: JSON numbers that the page's sentence and the CSV need.
        under: whether the picture shows through the panels.
    """

    rows: tuple[Row, ...] = field(repr=False)
    facts: dict[str, Any] = field(default_factory=dict)
    under: bool = False

    def colored(self, label: str, color: str, under: np.ndarray | None = None) -> tuple[Row, ...]:
        """The rows with the model's name and colour, over the picture where they want it."""

        def over(panel: Panel) -> Panel:
            fits = self.under and under is not None and under.shape[:3] == panel.values.shape
            return replace(panel, under=under) if fits else panel

        return tuple(
            replace(row, label=f"{label} · {row.label}", color=color, panels=tuple(map(over, row.panels)))
            for row in self.rows
        )


def key_of(page: str, model: Any, picture: Picture, angles_deg: Any, method: str, settings: Mapping[str, Any]) -> str:
    """16 hexadecimal digits that change with anything that the part depends on."""
    angles = [round(float(angle), 4) for angle in angles_deg]
    facts = [FORMAT, page, subject(model).checksum, picture.checksum, angles, method, dict(settings)]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def path_of(page: str, model: str, picture: str, folder: Path = FOLDER) -> Path:
    """Where a part is kept."""
    return folder / page / f"{picture}.{model}.npz"


def save(part: Part, path: Path, key: str, checksum: str) -> None:
    """Write a part as a compressed .npz of uint8 panels."""
    rows: list[dict[str, Any]] = []
    arrays: dict[str, np.ndarray] = {}
    for row in part.rows:
        panels = []
        for panel in row.panels:
            arrays[f"panel/{len(arrays)}"] = panel.values
            tracks = {name: getattr(panel, name) for name in ("marker", "outline")}
            panels.append(
                {name: getattr(panel, name) for name in _TEXTS}
                | {name: np.round(track, 3).tolist() for name, track in tracks.items() if track is not None}
            )
        rows.append({"label": row.label, "halves": row.halves, "columns": row.columns, "panels": panels})
    header = {"format": FORMAT, "key": key, "weights": checksum, "rows": rows, "facts": part.facts, "under": part.under}
    archive.save(path, header, arrays)


def load(path: Path, key: str) -> Part | None:
    """The part of this key, or None: nothing stale is ever returned."""
    if not path.is_file():
        return None
    with archive.damage_ignored(path), archive.opened(path) as file:
        header = file.header
        if header["format"] != FORMAT or header["key"] != key:
            return None
        values = iter([file[name] for name in sorted(file.names, key=_number)])
        rows = tuple(
            Row(
                row["label"],
                tuple(_panel(panel, next(values)) for panel in row["panels"]),
                halves=row["halves"],
                columns=row["columns"],
            )
            for row in header["rows"]
        )
        return Part(rows, header["facts"], header["under"])
    return None


def _number(name: str) -> int:
    return int(name.rpartition("/")[2])


def _panel(held: dict[str, Any], values: np.ndarray) -> Panel:
    tracks: dict[str, Any] = {name: np.array(held[name]) for name in ("marker", "outline") if name in held}
    return Panel(values=values, **{name: held[name] for name in _TEXTS}, **tracks)


def kept_part(
    page: str, model: Any, picture: Picture, angles_deg: Any, method: str, settings: Mapping[str, Any]
) -> Part | None:
    """The shipped part that answers exactly this, or None."""
    if "/" in picture.name or len(picture.name) > LONGEST_NAME or not FOLDER.is_dir():
        return None
    path = path_of(page, subject(model).name, picture.name)
    return load(path, key_of(page, model, picture, angles_deg, method, settings)) if path.is_file() else None
