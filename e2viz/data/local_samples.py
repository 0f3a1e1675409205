"""Samples of data sets whose pictures may not be shipped: what lies in the data folder that the app was given.

One picture of each class, the first of the test part. They are read, never copied; without a data folder there are
none.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from e2viz import places
from e2viz.data.class_folders import folder_name, members
from e2viz.data.data_set import DataSet
from e2viz.data.idx import DataError

MOST = 12  # classes that are shown
LOOKED_AT = 20_000  # files, before giving up on classes that have no test picture


def local_names(found: DataSet) -> tuple[str, ...]:
    """Names such as "blood.neutrophil", in the order of the classes; none without a data folder that holds them."""
    return tuple(_contents(found))


def local_content(found: DataSet, name: str) -> tuple[bytes, str, str]:
    """The file of one of ``local_names``: its bytes, its class, and where it lies within the set.

    Raises:
        LookupError: if there is no such sample.
    """
    held = _contents(found)
    if name not in held:
        raise LookupError(f"the data folder holds no sample {name[:80]!r} of {found.plural}")
    return held[name]


def _contents(found: DataSet) -> dict[str, tuple[bytes, str, str]]:
    folder = places.data_folder()
    if folder is None or found.reader != "class_folders":
        return {}
    source = next((folder / name for name in found.files if (folder / name).exists()), None)
    return {} if source is None else _first_of_each(source, source.stat().st_mtime_ns, found)


@lru_cache(maxsize=8)
def _first_of_each(source: Path, changed: int, found: DataSet) -> dict[str, tuple[bytes, str, str]]:
    wanted = {folder_name(name): name for name in found.class_names[:MOST]}
    first: dict[str, tuple[bytes, str, str]] = {}
    try:
        for count, member in enumerate(members(source)):
            named = wanted.get(folder_name(member.class_name))
            if named is not None and member.part in ("test", "") and named not in first:
                first[named] = (member.content, named, member.name)
            if len(first) == len(wanted) or count > LOOKED_AT:
                break
    except (DataError, OSError):
        return {}
    there = [name for name in found.class_names if name in first]
    return {f"{found.name}.{folder_name(name).replace(' ', '-')}": first[name] for name in there}
