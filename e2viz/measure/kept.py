"""Small results that are shipped, so that a page is filled at once; nothing stale is ever given out.

One file a page and sample holds one entry a key (a model's name, as a rule). Each entry carries its facts: the
checksums of picture and weights and every setting that the result depends on. Facts that differ are not used.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from e2viz import places
from e2viz.images.picture import Picture

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
    with np.load(path, allow_pickle=False) as file:
        held = json.loads(str(file["header"])).get(key)
        if held != _comparable(facts, picture):
            return None
        start = f"{key}/"
        return {name.removeprefix(start): file[name] for name in file.files if name.startswith(start)}


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
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    with partial.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, header=np.array(json.dumps(header)), **arrays)
    os.replace(partial, path)
    return path


def entries(page: str, folder: Path = FOLDER) -> Iterator[tuple[Path, str, dict[str, Any]]]:
    """File, key and facts of everything that a page keeps."""
    for path in sorted((folder / page).glob("*.npz")):
        with np.load(path, allow_pickle=False) as file:
            for key, facts in json.loads(str(file["header"])).items():
                yield path, key, facts


def _comparable(facts: Facts, picture: Picture) -> dict[str, Any]:
    return json.loads(json.dumps({**facts, "format": FORMAT, "picture": picture.checksum}))
