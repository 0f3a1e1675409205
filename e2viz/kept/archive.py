"""Arrays with a JSON header in one .npz: how every result that is shipped or kept lies on disk.

A file appears whole or not at all, also where two processes write it at once or the disk is full; a damaged one counts
as none, so that what it held is computed again.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from e2viz import whole

HEADER = "header"
DAMAGE = whole.DAMAGE


class Archive:
    """An open file: its header, and arrays that are unpacked when they are asked for.

    Args:
        file: what numpy opened.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self.header: dict[str, Any] = json.loads(str(file[HEADER]))
        if not isinstance(self.header, dict):
            raise ValueError(f"a header must be an object, got {type(self.header).__name__}")
        self.names = tuple(name for name in file.files if name != HEADER)

    def __getitem__(self, name: str) -> np.ndarray:
        return self._file[name]


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """An archive to read from, closed at the end.

    Raises:
        OSError, ValueError, KeyError, zipfile.BadZipFile, ...: one of ``DAMAGE``, for anything but a whole archive.
    """
    with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ValueError(f"an archive must be an .npz, got {type(file).__name__}")
        yield Archive(file)


@contextlib.contextmanager
def damage_ignored(path: Path) -> Iterator[None]:
    """Within the context, a damaged file ends the block quietly; the log says which, and that it is not used."""
    try:
        yield
    except DAMAGE as error:
        logging.getLogger(__name__).warning("%s is not used: %s: %s", path, type(error).__name__, error)


def save(path: Path, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write an archive; the file that was there before stays until this one is whole.

    Raises:
        OSError: a full disk, or a folder that cannot be written; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {HEADER: np.array(json.dumps(header)), **arrays}
    whole.write(path, lambda file: np.savez_compressed(file, allow_pickle=False, **content))
