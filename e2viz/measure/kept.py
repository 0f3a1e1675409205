"""Small results that are shipped, so that a page is filled at once; nothing stale is ever given out.

One file a page and sample holds one entry a key (a model's name, as a rule). Each entry carries its facts: the
checksums of picture and weights and every setting that the result depends on. Facts that differ are not used.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from e2viz import places
from e2viz.images.picture import Picture
from e2viz.measure import archive

FOLDER = places.RESULTS
FORMAT = 1
Facts = Mapping[str, Any]
Arrays = dict[str, np.ndarray]


def path_of(page: str, name: str, folder: Path = FOLDER) -> Path:
    """Where a page keeps its results for one sample."""
    return folder / page / f"{''.join(c if c.isalnum() or c in '-_' else '_' for c in name)}.npz"


def find(page: str, picture: Picture, key: str, facts: Facts, folder: Path = FOLDER) -> Arrays | None:
    """The kept arrays, if they were made from exactly these facts and this picture; None otherwise."""
    path = path_of(page, picture.name, folder)
    if not path.is_file():
        return None
    with archive.damage_ignored(path), archive.opened(path) as file:
        if file.header.get(key) != _comparable(facts, picture):
            return None
        start = f"{key}/"
        return {name.removeprefix(start): file[name] for name in file.names if name.startswith(start)}
    return None


def save(page: str, picture: Picture, entries: Mapping[str, tuple[Facts, Arrays]], folder: Path = FOLDER) -> Path:
    """Write all entries of one sample; those that were there before are replaced.

    Raises:
        ValueError: for a key that is also the beginning of another.
    """
    header: dict[str, Any] = {}
    arrays: dict[str, np.ndarray] = {}
    for key, (facts, held) in entries.items():
        if "/" in key:
            raise ValueError(f"a key must not contain a slash, got {key!r}")
        header[key] = _comparable(facts, picture)
        arrays |= {f"{key}/{name}": values for name, values in held.items()}
    path = path_of(page, picture.name, folder)
    archive.save(path, header, arrays)
    return path


def entries(page: str, folder: Path = FOLDER) -> Iterator[tuple[Path, str, dict[str, Any]]]:
    """File, key and facts of everything that a page keeps."""
    for path in sorted((folder / page).glob("*.npz")):
        header: dict[str, Any] = {}
        with archive.damage_ignored(path), archive.opened(path) as file:
            header = file.header
        for key, facts in header.items():
            yield path, key, facts


def _comparable(facts: Facts, picture: Picture) -> dict[str, Any]:
    return json.loads(json.dumps({**facts, "format": FORMAT, "picture": picture.checksum}))
