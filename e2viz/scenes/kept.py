"""What each model adds to a page, and the few such parts that are shipped, so that a page is full when it opens.

A kept part belongs to one picture, one model's weights and one choice of settings; what does not agree is not used.
`python -m e2viz.scenes.kept` makes them again, `--prune` only removes those that other weights made.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from e2viz.images.picture import Picture
from e2viz.measure.subject import subject
from e2viz.render.scene import Panel, Row

FORMAT = 1
FOLDER = Path(__file__).resolve().parents[2] / "assets" / "panels"
ANGLES_DEG = np.arange(72) * 5.0
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
            fits = self.under and under is not None and under.shape == panel.values.shape
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
    rows, arrays = [], {}
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
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    with partial.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, header=np.array(json.dumps(header)), **arrays)
    os.replace(partial, path)


def load(path: Path, key: str) -> Part | None:
    """The part of this key, or None: nothing stale is ever returned."""
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as file:
        header = json.loads(str(file["header"]))
        if header["format"] != FORMAT or header["key"] != key:
            return None
        values = iter([file[name] for name in sorted((n for n in file.files if n != "header"), key=_number)])
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


def _number(name: str) -> int:
    return int(name.rpartition("/")[2])


def _panel(held: dict[str, Any], values: np.ndarray) -> Panel:
    tracks = {name: np.array(held[name]) for name in ("marker", "outline") if name in held}
    return Panel(values=values, **{name: held[name] for name in _TEXTS}, **tracks)


def kept_part(
    page: str, model: Any, picture: Picture, angles_deg: Any, method: str, settings: Mapping[str, Any]
) -> Part | None:
    """The shipped part that answers exactly this, or None."""
    if "/" in picture.name or not FOLDER.is_dir():
        return None
    path = path_of(page, subject(model).name, picture.name)
    return load(path, key_of(page, model, picture, angles_deg, method, settings)) if path.is_file() else None


def stale(folder: Path = FOLDER) -> list[str]:
    """Kept parts that were made by other weights than the catalogue's, or for no sample there is."""
    from e2viz.images.samples import sample_names
    from e2viz.zoo import catalogue

    wanted = {name: catalogue.card(name).weights_checksum for name in catalogue.list_models()}
    found = []
    for path in sorted(folder.glob("*/*.npz")):
        picture, _, model = path.stem.partition(".")
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(str(file["header"]))
        if header["format"] != FORMAT or picture not in sample_names() or wanted.get(model) != header["weights"]:
            found.append(str(path.relative_to(folder)))
    return found


def remake(
    folder: Path = FOLDER, pages: Sequence[str] = ("attention", "latents"), tell: Callable[[str], None] = print
) -> None:
    """Make what is missing or stale; what agrees is kept."""
    import e2viz
    from e2viz.images.samples import sample
    from e2viz.measure.stored import models_for
    from e2viz.scenes import attention, latents

    prune(folder, tell)
    makers = {"attention": attention, "latents": latents}
    for page in pages:
        scene = makers[page]
        for name in scene.KEPT_SAMPLES:
            for model_name in models_for(name):
                model, picture, settings = e2viz.load(model_name), sample(name), scene.Settings().changed()
                path, key = (
                    path_of(page, model_name, name, folder),
                    key_of(page, model, picture, ANGLES_DEG, "fair", settings),
                )
                if load(path, key) is None:
                    part = scene.part(model, picture, ANGLES_DEG)
                    save(part, path, key, model.checksum)
                    tell(f"{path.relative_to(folder)}: {path.stat().st_size / 1024:.0f} kB")


def prune(folder: Path = FOLDER, tell: Callable[[str], None] = print) -> None:
    """Remove what is stale."""
    for name in stale(folder):
        (folder / name).unlink()
        tell(f"{name}: removed, it belongs to other weights")


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: make the kept parts, remove stale ones, or say whether any is stale."""
    parser = argparse.ArgumentParser(prog="python -m e2viz.scenes.kept", description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if anything is stale")
    parser.add_argument("--prune", action="store_true", help="only remove what is stale")
    parser.add_argument("--page", action="append", help="only this page")
    options = parser.parse_args(arguments)
    if options.check:
        wrong = stale()
        print("\n".join(wrong) or "all kept parts agree with their weights")
        return 1 if wrong else 0
    if options.prune:
        prune()
        return 0
    remake(pages=options.page or ("attention", "latents"))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
