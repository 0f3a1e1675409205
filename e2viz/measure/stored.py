"""Sweeps that are shipped, so that the first screen is filled before the first click.

One file holds all models for one sample. Each model's part is tied to its weights and the file to the picture:
what does not agree is not used. ``e2viz make sweeps`` makes them again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from e2viz import places
from e2viz.images.picture import Picture
from e2viz.measure import archive
from e2viz.measure.subject import subject
from e2viz.measure.sweep import FORMAT, Sweep
from e2viz.measure.turning import Angles

FOLDER = places.SWEEPS
ANGLES_DEG = np.arange(72) * 5.0
# Records of these kinds are a few numbers a frame and are stored too: orbits and the compass need them.
SMALL_KINDS = ("vector", "group_vector")
FLOAT16_LIMIT = 6e4


def save(swept: Sweep, path: Path) -> None:
    """Write a sweep as a compressed .npz.

    Logits and angles keep their precision. Images become 8-bit, as they are shown; records become float16, half a
    per mille, less than one step of a palette, unless they are too large for it.
    """
    header = {
        "format": FORMAT,
        "picture": swept.picture,
        "method": swept.method,
        "query": swept.query,
        "models": list(swept.models),
        "checksums": swept.checksums,
        "kinds": swept.kinds,
    }
    arrays = {"angles_deg": swept.angles_deg}
    arrays["images"] = np.rint(swept.images * 255).astype(np.uint8)
    for model in swept.models:
        arrays[f"logits/{model}"] = swept.logits[model].astype(np.float32)
        for probe, values in swept.records.get(model, {}).items():
            small = np.abs(values).max(initial=0.0) < FLOAT16_LIMIT
            arrays[f"record/{model}/{probe}"] = values.astype(np.float16 if small else np.float32)
    archive.save(path, header, arrays)


def load(
    path: Path,
    models: Sequence[str] | None = None,
    probes: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
) -> Sweep:
    """Read a sweep; what is not asked for is not unpacked.

    Args:
        path: written by ``save``.
        models: which models, in this order; by default all.
        probes: which records; by default all.

    Raises:
        LookupError: if the file lacks a model or a record.
        ValueError: if it is of another format.
    """
    with archive.opened(path) as file:
        header = file.header
        if header["format"] != FORMAT:
            raise ValueError(f"a stored sweep must have format {FORMAT}, got {header['format']} in {path.name}")
        names = header["models"] if models is None else list(models)
        if missing := [name for name in names if name not in header["models"]]:
            raise LookupError(f"{path.name} has no model {', '.join(missing)}; it has {', '.join(header['models'])}")
        chosen = {name: _probes_of(name, header["kinds"][name], probes) for name in names}
        if missing := [f"{n}/{p}" for n in names for p in chosen[n] if f"record/{n}/{p}" not in file.names]:
            raise LookupError(f"{path.name} has no record {', '.join(missing)}")
        return Sweep(
            angles_deg=file["angles_deg"],
            images=file["images"].astype(np.float32) / 255,
            logits={name: file[f"logits/{name}"] for name in names},
            records={n: {p: file[f"record/{n}/{p}"].astype(np.float32) for p in chosen[n]} for n in names},
            kinds={name: {probe: header["kinds"][name][probe] for probe in chosen[name]} for name in names},
            checksums={name: header["checksums"][name] for name in names},
            picture=header["picture"], method=header["method"], query=header["query"],
        )  # fmt: skip


def _probes_of(
    model: str, stored: Mapping[str, str], probes: Sequence[str] | Mapping[str, Sequence[str]] | None
) -> list[str]:
    if probes is None:
        return list(stored)
    return list(probes.get(model, ())) if isinstance(probes, Mapping) else list(probes)


def path_of(picture: Picture, folder: Path = FOLDER) -> Path:
    """Where the sweep of a sample is stored."""
    # A person's file may have any name; what the file system takes is 255 bytes.
    return folder / f"{''.join(c if c.isalnum() or c in '-_' else '_' for c in picture.name[:40])}.npz"


def stored_sweep(
    models: Sequence[Any],
    picture: Picture,
    angles_deg: Angles = ANGLES_DEG,
    probes: Sequence[str] | Mapping[str, Sequence[str]] = (),
    method: str = "fair",
    folder: Path = FOLDER,
) -> Sweep | None:
    """The shipped sweep of a sample, if it answers exactly this question; None otherwise.

    Nothing stale is ever returned: picture and weights must have the checksums that the file was made from. Any
    subset of the stored angles will do.
    """
    path = path_of(picture, folder)
    if not path.is_file():
        return None
    subjects = [subject(model) for model in models]
    try:
        found = load(path, [seen.name for seen in subjects], probes)
    except archive.DAMAGE:
        return None
    frames = _frames(found.angles_deg, np.asarray(angles_deg, dtype=np.float64))
    same_weights = all(found.checksums[seen.name] == seen.checksum for seen in subjects)
    if found.picture != picture.checksum or found.method != method or not same_weights or frames is None:
        return None
    found = replace(found, data={seen.name: seen.data for seen in subjects})
    return found if len(frames) == len(found.angles_deg) and frames == sorted(frames) else found.at(frames)


def _frames(stored: Float[np.ndarray, " stored"], asked: Float[np.ndarray, " asked"]) -> list[int] | None:
    distance = np.abs(stored[None] - asked[:, None])
    return distance.argmin(axis=1).tolist() if (distance.min(axis=1) < 1e-3).all() else None
