"""The data sets there are: one readable table, and those that people described themselves."""

from __future__ import annotations

import difflib
import functools
import json
from pathlib import Path

from e2viz import places
from e2viz.data.data_set import DataSet

SUFFIX = ".data.json"

_BUILT_IN = (
    DataSet(
        name="digits", title="Digits (MNIST)", class_names=tuple("0123456789"), channels=1, size=28,
        mean=(0.1307,), std=(0.3081,), background=(0.0,), confusable=(("6", "9"),),
        preparation="digit", reader="idx", files=("mnist",), noun="digit", plural="digits", test_split="t10k",
        source="LeCun, Bottou, Bengio & Haffner 1998, MNIST", licence="CC BY-SA 3.0",
        default_models=("ge_vit_p4.rotmnist", "vit.mnist"),
        first_samples=("mnist-8", "mnist-6", "mnist-9", "mnist-4"), compared_with=("mnist-3", "mnist-8"),
    ),
    DataSet(
        name="clothes", title="Clothes (Fashion-MNIST)",
        class_names=("T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag",
                     "ankle boot"),
        channels=1, size=28, mean=(0.2860,), std=(0.3530,), background=(0.0,),
        preparation="digit", reader="idx", files=("fashion_mnist",), noun="garment", plural="clothes",
        test_split="t10k", source="Xiao, Rasul & Vollgraf 2017, Fashion-MNIST", licence="MIT",
        default_models=("ge_vit_p4.fashion", "vit.fashion"),
    ),
    DataSet(
        name="photos", title="Photographs (CIFAR-10)",
        class_names=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        channels=3, size=32, mean=(0.4913, 0.4824, 0.4468), std=(0.2452, 0.2429, 0.2608),
        background=(0.4913, 0.4824, 0.4468), files=("cifar10", "cifar10.tar.xz", "cifar10.zip"),
        noun="photograph", plural="photographs", test_split="CIFAR-10, JPEG coded, 9,000 test images",
        source="Krizhevsky 2009, CIFAR-10, JPEG coded", licence="not stated by its authors",
        default_models=("hybrid_p4.photos", "vit.photos"),
    ),
    DataSet(
        name="blood", title="Blood cells",
        class_names=("basophil", "eosinophil", "erythroblast", "immature granulocyte", "lymphocyte", "monocyte",
                     "neutrophil", "platelet"),
        channels=3, size=64, mean=(0.8281, 0.6970, 0.7066), std=(0.2027, 0.2299, 0.1019),
        background=(0.8281, 0.6970, 0.7066), files=("blood_cells", "blood_cells.zip", "blood_cells.tar.xz"),
        noun="cell", plural="cells", test_split="2,931 test pictures; patients may be shared between splits",
        source="normal peripheral blood cells, Acevedo, Merino, Alférez, Molina, Boldú & Rodellar 2020, Data in Brief",
        licence="CC BY 4.0",
        default_models=("gcnn_p4m.rotblood", "vit.blood"),
    ),
    DataSet(
        name="tissue", title="Lymph node tissue (PCam)", class_names=("normal tissue", "tumour"), channels=3, size=96,
        mean=(0.65, 0.65, 0.65), std=(0.25, 0.25, 0.25), background=(0.65, 0.65, 0.65), reader="hdf5",
        files=("pcam",), noun="tissue patch", plural="tissue patches", test_split="32,768 test patches",
        source="Veeling et al. 2018, PatchCamelyon", licence="CC0",
    ),
)  # fmt: skip
DATA_SETS: dict[str, DataSet] = {each.name: each for each in _BUILT_IN}
DEFAULT = _BUILT_IN[0].name  # what a page opens with where nothing says what the picture is of


def list_data(folder: Path | None = None) -> list[str]:
    """Names of the data sets: those of the table, then those described in the personal folder.

    Args:
        folder: where descriptions, <name>.data.json, lie; the personal one when not given.
    """
    return [*DATA_SETS, *(name for name in sorted(_described(folder)) if name not in DATA_SETS)]


def data_set(name: str, folder: Path | None = None) -> DataSet:
    """The data set of that name.

    Raises:
        LookupError: if there is none, with the nearest names.
        ValueError: if its description is damaged.
    """
    if name in DATA_SETS:
        return DATA_SETS[name]
    described = _described(folder)
    if name not in described:
        names = list_data(folder)
        near = difflib.get_close_matches(name, names, cutoff=0.4) or names
        raise LookupError(f"no data set is called {name[:80]!r}; there are {', '.join(near)}")
    path = described[name]
    return _read(path, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _read(path: Path, changed: int) -> DataSet:
    """A description, read again when its file changes."""
    try:
        return DataSet.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"the description {path.name} cannot be read: {error}") from error


def _described(folder: Path | None) -> dict[str, Path]:
    folder = folder or places.own_data()
    return {path.name.removesuffix(SUFFIX): path for path in folder.glob(f"*{SUFFIX}")} if folder.is_dir() else {}


def write(described: DataSet, folder: Path | None = None) -> Path:
    """Write a person's own description, so that cards can name it.

    Raises:
        ValueError: if the name is one of the table's.
    """
    if described.name in DATA_SETS:
        raise ValueError(f"{described.name!r} is a data set of e2viz; choose another name")
    folder = folder or places.own_data()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{described.name}{SUFFIX}"
    path.write_text(json.dumps(described.to_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
