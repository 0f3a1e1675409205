"""The tables that `make tables` measured, for a page: there a table scrolls, which Markdown does not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from e2viz import places
from e2viz.data.tasks import TASKS
from e2viz.train.fine_tune import EPOCHS, TRAINING_VIEWS
from e2viz.train.measured_table import tables_in


@dataclass(frozen=True)
class ShownTable:
    """One setting: what was trained on, in words; what is measured; the cells by column; what else to know.

    ``data`` is the name of the data set.
    """

    setting: str
    data: str
    about: str
    columns: dict[str, list[str]]
    notes: str


def measured_tables(folder: Path = places.TABLES, first: str = "") -> list[ShownTable]:
    """Every table that is there.

    Args:
        folder: where they lie.
        first: name of the data set whose tables come first.
    """
    found = [
        ShownTable(
            table.setting.words, TASKS[table.setting.task].data, table.about, table.columns(),
            table.notes(epochs=EPOCHS, training_views=TRAINING_VIEWS),
        )
        for table in tables_in(folder).values()
    ]  # fmt: skip
    return sorted(found, key=lambda table: table.data != first)
