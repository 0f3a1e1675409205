"""Entries of results on disk: found by their facts, or not at all."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from e2viz import places
from e2viz.images.picture import Picture
from e2viz.kept import archive

FOLDER = places.KEPT
FORMAT = 2
MORE = "more"
Facts = Mapping[str, Any]
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Entry:
    """One result.

    Args:
        facts: what it was made from, JSON.
        arrays: by name, which must not be ``MORE``.
        more: JSON that belongs to the arrays.
    """

    facts: Facts
    arrays: Arrays = field(repr=False)
    more: dict[str, Any] = field(default_factory=dict, repr=False)


class Kept:
    """An open file of entries; arrays are unpacked when they are asked for.

    Args:
        file: an open archive.

    Raises:
        ValueError: if its entries are of another format.
    """

    def __init__(self, file: archive.Archive) -> None:
        self._file = file
        if file.header.get("format") != FORMAT:
            raise ValueError(f"kept entries must have format {FORMAT}, got {file.header.get('format')!r}")
        self.facts: dict[str, dict[str, Any]] = file.header["entries"]

    def names(self, key: str) -> list[str]:
        """The arrays of an entry."""
        start = f"{key}/"
        own = (name for name in self._file.names if name.startswith(start) and name != start + MORE)
        return [name.removeprefix(start) for name in own]

    def array(self, key: str, name: str) -> np.ndarray:
        """One array of an entry.

        Raises:
            KeyError: if there is none.
        """
        return self._file[f"{key}/{name}"]

    def more(self, key: str) -> dict[str, Any]:
        """The JSON that belongs to the arrays of an entry."""
        return json.loads(str(self._file[f"{key}/{MORE}"]))

    def entry(self, key: str) -> Entry:
        """All of an entry."""
        return Entry(self.facts[key], {name: self.array(key, name) for name in self.names(key)}, self.more(key))


def path_of(page: str, name: str, folder: Path = FOLDER) -> Path:
    """Where a page keeps what it shows of one picture. A person's may have any name: a file system takes 255 bytes."""
    return folder / page / f"{''.join(c if c.isalnum() or c in '-_' else '_' for c in name[:40])}.npz"


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Kept]:
    """The entries of a file.

    Raises:
        OSError, ValueError, KeyError, zipfile.BadZipFile, ...: one of ``archive.DAMAGE``, for anything else.
    """
    with archive.opened(path) as file:
        yield Kept(file)


def find(page: str, picture: Picture, key: str, facts: Facts, folder: Path = FOLDER) -> Entry | None:
    """The entry that was made from exactly these facts and this picture; None otherwise."""
    path = path_of(page, picture.name, folder)
    if not path.is_file():
        return None
    with archive.damage_ignored(path), opened(path) as kept:
        if agrees(kept, key, facts, picture):
            return kept.entry(key)
    return None


def find_arrays(page: str, picture: Picture, key: str, facts: Facts, folder: Path = FOLDER) -> Arrays | None:
    """The arrays of the entry that was made from exactly these facts and this picture; None otherwise."""
    found = find(page, picture, key, facts, folder)
    return None if found is None else found.arrays


def agrees(kept: Kept, key: str, facts: Facts, picture: Picture) -> bool:
    """Whether an open file has an entry that was made from exactly these facts and this picture."""
    return kept.facts.get(key) == comparable(facts, picture)


def comparable(facts: Facts, picture: Picture) -> dict[str, Any]:
    """Facts as they are written and compared: JSON, with the picture among them."""
    return json.loads(json.dumps({**facts, "picture": picture.checksum}))


def save(page: str, picture: Picture, entries: Mapping[str, Entry], folder: Path = FOLDER) -> Path:
    """Write all entries of one picture; those that were there before are replaced.

    Raises:
        ValueError: for a key that is also the beginning of another, or an array called ``MORE``.
    """
    arrays: Arrays = {}
    for key, entry in entries.items():
        if "/" in key or MORE in entry.arrays:
            raise ValueError(f"a key must not contain a slash and no array be called {MORE!r}, got {key!r}")
        arrays |= {f"{key}/{name}": values for name, values in entry.arrays.items()}
        arrays[f"{key}/{MORE}"] = np.array(json.dumps(entry.more))
    facts = {key: comparable(entry.facts, picture) for key, entry in entries.items()}
    path = path_of(page, picture.name, folder)
    archive.save(path, {"format": FORMAT, "entries": facts}, arrays)
    return path


def listed(page: str, folder: Path = FOLDER) -> Iterator[tuple[Path, str, dict[str, Any]]]:
    """File, key and facts of everything that a page keeps."""
    for path in sorted((folder / page).glob("*.npz")):
        facts: dict[str, Any] = {}
        with archive.damage_ignored(path), opened(path) as kept:
            facts = kept.facts
        for key, made_from in facts.items():
            yield path, key, made_from
