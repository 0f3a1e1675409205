"""Which sweeps are shipped: every sample through every model that knows it; `e2viz make sweeps` makes them again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from e2viz.data.samples import data_of, sample, sample_names
from e2viz.measure import archive
from e2viz.measure.stored import ANGLES_DEG, FOLDER, SMALL_KINDS, load, path_of, save, stored_sweep
from e2viz.measure.sweep import beside, sweep
from e2viz.zoo import catalogue


def models_for(sample_name: str) -> list[str]:
    """The trained models that know the data set of a sample."""
    wanted = data_of(sample_name)
    shipped = catalogue.list_models(catalogue.WEIGHTS_FOLDER)
    return [name for name in shipped if catalogue.card(name).data_set.name == wanted]


def stale(folder: Path = FOLDER) -> list[str]:
    """What the store lacks or holds for other weights or another picture; empty when all is as it should be."""
    found = []
    for name in sample_names():
        wanted = {model: catalogue.card(model).weights_checksum for model in models_for(name)}
        picture = sample(name)
        if not wanted:
            continue
        try:
            held = load(path_of(picture, folder), probes=())
        except archive.DAMAGE:
            found.append(f"{name}: no usable file")
            continue
        if held.picture != picture.checksum:
            found.append(f"{name}: made from another picture")
        found += [
            f"{name}: {model} has other weights" for model in wanted if held.checksums.get(model) != wanted[model]
        ]
        found += [f"{name}: {model} does not belong here" for model in held.models if model not in wanted]
    return found + [f"{path.stem}: no such sample" for path in _unwanted(folder)]


def _unwanted(folder: Path) -> list[Path]:
    kept = {path_of(sample(name), folder) for name in sample_names() if models_for(name)}
    return [path for path in sorted(folder.glob("*.npz")) if path not in kept]


def remake(folder: Path = FOLDER, *, force: bool = False, tell: Callable[[str], None] = print) -> None:
    """Make the sweeps of all samples for all their models again; those that agree are kept unless forced."""
    for name in sample_names():
        picture, models = sample(name), [catalogue.load(model) for model in models_for(name)]
        if not models:
            continue
        parts = []
        for model in models:
            small = [probe for probe, kind in model.probe_kinds().items() if kind in SMALL_KINDS]
            kept = None if force else stored_sweep([model], picture, probes=small, folder=folder)
            parts.append(kept or sweep([model], picture, ANGLES_DEG, small))
        save(beside(parts), path_of(picture, folder))
        tell(f"{name}: {len(models)} models, {path_of(picture, folder).stat().st_size / 1024:.0f} kB")
    for path in _unwanted(folder):
        path.unlink()
        tell(f"{path.name}: removed, no sample and model need it")
