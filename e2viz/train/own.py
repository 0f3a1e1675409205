"""From a person's class folders to a trained model of the catalogue, in one call."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import torch

from e2viz import places
from e2viz.data import pictures, table
from e2viz.data.data_set import DataSet
from e2viz.data.inspection import described, inspect
from e2viz.data.protocol import Splits
from e2viz.data.tasks import TASKS
from e2viz.train.data import TrainingData
from e2viz.train.device import CPU
from e2viz.train.evaluation import Report
from e2viz.train.loop import Run
from e2viz.train.own_recipes import own_recipe
from e2viz.train.pack import pack
from e2viz.zoo.card import Card
from e2viz.zoo.own import TAG

LEAST_DEVIATION = 1e-3


def train_own(
    kind: str, name: str, source: Path, runs: Path, *, size: int | None = None, epochs: int | None = None,
    minutes: float = math.inf, resume: bool = False, where: torch.device = CPU,
    say: Callable[[str], None] = print, progress: Report | None = None,
) -> Card | None:  # fmt: skip
    """Describe the pictures, train, evaluate on the test part, and write weights and card to the person's own folder.

    Args:
        kind: "vit", "cnn", "gcnn_p4" or "hybrid_p4".
        name: of the data set; the model is called "kind.name".
        source: directory, zip or tar of class folders.
        runs: where the run keeps its state.
        size: side in pixels at which pictures are seen; chosen from theirs when not given.
        epochs: instead of the recipe's.
        minutes: for training, from now; the epochs are chosen so that they fit.
        resume: go on with a run that was stopped.
        where: the device to compute on.
        say: told what happens, line by line.
        progress: told how far the evaluation is.

    Returns:
        The card; None where training was stopped before its end.

    Raises:
        DataError: if the pictures cannot be used.
        ValueError: if the name is taken by a task of e2viz, or the size is out of range.
    """
    if name in TASKS or name == TAG:
        raise ValueError(f"{name!r} is a task of e2viz; choose another name")
    found, splits = _read(name, source, size, say)
    table.write(found)
    say(
        f"{name}: {found.classes} classes, {len(splits.train):,} pictures to train on, {len(splits.validation):,} to "
        f"choose by, {len(splits.test_upright):,} to test on, seen at {found.size}×{found.size}"
    )
    recipe = own_recipe(kind, found, len(splits.train))
    data = TrainingData(splits.train, splits.validation, found.mean, found.std, turned=True, where=where)
    run = Run(recipe, data, runs / recipe.name, resume=resume, epochs=epochs)
    finished = run.train(report=say, finish_in_s=None if math.isinf(minutes) else 60 * minutes)
    if not finished and math.isinf(minutes):
        return None
    return pack(recipe, runs / recipe.name, splits, places.own_weights(), progress, where=where)


def _read(name: str, source: Path, size: int | None, say: Callable[[str], None]) -> tuple[DataSet, Splits]:
    """The data set with its mean and deviation measured on the training pictures, and its splits on that background."""
    rough = described(inspect(source), name, size)
    training = pictures.load(rough, "rotated", source).train
    mean, deviation = (
        tuple(round(value, 4) for value in each.tolist()) for each in pictures.channel_statistics(training)
    )
    std = tuple(max(LEAST_DEVIATION, value) for value in deviation)
    found = dataclasses.replace(rough, mean=mean, std=std, background=mean)
    return found, pictures.load(found, "rotated", source)
