"""The tables that `make tables` measured, taken apart for a page: there a table scrolls, which Markdown does not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from e2viz import places

TABLES = places.TABLES


@dataclass(frozen=True)
class MeasuredTable:
    """One setting: what was trained on, in words; what is measured; the cells by column; what else to know."""

    setting: str
    about: str
    columns: dict[str, list[str]]
    notes: str


def measured_tables(folder: Path = TABLES) -> list[MeasuredTable]:
    """Every table that is there."""
    return [_taken_apart(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.md"))]


def _taken_apart(markdown: str) -> MeasuredTable:
    heading, *lines = markdown.splitlines()
    first, *others = [k for k, line in enumerate(lines) if line.startswith("|")]
    head, _, *rows = ([cell.strip() for cell in lines[k].strip("|").split("|")] for k in (first, *others))
    columns: dict[str, list[str]] = {}
    for name, before, cells in zip(head, ["", *head], zip(*rows, strict=True), strict=False):
        if any(cells):
            columns[f"{before}, published" if name == "published" else name] = list(cells)
    end = max((first, *others)) + 1
    return MeasuredTable(
        setting=heading.partition(", ")[2],
        about="\n".join(lines[:first]).strip(),
        columns=columns,
        notes="\n\n".join(filter(None, lines[end:])),
    )
