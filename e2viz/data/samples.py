"""The pictures that are always there, each of one data set: real test images, never trained on, or photographs that
may be shipped, with source and licence beside them.

``e2viz make samples DATA`` makes those of IDX files again from the folder DATA.
"""

import difflib
import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from e2viz import places
from e2viz.data.data_set import DataSet
from e2viz.data.idx import load_folder
from e2viz.data.local_samples import local_content, local_names
from e2viz.data.table import data_set, list_data
from e2viz.images.intake import bring
from e2viz.images.picture import Picture

FOLDER = places.SAMPLES
# Places in the test files, as (prefix of the names, places): each digit once, a second 6 and 9 because they turn into
# each other, and three clothes whose outline changes as they turn.
CHOSEN = {
    "digits": ("mnist", (10, 5, 1, 32, 4, 23, 21, 11, 0, 110, 12, 20)),
    "clothes": ("fashion", (36, 30, 2)),
}


def sample_names(data: str | None = None) -> tuple[str, ...]:
    """Names of the shipped samples in the order in which they are shown, such as "mnist-6" or "fashion-bag".

    Args:
        data: name of a data set, for those of it alone.
    """
    return tuple(name for name, entry in _index().items() if data in (None, entry["data"]))


def first_samples(data: str) -> tuple[str, ...]:
    """The shipped samples of a data set that are shown first; empty where none is shipped."""
    return data_set(data).first_samples or sample_names(data)[:1]


def compared_with(data: DataSet) -> tuple[str, ...]:
    """The two shipped samples of a data set that others are measured against, or as many as there are.

    Args:
        data: of the table, or what a model that somebody brought knows.
    """
    return data.compared_with or sample_names(data.name)[:2]


def confusable_sample(data: str) -> str:
    """The first shipped sample of a class that a turn makes another one, as a 6; "" where there is none."""
    pairs = data_set(data).confusable
    names = sample_names(data) if pairs else ()
    return next((name for name in names if _entry(name).get("class") == pairs[0][0]), "")


def offered_names(data: str | None = None) -> tuple[str, ...]:
    """The shipped samples, and where a data set has none those that lie in the data folder, one of each class.

    Args:
        data: name of a data set, for those of it alone.
    """
    names: tuple[str, ...] = ()
    for each in list_data() if data is None else (data,):
        names += sample_names(each) or local_names(data_set(each))
    return names


def data_of(name: str) -> str:
    """Name of the data set that a sample is of.

    Raises:
        LookupError: there is no such sample.
    """
    local = _local_set(name)
    return local.name if local is not None else _entry(name)["data"]


def _local_set(name: str) -> DataSet | None:
    """The data set of a sample in the data folder; None for any other name."""
    before = name.rpartition(".")[0]
    found = data_set(before) if before in list_data() else None
    return found if found is not None and name in local_names(found) else None


def sample(name: str) -> Picture:
    """Load one sample, at the resolution in which it is shipped, or lies in the data folder.

    Raises:
        LookupError: there is no such sample; the message names the nearest ones.
    """
    local = _local_set(name)
    if local is not None:
        content, named, place = local_content(local, name)
        picture = bring(content, name=name, label=local.index(named))
        return replace(picture, data=local.name, steps=(f"read: {place} of the data folder",))
    entry = _entry(name)
    found = data_set(entry["data"])
    label = None if entry.get("class") is None else found.index(entry["class"])
    step = (f"read: {entry['words']}",)
    if not found.grey:  # as an upload is: every model prepares it in its own way
        return replace(bring(FOLDER / entry["file"], name=name, label=label), data=found.name, steps=step)
    with Image.open(FOLDER / entry["file"]) as image:
        values = torch.from_numpy(np.asarray(image.convert("L"), dtype=np.float32) / 255)[None]
    return Picture(
        values=values, background=found.background[0], steps=step, label=label, data=found.name, name=name
    )  # fmt: skip


def _entry(name: str) -> dict:
    if name not in _index():
        near = difflib.get_close_matches(name, _index(), cutoff=0.3) or list(_index())[:3]
        raise LookupError(f'no sample "{name[:80]}"; the nearest are {", ".join(near)}')
    return _index()[name]


@lru_cache(maxsize=1)
def _index() -> dict[str, dict]:
    return json.loads((FOLDER / "samples.json").read_text(encoding="utf-8"))


def make(data_dir: str | Path, folder: Path = FOLDER) -> list[str]:
    """Write the samples of IDX files and their part of the index; entries of other data sets stay.

    Args:
        data_dir: folder that holds the folders mnist and fashion_mnist.
        folder: where they go.

    Returns:
        The samples' names.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "samples.json"
    index: dict[str, dict] = {}
    for name, (prefix, chosen) in CHOSEN.items():
        found = data_set(name)
        file = load_folder(Path(data_dir) / found.files[0], "test")
        for place in chosen:
            named = found.class_names[int(file.labels[place])]
            key = f"{prefix}-{named.lower().replace(' ', '-')}"
            key = f"{key}b" if key in index else key
            Image.fromarray(file.images[place].numpy()).save(folder / f"{key}.png", optimize=True)
            index[key] = {
                "file": f"{key}.png", "data": name, "index": place, "class": named,
                "words": f"image {place} of {prefix}'s test file",
            }  # fmt: skip
    former = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    index |= {key: entry for key, entry in former.items() if entry.get("data") not in CHOSEN}
    path.write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return list(index)
