"""The tables that `make tables` measured, for a page: there a table scrolls, which Markdown does not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from e2viz import places
from e2viz.train.fine_tune import EPOCHS, TRAINING_VIEWS
from e2viz.train.measured_table import tables_in


@dataclass(frozen=True)
class ShownTable:
    """One setting: what was trained on, in words; what is measured; the cells by column; what else to know."""

    setting: str
    about: str
    columns: dict[str, list[str]]
    notes: str


def measured_tables(folder: Path = places.TABLES) -> list[ShownTable]:
    """Every table that is there."""
    return [
        ShownTable(
            table.setting.words, table.about, table.columns(),
            table.notes(epochs=EPOCHS, training_views=TRAINING_VIEWS),
        )
        for table in tables_in(folder).values()
    ]  # fmt: skip
