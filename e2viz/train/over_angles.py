"""A whole test split at every angle: what a model answers, in parts that are kept, on this machine or on many.

A part is a few pictures at all angles. It depends on nothing but the model and those pictures, so parts may be computed
anywhere and in any order; each is written when it is there, and a run that was stopped goes on with those that are
missing.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from e2viz import places, whole
from e2viz.data.protocol import Split
from e2viz.measure.over_data import OverData, TurnAnswers, over_data
from e2viz.train.device import CPU
from e2viz.zoo.weights import Model

ANGLES = 72
PART_IMAGES, CHUNK_IMAGES = 25, 50
FOLDER = places.ASSETS / "over_angles"
FORMAT = 1
# [image angle] the winning class and its probability.
Answers = tuple[np.ndarray, np.ndarray]
Work = Callable[[Model, Split, np.ndarray], Answers]
# (work, model, the parts by number, angles) -> the answers of each part, as they come.
Mapper = Callable[[Work, Model, Mapping[int, Split], np.ndarray], Iterator[tuple[int, Answers]]]
# (images done, images in all); it cancels by raising.
Report = Callable[[int, int], None]


def turn(count: int = ANGLES) -> Float[np.ndarray, " angle"]:
    """So many equispaced angles of one turn, in degrees."""
    return np.arange(count) * (360.0 / count)


@torch.no_grad()
def answers_of(model: Model, split: Split, angles_deg: Float[np.ndarray, " angle"]) -> Answers:
    """What a model answers to every picture of a split at every angle.

    Computed where the network is; pictures are turned fairly, upright pictures lose their corners to the disc too.
    """
    where = next(model.network.parameters()).device
    winners = np.empty((len(split), len(angles_deg)), dtype=np.int16)
    confidence = np.empty((len(split), len(angles_deg)), dtype=np.float32)
    for start in range(0, len(split), CHUNK_IMAGES):
        part = slice(start, start + CHUNK_IMAGES)
        upright = split.upright(part).to(where)
        for place, angle_deg in enumerate(angles_deg):
            turned = split.fair(upright, torch.tensor(float(angle_deg), dtype=torch.float64))
            best = model.logits(turned).float().softmax(-1).max(-1)
            winners[part, place], confidence[part, place] = best.indices.cpu().numpy(), best.values.cpu().numpy()
    return winners, confidence


def one_after_another(
    work: Work, model: Model, parts: Mapping[int, Split], angles_deg: Float[np.ndarray, " angle"]
) -> Iterator[tuple[int, Answers]]:
    """The mapper of this process."""
    for number, part in parts.items():
        yield number, work(model, part, angles_deg)


def turn_answers(
    model: Model, split: Split, angles_deg: Float[np.ndarray, " angle"], folder: Path | None = None, *,
    mapper: Mapper = one_after_another, report: Report | None = None, part_images: int = PART_IMAGES,
    where: torch.device = CPU,
) -> TurnAnswers:  # fmt: skip
    """Every answer of a model over a split at every angle; what is there already is not computed again.

    Args:
        model: of the split's data set.
        split: upright pictures; its own angles are not used.
        angles_deg: counter-clockwise.
        folder: where parts are kept, below a folder of this question alone; None keeps nothing.
        mapper: who computes them: ``one_after_another``, or the workers of ``e2viz.train.cluster``.
        report: told after each part, and before the first; it cancels by raising, and parts that are done stay.
        part_images: pictures in a part: how often there is progress, and how much a lost worker costs.
        where: the device of this process.
    """
    if where.type != "cpu":
        model = Model(model.card, copy.deepcopy(model.network).to(where))
    numbers = {number: slice(start, start + part_images)
               for number, start in enumerate(range(0, len(split), part_images))}  # fmt: skip
    own = None if folder is None else folder / f"{model.name}-{_key(model, split, angles_deg, part_images)}"
    found = {} if own is None else _kept(own, numbers)
    done = sum(len(winners) for winners, _ in found.values())
    if report is not None:
        report(done, len(split))
    missing = {number: _part(split, rows) for number, rows in numbers.items() if number not in found}
    for number, answers in mapper(answers_of, model, missing, angles_deg) if missing else ():
        found[number] = answers
        if own is not None:
            _keep(own / f"{number:05}.npz", answers)
        done += len(answers[0])
        if report is not None:
            report(done, len(split))
    winners, confidence = (np.concatenate([found[number][k] for number in numbers]) for k in (0, 1))
    labels = split.labels.cpu().numpy()
    return TurnAnswers(angles_deg, labels, winners.astype(np.int64), confidence.astype(np.float64))


def evaluate_over_angles(
    model: Model, split: Split, *, angles: int = ANGLES, limit: int | None = None, folder: Path | None = None,
    mapper: Mapper = one_after_another, report: Report | None = None, where: torch.device = CPU,
) -> OverData:  # fmt: skip
    """What the answers of a model over a split come to.

    Args:
        model, folder, mapper, report, where: as ``turn_answers`` takes them.
        split: upright test pictures.
        angles: how many, equispaced over one turn.
        limit: only so many pictures, drawn evenly from the whole split.
    """
    if limit and limit < len(split):
        split = _part(split, np.linspace(0, len(split) - 1, limit).round().astype(int))
    answers = turn_answers(model, split, turn(angles), folder, mapper=mapper, report=report, where=where)
    return over_data(
        answers, len(model.card.class_names), model=model.name, checksum=model.checksum,
        data=model.card.data_set.name, data_checksum=split.checksum(),
    )  # fmt: skip


def _part(split: Split, rows: slice | Sequence[int] | np.ndarray) -> Split:
    """Some pictures of a split, with storage of their own, so that they can be sent elsewhere."""
    index = rows if isinstance(rows, slice) else torch.as_tensor(rows)
    return dataclasses.replace(
        split, images=split.images[index].clone(), labels=split.labels[index].clone(),
        angles_deg=split.angles_deg[index].clone(),
    )  # fmt: skip


def _key(model: Model, split: Split, angles_deg: np.ndarray, part_images: int) -> str:
    """12 hexadecimal digits that change with anything the parts depend on."""
    angles = [round(float(angle), 4) for angle in angles_deg]
    facts = [FORMAT, model.checksum, split.checksum(), split.background, angles, part_images]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]


def _keep(path: Path, answers: Answers) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    held = {"winners": answers[0], "confidence": answers[1]}
    whole.write(path, lambda file: np.savez_compressed(file, allow_pickle=False, **held))


def _kept(folder: Path, numbers: Mapping[int, slice]) -> dict[int, Answers]:
    found = {}
    for number in numbers:
        path = folder / f"{number:05}.npz"
        if path.is_file():
            # A damaged part is computed again.
            with contextlib.suppress(*whole.DAMAGE), path.open("rb") as content, np.load(content) as file:
                found[number] = (file["winners"], file["confidence"])
    return found


def stored(model: Model, folder: Path = FOLDER) -> OverData | None:
    """The result that is shipped for a model; None if there is none, or for other weights."""
    path = folder / f"{model.name}.json"
    if not path.is_file():
        return None
    found = OverData.from_json(path.read_text(encoding="utf-8"))
    return found if found.checksum == model.checksum else None


def store(found: OverData, folder: Path = FOLDER) -> Path:
    """Put a result where ``stored`` finds it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{found.model}.json"
    path.write_text(found.to_json(), encoding="utf-8")
    return path
