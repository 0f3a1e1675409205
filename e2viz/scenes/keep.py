"""Make the parts of attention and feature maps that are shipped: `e2viz make panels`.

`--check` says what other weights made, `--prune` only removes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import e2viz
from e2viz.data.samples import first_samples, sample, sample_names
from e2viz.data.table import DATA_SETS
from e2viz.measure import archive
from e2viz.scenes import attention, latents
from e2viz.scenes.kept import FOLDER, FORMAT, key_of, load, path_of, save
from e2viz.scenes.sweeps import models_for
from e2viz.zoo import catalogue

PAGES: dict[str, ModuleType] = {"attention": attention, "latents": latents}
ANGLES_DEG = np.arange(72) * 5.0


def stale(folder: Path = FOLDER) -> list[str]:
    """Kept parts that were made by other weights than the catalogue's, or for no sample there is."""
    wanted = {name: catalogue.card(name).weights_checksum for name in catalogue.list_models(catalogue.WEIGHTS_FOLDER)}
    found = []
    for path in sorted(folder.glob("*/*.npz")):
        picture, _, model = path.stem.partition(".")
        header: dict[str, Any] = {}
        with archive.damage_ignored(path), archive.opened(path) as file:
            header = file.header
        agrees = header.get("format") == FORMAT and wanted.get(model, "") == header.get("weights")
        if not agrees or picture not in sample_names():
            found.append(str(path.relative_to(folder)))
    return found


def remake(folder: Path = FOLDER, pages: Sequence[str] = tuple(PAGES), tell: Callable[[str], None] = print) -> None:
    """Make what is missing or stale; what agrees is kept."""
    prune(folder, tell)
    for page in pages:
        scene = PAGES[page]
        for name in chain.from_iterable(first_samples(data)[: scene.KEPT_SAMPLES] for data in DATA_SETS):
            for model_name in models_for(name):
                model, picture, settings = e2viz.load(model_name), sample(name), scene.Settings().changed()
                path = path_of(page, model_name, name, folder)
                key = key_of(page, model, picture, ANGLES_DEG, "fair", settings)
                if load(path, key) is None:
                    part = scene.part(model, picture, ANGLES_DEG)
                    if not part.rows:  # a model without attention has nothing to show
                        continue
                    save(part, path, key, model.checksum)
                    tell(f"{path.relative_to(folder)}: {path.stat().st_size / 1024:.0f} kB")


def prune(folder: Path = FOLDER, tell: Callable[[str], None] = print) -> None:
    """Remove what is stale."""
    for name in stale(folder):
        (folder / name).unlink()
        tell(f"{name}: removed, it belongs to other weights")
