"""Sweeps as entries, so that the first screen is filled before the first click: one for the frames, one a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from e2viz.images.picture import Picture
from e2viz.kept import archive, entries
from e2viz.kept.entries import FOLDER, Arrays, Entry, Facts, Kept
from e2viz.measure.subject import subject
from e2viz.measure.sweep import Sweep
from e2viz.measure.turning import Angles

PAGE = "sweeps"
FRAMES = "frames"
ANGLES_DEG = np.arange(72) * 5.0
# Records of these kinds are a few numbers a frame and are kept too: orbits and the compass need them.
SMALL_KINDS = ("vector", "group_vector")
FLOAT16_LIMIT = 6e4
Probes = Sequence[str] | Mapping[str, Sequence[str]]


def facts_of(checksum: str, method: str = "fair") -> Facts:
    """What the entry of a model depends on, beside the picture."""
    return {"weights": checksum, "method": method}


def frames_facts(method: str = "fair") -> Facts:
    """What the frames depend on, beside the picture. Any of their angles may be asked for."""
    return {"method": method}


def to_entries(swept: Sweep) -> dict[str, Entry]:
    """A sweep as entries.

    Logits and angles keep their precision. Images become 8-bit, as they are shown; records become float16, half a
    per mille, less than one step of a palette, unless they are too large for it.
    """
    frames: Arrays = {"angles_deg": swept.angles_deg, "images": np.rint(swept.images * 255).astype(np.uint8)}
    made = {FRAMES: Entry(frames_facts(swept.method), frames, {"query": swept.query})}
    for model in swept.models:
        arrays: Arrays = {"logits": swept.logits[model].astype(np.float32)}
        for probe, values in swept.records.get(model, {}).items():
            small = np.abs(values).max(initial=0.0) < FLOAT16_LIMIT
            arrays[f"record/{probe}"] = values.astype(np.float16 if small else np.float32)
        facts = facts_of(swept.checksums[model], swept.method)
        made[model] = Entry(facts, arrays, {"kinds": swept.kinds.get(model, {})})
    return made


def save(swept: Sweep, picture: Picture, folder: Path = FOLDER) -> Path:
    """Write a sweep of a picture."""
    return entries.save(PAGE, picture, to_entries(swept), folder)


def path_of(picture: Picture, folder: Path = FOLDER) -> Path:
    """Where the sweep of a sample is kept."""
    return entries.path_of(PAGE, picture.name, folder)


def load(path: Path, models: Sequence[str] | None = None, probes: Probes | None = None) -> Sweep:
    """Read a sweep; what is not asked for is not unpacked.

    Args:
        path: written by ``save``.
        models: which models, in this order; by default all.
        probes: which records; by default all.

    Raises:
        LookupError: if the file lacks a model or a record.
        ValueError: if it is of another format.
    """
    with entries.opened(path) as kept:
        return _read(kept, path, models, probes)


def _read(kept: Kept, path: Path, models: Sequence[str] | None, probes: Probes | None) -> Sweep:
    there = [name for name in kept.facts if name != FRAMES]
    names = there if models is None else list(models)
    if missing := [name for name in names if name not in there]:
        raise LookupError(f"{path.name} has no model {', '.join(missing)}; it has {', '.join(there)}")
    kinds = {name: kept.more(name)["kinds"] for name in names}
    chosen = {name: _probes_of(name, kinds[name], probes) for name in names}
    if missing := [f"{name}/{probe}" for name in names for probe in chosen[name] if probe not in kinds[name]]:
        raise LookupError(f"{path.name} has no record {', '.join(missing)}")
    records = {n: {p: kept.array(n, f"record/{p}").astype(np.float32) for p in chosen[n]} for n in names}
    return Sweep(
        angles_deg=kept.array(FRAMES, "angles_deg"),
        images=kept.array(FRAMES, "images").astype(np.float32) / 255,
        logits={name: kept.array(name, "logits") for name in names},
        records=records,
        kinds={name: {probe: kinds[name][probe] for probe in chosen[name]} for name in names},
        checksums={name: kept.facts[name]["weights"] for name in names},
        picture=kept.facts[FRAMES]["picture"],
        method=kept.facts[FRAMES]["method"],
        query=kept.more(FRAMES)["query"],
    )


def _probes_of(model: str, kept: Mapping[str, str], probes: Probes | None) -> list[str]:
    if probes is None:
        return list(kept)
    return list(probes.get(model, ())) if isinstance(probes, Mapping) else list(probes)


def stored_sweep(
    models: Sequence[Any],
    picture: Picture,
    angles_deg: Angles = ANGLES_DEG,
    probes: Probes = (),
    method: str = "fair",
    folder: Path = FOLDER,
) -> Sweep | None:
    """The shipped sweep of a sample, if it answers exactly this question; None otherwise. Any of its angles will do."""
    path = path_of(picture, folder)
    if not path.is_file():
        return None
    subjects = [subject(model) for model in models]
    wanted = {FRAMES: frames_facts(method)} | {seen.name: facts_of(seen.checksum, method) for seen in subjects}
    try:
        with entries.opened(path) as kept:
            if not all(entries.agrees(kept, key, facts, picture) for key, facts in wanted.items()):
                return None
            found = _read(kept, path, [seen.name for seen in subjects], probes)
    except archive.DAMAGE:
        return None
    frames = _frames(found.angles_deg, np.asarray(angles_deg, dtype=np.float64))
    if frames is None:
        return None
    found = replace(found, data={seen.name: seen.data for seen in subjects})
    return found if len(frames) == len(found.angles_deg) and frames == sorted(frames) else found.at(frames)


def _frames(kept: Float[np.ndarray, " kept"], asked: Float[np.ndarray, " asked"]) -> list[int] | None:
    distance = np.abs(kept[None] - asked[:, None])
    return distance.argmin(axis=1).tolist() if (distance.min(axis=1) < 1e-3).all() else None
