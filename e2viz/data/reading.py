"""From the files of a data set to its splits: the one place that knows which reader a data set asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from e2viz.data import pcam, pictures, protocol
from e2viz.data.data_set import DataSet
from e2viz.data.protocol import Splits
from e2viz.data.tasks import Task

# Reader -> (data set, variant, data folder) -> splits.
READERS: dict[str, Callable[[DataSet, str, Path], Splits]] = {
    "idx": protocol.load,
    "hdf5": pcam.load,
    "class_folders": pictures.load,
}


def read_splits(task: Task, folder: str | Path) -> Splits:
    """The splits of a task, from a data folder; nothing is ever downloaded.

    Args:
        task: which data set, and whether its training images are turned.
        folder: that holds the data set's files under the name they usually have, or is that folder itself.

    Raises:
        e2viz.data.idx.DataError: if files are missing or damaged.
        ValueError: if the data set has no files of its own.
    """
    found = task.data_set
    if found.reader not in READERS:
        raise ValueError(f"{found.title} has no reader for files, got {found.reader!r}")
    return READERS[found.reader](found, task.variant, Path(folder))


def located(found: DataSet, folder: Path) -> Path:
    """The data set's own folder or archive inside a data folder; the data folder itself where it holds none."""
    return next((folder / name for name in found.files if (folder / name).exists()), folder)
