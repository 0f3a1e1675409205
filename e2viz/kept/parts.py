"""What each model adds to a page, as an entry: a part belongs to one picture, one model and one choice of settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from e2viz.images.picture import Picture
from e2viz.kept.entries import FOLDER, Entry, Facts, find
from e2viz.measure.subject import subject
from e2viz.render.scene import Panel, Row

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


def facts_of(checksum: str, angles_deg: Any, method: str, settings: Mapping[str, Any]) -> Facts:
    """What a part depends on, beside the picture."""
    angles = [round(float(angle), 4) for angle in angles_deg]
    return {"weights": checksum, "angles_deg": angles, "method": method, "settings": dict(settings)}


def to_entry(part: Part, facts: Facts) -> Entry:
    """A part as an entry of uint8 panels."""
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
    return Entry(facts, arrays, {"rows": rows, "facts": part.facts, "under": part.under})


def from_entry(entry: Entry) -> Part:
    """The part again."""
    values = iter([entry.arrays[name] for name in sorted(entry.arrays, key=_number)])
    rows = tuple(
        Row(
            row["label"],
            tuple(_panel(panel, next(values)) for panel in row["panels"]),
            halves=row["halves"],
            columns=row["columns"],
        )
        for row in entry.more["rows"]
    )
    return Part(rows, entry.more["facts"], entry.more["under"])


def _number(name: str) -> int:
    return int(name.rpartition("/")[2])


def _panel(held: dict[str, Any], values: np.ndarray) -> Panel:
    tracks: dict[str, Any] = {name: np.array(held[name]) for name in ("marker", "outline") if name in held}
    return Panel(values=values, **{name: held[name] for name in _TEXTS}, **tracks)


def kept_part(
    page: str, model: Any, picture: Picture, angles_deg: Any, method: str, settings: Mapping[str, Any],
    folder: Path = FOLDER,
) -> Part | None:  # fmt: skip
    """The shipped part that answers exactly this, or None."""
    seen = subject(model)
    found = find(page, picture, seen.name, facts_of(seen.checksum, angles_deg, method, settings), folder)
    return from_entry(found) if found else None
