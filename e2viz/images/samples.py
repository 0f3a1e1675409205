"""The pictures that are always there: real test images of MNIST and Fashion-MNIST, never trained on.

`python -m e2viz.images.samples DATA` makes assets/samples again from the IDX files in the folder DATA.
"""

import difflib
import json
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from e2viz import places
from e2viz.images.idx import load_folder
from e2viz.images.picture import Picture
from e2viz.images.protocol import DATASETS

FOLDER = places.SAMPLES
DIGITS = tuple("0123456789")
CLASS_NAMES = {
    "mnist": DIGITS,
    "fashion": (
        "t-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"
    ),
}  # fmt: skip
# Places in the t10k files: each digit once, a second 6 and 9 because they turn into each other, and three
# clothes whose outline changes as they turn.
CHOSEN = {"mnist": (10, 5, 1, 32, 4, 23, 21, 11, 0, 110, 12, 20), "fashion": (36, 30, 2)}


def sample_names(dataset: str | None = None) -> tuple[str, ...]:
    """Names of the samples in the order in which they are shown, such as "mnist-6" or "fashion-bag".

    Args:
        dataset: "mnist" or "fashion" for those alone.
    """
    return tuple(name for name, entry in _index().items() if dataset in (None, entry["dataset"]))


def sample(name: str) -> Picture:
    """Load one sample, 28×28 as it lies in the test file.

    Raises:
        LookupError: there is no such sample; the message names the nearest ones.
    """
    if name not in _index():
        near = difflib.get_close_matches(name, _index(), cutoff=0.3) or list(_index())[:3]
        raise LookupError(f'no sample "{name}"; the nearest are {", ".join(near)}')
    entry = _index()[name]
    with Image.open(FOLDER / entry["file"]) as image:
        values = torch.from_numpy(np.asarray(image.convert("L"), dtype=np.float32) / 255)[None]
    step = f"read: image {entry['index']} of {entry['dataset']}'s test file"
    return Picture(values=values, background=0.0, steps=(step,), label=entry["label"], name=name)


@lru_cache(maxsize=1)
def _index() -> dict[str, dict]:
    return json.loads((FOLDER / "samples.json").read_text())


def make(data_dir: str | Path, folder: Path = FOLDER) -> list[str]:
    """Write the samples and their index from IDX files.

    Args:
        data_dir: folder that holds the folders mnist and fashion_mnist.
        folder: where they go.

    Returns:
        The samples' names.
    """
    folder.mkdir(parents=True, exist_ok=True)
    index: dict[str, dict] = {}
    for dataset, chosen in CHOSEN.items():
        file = load_folder(Path(data_dir) / DATASETS[dataset], "test")
        for place in chosen:
            label = int(file.labels[place])
            name = f"{dataset}-{CLASS_NAMES[dataset][label].replace(' ', '-')}"
            name = f"{name}b" if name in index else name
            Image.fromarray(file.images[place].numpy()).save(folder / f"{name}.png", optimize=True)
            index[name] = {"file": f"{name}.png", "dataset": dataset, "index": place, "label": label}
    (folder / "samples.json").write_text(json.dumps(index, indent=1) + "\n")
    return list(index)


if __name__ == "__main__":
    print("\n".join(make(sys.argv[1])))
