"""One picture through all angles and models: what they saw, said, and held at chosen probes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from e2viz import capture, interrupt
from e2viz.images.picture import Picture
from e2viz.images.rotate import views
from e2viz.measure.orientation import upright
from e2viz.measure.subject import AnyModel, Subject, subject
from e2viz.measure.swept import FORMAT as FORMAT
from e2viz.measure.swept import Sweep as Sweep
from e2viz.measure.swept import beside as beside
from e2viz.measure.swept import joined as joined
from e2viz.measure.turning import Angles

LIMIT_BYTES = 1 << 30
VIEWS_AT_ONCE = 4_000_000  # values, of 8 bytes
SMALL_VALUES = 3 * 32 * 32  # of one picture, of which a forward pass takes more at once
# The same query pixels in every frame, or others in each frame.
QueryPixels = Int[Tensor, "_ 2"] | Int[Tensor, "_ _ 2"]


def sweep(
    models: Sequence[AnyModel],
    picture: Picture,
    angles_deg: Angles,
    probes: Sequence[str] | Mapping[str, Sequence[str]] = (),
    method: str = "fair",
    progress: Callable[[int, int], None] | None = None,
    chunk: int | None = None,
    pixels: QueryPixels | Mapping[str, QueryPixels] | None = None,
    limit_bytes: int = LIMIT_BYTES,
) -> Sweep:
    """Run a picture through all angles and models.

    The networks may be shared: nothing is set on them, and two sweeps may run at once. Work goes in chunks of
    frames, all models for each, so that the first frames are there soon.

    Args:
        models: zoo models, modules in eval mode, or subjects; their names must differ.
        picture: what is turned.
        angles_deg: counter-clockwise.
        probes: names, recorded for every model that has them; or, by model, its own names.
        method: "fair" or "naive".
        progress: called with (frames done, frames in all) after each chunk. It cancels by raising.
        chunk: frames in one forward pass; it bounds the working memory. None takes 8, and 24 of small pictures of which
            nothing is recorded. Answers do not depend on it.
        pixels: query pixels (row, column) of attention probes, on the probe's own plane of the upright picture:
            [pixel 2], or [frame pixel 2] to follow an object, or either by probe name.
        limit_bytes: largest size of all records together.

    Raises:
        LookupError: for a probe that no model has.
        ValueError: if there are no models or angles, two models have one name, or the records would be larger
            than ``limit_bytes``; the last is known after the first chunk.
    """
    parts: list[Sweep] = []
    done, frames = 0, len(angles_deg)
    for part in sweep_parts(models, picture, angles_deg, probes, method, chunk, pixels):
        if not parts:
            _check_size(part, frames, limit_bytes)
        parts.append(part)
        done += len(part.angles_deg)
        if progress is not None:
            progress(done, frames)
    return joined(parts)


def sweep_parts(
    models: Sequence[AnyModel],
    picture: Picture,
    angles_deg: Angles,
    probes: Sequence[str] | Mapping[str, Sequence[str]] = (),
    method: str = "fair",
    chunk: int | None = None,
    pixels: QueryPixels | Mapping[str, QueryPixels] | None = None,
) -> Iterator[Sweep]:
    """The sweep as it comes, chunk by chunk, for a page that shows the first frames at once.

    Arguments and errors are those of ``sweep``; ``joined`` makes one sweep of the parts.
    """
    subjects = [subject(model) for model in models]
    names = [seen.name for seen in subjects]
    angles = torch.as_tensor(np.asarray(angles_deg), dtype=torch.float64)
    if not subjects or not len(angles) or len(set(names)) < len(names):
        raise ValueError(f"a sweep needs angles and models of different names, got {len(angles)} and {names}")
    kinds = _chosen(subjects, probes)
    step = 1 if _moving(pixels) else chunk or _frames_at_once(subjects, picture, any(kinds.values()))
    # A whole turn of views at once, where it fits, costs a quarter: only the angle below a quarter turn is computed.
    ahead = step * max(1, VIEWS_AT_ONCE // (step * _most_values(subjects, picture)))
    for start in range(0, len(angles), step):
        if start % ahead == 0:
            turned: dict[tuple, Tensor] = {}
            ahead_angles = angles[start : start + ahead]
        place = start % ahead
        chunk_angles = angles[start : start + step]
        known: dict[tuple, Tensor] = {}
        logits, records, inputs = {}, {}, {}
        for seen in subjects:
            interrupt.point()
            key, images = _views(seen, picture, ahead_angles, method, turned)
            images = known.setdefault(key, images[place : place + step])
            inputs[seen.name] = key
            held = _run(seen, images, kinds[seen.name], _at_frame(pixels, start))
            logits[seen.name], records[seen.name] = held
        shown = {key: images.float().numpy() for key, images in known.items()}
        first = next(iter(shown.values()))
        yield Sweep(
            angles_deg=chunk_angles.numpy(),
            images=first,
            logits=logits,
            records=records,
            kinds=kinds,
            checksums={seen.name: seen.checksum for seen in subjects},
            picture=picture.checksum,
            method=method,
            query=_digest(pixels),
            data={seen.name: seen.data for seen in subjects},
            seen={} if len(shown) == 1 else {name: shown[key] for name, key in inputs.items()},
        )


def _chosen(
    subjects: Sequence[Subject], probes: Sequence[str] | Mapping[str, Sequence[str]]
) -> dict[str, dict[str, str]]:
    """The kinds of the probes to record, by model."""
    if isinstance(probes, Mapping):
        return {seen.name: seen.choose(tuple(probes.get(seen.name, ()))) for seen in subjects}
    known = {seen.name: seen.kinds() for seen in subjects}
    for probe in probes:
        if not any(probe in kinds for kinds in known.values()):
            raise LookupError(f"no model has a probe {probe!r}; see Subject.kinds or Model.probe_kinds")
    return {name: {probe: kinds[probe] for probe in probes if probe in kinds} for name, kinds in known.items()}


def _frames_at_once(subjects: Sequence[Subject], picture: Picture, recorded: bool) -> int:
    small = not recorded and _most_values(subjects, picture) <= SMALL_VALUES
    return 24 if small else 8


def _most_values(subjects: Sequence[Subject], picture: Picture) -> int:
    """Values of the largest input that a model has."""
    seen = [(each.size, each.sees(picture).values) for each in subjects]
    return max(values.shape[0] * (size or values.shape[-1]) ** 2 for size, values in seen)


def _views(
    seen: Subject, picture: Picture, angles_deg: Tensor, method: str, known: dict[tuple, Tensor]
) -> tuple[tuple, Float[Tensor, "frame channel size size"]]:
    """What the model sees, and what it depends on; models of one size and data set share it, unless the naïve
    rotation fills with their own means."""
    shown = seen.sees(picture)
    size = seen.size or shown.values.shape[-1]
    key = (shown.checksum, size, seen.mean if method == "naive" else ())
    if key not in known:
        known[key] = views(shown, angles_deg, size, method, mean=torch.tensor(seen.mean))
    return key, known[key]


def _run(seen: Subject, images: Tensor, kinds: dict[str, str], pixels: Any) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """One forward pass: logits, and records brought upright."""
    if pixels is not None and seen.transposed:
        named = isinstance(pixels, Mapping)
        pixels = {name: one.flip(-1) for name, one in pixels.items()} if named else pixels.flip(-1)
    parameters = next(seen.network.parameters(), images)
    with torch.no_grad(), capture.record(kinds, pixels) as record:
        logits = seen.network(seen.prepare(images).to(parameters)).float().numpy()
    records = {}
    for name, kind in kinds.items():
        held = record[name].float()
        if seen.transposed:
            held = upright(held, kind, seen.group, record.pixels_of(name))
        records[name] = held.contiguous().numpy()
    return logits, records


def _moving(pixels: QueryPixels | Mapping[str, QueryPixels] | None) -> bool:
    """Whether query pixels differ from frame to frame."""
    each = pixels.values() if isinstance(pixels, Mapping) else () if pixels is None else (pixels,)
    return any(one.ndim == 3 for one in each)


def _at_frame(pixels: Any, frame: int) -> Any:
    """The query pixels of one frame."""
    if isinstance(pixels, Mapping):
        return {name: _at_frame(one, frame) for name, one in pixels.items()}
    return pixels[frame] if pixels is not None and pixels.ndim == 3 else pixels


def _digest(pixels: QueryPixels | Mapping[str, QueryPixels] | None) -> str:
    if pixels is None:
        return ""
    named = pixels if isinstance(pixels, Mapping) else {"": pixels}
    text = json.dumps({name: one.tolist() for name, one in sorted(named.items())})
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _check_size(part: Sweep, frames: int, limit_bytes: int) -> None:
    held = sum(values.nbytes for records in part.records.values() for values in records.values())
    expected = held * frames // len(part.angles_deg)
    if expected > limit_bytes:
        raise ValueError(
            f"records must fit into {limit_bytes / 2**20:.0f} MiB, {frames} frames need {expected / 2**20:.0f}; "
            "ask for fewer probes, angles or query pixels"
        )
