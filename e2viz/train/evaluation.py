"""What a trained model does on the test split: accuracy upright and turned, and steadiness over a whole turn."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import math
from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from e2viz.data.protocol import Split, Splits
from e2viz.measure.stability import stability
from e2viz.train.device import CPU
from e2viz.zoo.card import Accuracy, Measured
from e2viz.zoo.weights import Model

STABILITY_IMAGES, STABILITY_ANGLES = 500, 36
CHUNK = 16  # images at once: group attention is slower on more, a ViT on fewer
GPU_CHUNK = 1000
# (images done, images in all)
Report = Callable[[int, int], None]


class Counter:
    """Counts images across the parts of an evaluation and tells ``report``."""

    def __init__(self, total: int, report: Report | None) -> None:
        self.done, self.total, self.report = 0, total, report

    def add(self, images: int) -> None:
        self.done += images
        if self.report is not None:
            self.report(self.done, self.total)


def turned_again(split: Split, seed: int) -> Split:
    """The same images under new uniformly random angles."""
    generator = torch.Generator().manual_seed(seed)
    angles_deg = torch.rand(len(split), generator=generator, dtype=torch.float64) * 360
    return dataclasses.replace(split, angles_deg=angles_deg)


def correct_count(model: Model, split: Split, counter: Counter) -> int:
    """How many images of the split, turned as it says, the model classifies as labelled."""
    correct = 0
    for images, labels in split.batches(_chunk(split)):
        correct += int((model.logits(images).argmax(-1) == labels).sum())
        counter.add(len(labels))
    return correct


def _chunk(split: Split) -> int:
    return GPU_CHUNK if split.labels.is_cuda else CHUNK


def turn_logits(
    model: Model, split: Split, angles: int, counter: Counter
) -> Iterator[tuple[Float[Tensor, "angle class"], Int[Tensor, ""]]]:
    """For each image of the split, the logits at equispaced angles of one turn, and the label."""
    angles_deg = torch.arange(angles, dtype=torch.float64) * (360 / angles)
    if split.labels.is_cuda:  # all images at one angle keep a GPU busy, one image at all angles does not
        upright = split.upright(slice(None))
        turns = []
        for angle_deg in angles_deg:
            turned = split.fair(upright, angle_deg)
            turns.append(torch.cat([model.logits(images) for images in turned.split(GPU_CHUNK)]))
            counter.add(len(split))
        yield from zip(torch.stack(turns, 1).cpu(), split.labels.cpu(), strict=True)
        return
    for index, label in enumerate(split.labels):
        turned = split.fair(split.upright(slice(index, index + 1))[0], angles_deg)
        yield torch.cat([model.logits(images) for images in turned.split(CHUNK)]), label
        counter.add(angles)


@contextlib.contextmanager
def _exactly(where: torch.device) -> Iterator[None]:
    """Products in full float32 on a GPU, by kernels that are not chosen by trial: the same figures each time."""
    before = torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32
    if where.type == "cuda":
        torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32 = False, False
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32 = before


def evaluate(
    model: Model, splits: Splits, *, limit: int | None = None, seed: int | None = None, report: Report | None = None,
    where: torch.device = CPU,
) -> Measured:  # fmt: skip
    """The full evaluation, which is what a card holds.

    Args:
        model: to be evaluated.
        splits: of the model's task; only the test splits are looked at.
        limit: at most that many images of each split, for a quick look; never for a card.
        seed: turn the test images by other random angles than the protocol's.
        report: told of progress.
        where: the device to compute on; the model itself stays where it is.
    """
    if where.type != "cpu":
        model = Model(model.card, copy.deepcopy(model.network).to(where))
    with _exactly(where):
        return _measured(model, splits, limit, seed, report, where)


def _measured(
    model: Model, splits: Splits, limit: int | None, seed: int | None, report: Report | None, where: torch.device
) -> Measured:
    def chosen(split: Split) -> Split:
        return _moved(split.first(limit or len(split)), where)

    turned = chosen(splits.test if seed is None else turned_again(splits.test, seed))
    upright, quarter = chosen(splits.test_upright), splits.test_quarter and chosen(splits.test_quarter)
    steady = upright.first(min(limit or STABILITY_IMAGES, STABILITY_IMAGES))
    total = len(turned) + len(upright) + (len(quarter) if quarter else 0) + len(steady) * STABILITY_ANGLES
    counter = Counter(total, report)
    of = model.card.data_set.test_split
    rotated_correct = correct_count(model, turned, counter)
    upright_correct = correct_count(model, upright, counter)
    quarter_correct = correct_count(model, quarter, counter) if quarter else 0
    flips, always_right = 0.0, 0
    for logits, label in turn_logits(model, steady, STABILITY_ANGLES, counter):
        found = stability(logits.double().numpy(), int(label))
        flips += found.flip_rate
        always_right += int(found.worst_case_accuracy == 1.0)
    angles = f"seed {seed}" if seed is not None else "the protocol's angles"
    return Measured(
        upright=Accuracy(correct=upright_correct, total=len(upright), of=f"{of}, upright"),
        rotated=Accuracy(correct=rotated_correct, total=len(turned), of=f"{of}, turned by {angles}"),
        worst_case=Accuracy(
            correct=always_right, total=len(steady), of=f"{of}, right at all {STABILITY_ANGLES} angles"
        ),
        flip_rate=flips / len(steady),
        stability_images=len(steady),
        stability_angles=STABILITY_ANGLES,
        quarter=Accuracy(correct=quarter_correct, total=len(quarter), of=f"{of}, at 90°") if quarter else None,
    )


def _moved(split: Split, where: torch.device) -> Split:
    return split if where.type == "cpu" else split.to(where)


def in_words(name: str, measured: Measured) -> str:
    """The evaluation as lines of text, intervals at 95 %."""
    mean_flips = measured.flip_rate * measured.stability_angles
    lines = (
        name,
        f"  upright                 {measured.upright}   {measured.upright.total:,} images",
        *([f"  at 90°                  {measured.quarter}"] if measured.quarter else []),
        f"  rotated                 {measured.rotated}   {measured.rotated.total:,} images",
        f"  right at all angles     {measured.worst_case}   "
        f"{measured.stability_images} images at {measured.stability_angles} angles",
        f"  flip rate               {100 * measured.flip_rate:.2f} %   {mean_flips:.2f} changes in a turn",
    )
    return "\n".join(lines)


def minutes_left(done: int, total: int, seconds: float) -> int:
    """Whole minutes that the rest will take at the rate so far, rounded up."""
    return math.ceil(seconds * (total - done) / max(1, done) / 60)
