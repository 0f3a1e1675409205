"""The study's tables, measured: method × level of fine-tuning, accuracy on the rotated test, a table a setting.

``e2viz tables --data DIR`` (``make tables``) goes on where it stopped and writes
benchmarks/tables/<setting>.md and .json; a look at fewer test images is printed and written nowhere.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from e2viz.data.reading import read_splits
from e2viz.data.tasks import task
from e2viz.models.methods import METHODS
from e2viz.train.data import TrainingData
from e2viz.train.evaluation import Counter, correct_count
from e2viz.train.fine_tune import (
    EPOCHS,
    LEVELS,
    TRAINING_VIEWS,
    beginning,
    features_folder,
    trained_parts,
    tune,
    view_features,
    whole_recipe,
)
from e2viz.train.fine_tune import correct_count as correct_features
from e2viz.train.loop import Run
from e2viz.train.pack import model_of_run
from e2viz.zoo import catalogue
from e2viz.zoo.card import Accuracy
from e2viz.zoo.weights import Model
from e2viz.zoo.wrapped import wrap

GROUP = "c16"
# Setting, which is a task -> (the model that is wrapped, the setting in words).
SETTINGS = {
    "rotmnist": ("vit.rotmnist", "trained on turned digits"),
    "mnist": ("vit.mnist", "trained on upright digits only"),
    "rotmnist10": ("vit.rotmnist10", "trained on 10 % of the turned digits"),
}
# Passes over the training images at level "whole"; a tenth of the images is seen more often.
WHOLE_EPOCHS = {"rotmnist": 4, "mnist": 6, "rotmnist10": 15}
# The head of the ViT begins with a layer norm, to which a sum is a mean: training either is training the other.
SAME_WHEN_WHOLE = {"sum": "mean"}
# Figures of the study, in per cent: (setting, method, level). Its fine-tuned figures stand beside the whole model.
PUBLISHED = {
    ("rotmnist", "mean", "whole"): 98.24,
    ("rotmnist", "max", "whole"): 98.31,
    ("mnist", "mean", "whole"): 97.53,
    ("mnist", "max", "whole"): 97.28,
    ("mnist", "learned_attention", "none"): 92.43,
    ("mnist", "most_certain", "none"): 49.00,
    ("rotmnist10", "mean", "whole"): 89.73,
    ("rotmnist10", "max", "whole"): 89.41,
}
DIFFERENCES = (
    "Ours differs by definition where the published code got one wrong: *most certain* chooses one view instead of "
    "mixing views class by class; *most likely* adds logarithms without a temperature; the *learned average* weighs "
    "by a softmax over views. *Sum* and *mean* answer alike, since the head of the ViT begins with a layer norm. Test "
    "images are turned by the fair rotation, digits upright before turning."
)


class Table:
    """The results of one setting on disk: kept after each cell, tied to the weights and the number of test images.

    Args:
        path: of the JSON.
        base: the model that is wrapped.
        images: test images.
    """

    def __init__(self, path: Path, base: Model, images: int) -> None:
        self.path, self.base, self.images = path, base, images
        self.cells: dict[str, dict[str, Any]] = {}
        if path.exists():
            held = json.loads(path.read_text())
            if (held["base_checksum"], held["images"], held["group"]) == (base.checksum, images, GROUP):
                self.cells = held["cells"]

    def add(self, method: str, level: str, correct: int, seconds: float, epochs: int = 0) -> None:
        """Keep one cell; ``epochs`` of training stand behind it."""
        self.cells[f"{method}/{level}"] = {
            "correct": correct, "total": self.images, "epochs": epochs, "seconds": round(seconds, 1)
        }  # fmt: skip
        facts = {"base": self.base.name, "base_checksum": self.base.checksum, "images": self.images, "group": GROUP}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps({**facts, "cells": self.cells}, indent=1) + "\n")
        os.replace(partial, self.path)

    def markdown(self, setting: str) -> str:
        """The table in words and numbers; a cell that was not measured says so."""
        base, words = SETTINGS[setting]
        heads = [f"{level} | published" for level in ("nothing", "last layer", "whole model")]
        lines = [
            f"# Post-hoc methods, {words}",
            "",
            f"`{base}` wrapped under {GROUP.upper()}, accuracy in per cent (95 % interval) on {self.images:,} turned "
            "test images; columns say what of the model was trained further. `make tables` measures it.",
            "",
            f"| method | {' | '.join(heads)} |",
            "|---|" + "---:|---:|" * len(LEVELS),
        ]
        unwrapped = self.cells.get("unwrapped/none")
        lines.append(f"| (not wrapped) | {_cell(unwrapped)} |{' |' * (2 * len(LEVELS) - 1)}")
        for method in METHODS:
            cells = []
            for level in LEVELS:
                published = PUBLISHED.get((setting, method, level))
                same = SAME_WHEN_WHOLE.get(method) if level == "whole" else None
                cells.append(f"as {same}" if same else _cell(self.cells.get(f"{method}/{level}")))
                cells.append(f"{published:.2f}" if published else "")
            lines.append(f"| {method.replace('_', ' ')} | {' | '.join(cells)} |")
        return "\n".join([*lines, "", self._training(), DIFFERENCES, ""])

    def _training(self) -> str:
        """How long was trained, as far as anything was."""
        whole = sorted({each.get("epochs", 0) for key, each in self.cells.items() if key.endswith("/whole")})
        text = f"Aggregations that learn, and the last layer, are trained for {EPOCHS} epochs on kept embeddings"
        epochs = " or ".join(str(each) for each in whole)
        plural = "" if epochs == "1" else "s"
        of_views = f"; the whole model for {epochs} epoch{plural}, on {TRAINING_VIEWS} random views a step"
        return f"{text}{of_views}." if whole else f"{text}."


def _cell(found: dict[str, Any] | None) -> str:
    if found is None:
        return "not measured"
    accuracy = Accuracy(correct=found["correct"], total=found["total"])
    return str(accuracy).replace(" %", "", 1)


def measure(
    setting: str, table: Table, data: Path, runs: Path, levels: Sequence[str], methods: Sequence[str], epochs: int
) -> Iterator[str]:
    """Fill the cells that are still empty; each yields a line when it is done.

    Args:
        setting: a key of ``SETTINGS``.
        table: of that setting.
        data: folder of IDX files.
        runs: where embeddings and runs are kept.
        levels, methods: which cells.
        epochs: of level "whole".
    """
    splits = read_splits(task(setting), data)
    frozen = [level for level in levels if level != "whole"]
    empty = [(m, level) for level in frozen for m in methods if f"{m}/{level}" not in table.cells]
    if "unwrapped/none" not in table.cells:
        started = time.monotonic()
        counter = Counter(table.images, _line("not wrapped"))
        correct = correct_count(table.base, splits.test.first(table.images), counter)
        table.add("unwrapped", "none", correct, time.monotonic() - started)
        yield f"not wrapped: {_cell(table.cells['unwrapped/none'])}"
    if empty:
        folder = features_folder(runs, wrap(table.base, "mean", GROUP))
        any_method = wrap(table.base, "mean", GROUP)
        test = view_features(any_method, splits.test, folder / "test", limit=table.images, report=_line("test views"))
        # Nothing is trained where no level but "none" is asked for and no method learns.
        learns = any(level == "last" or m.startswith("learned") for m, level in empty)
        if learns:
            training = view_features(any_method, splits.train, folder / "train", report=_line("training views"))
            validation = view_features(any_method, splits.validation, folder / "validation", report=_line("validation"))
    for method, level in empty:
        started = time.monotonic()
        network = beginning(table.base, method, GROUP).network
        if learns:
            network = tune(network, level, training, validation)  # type: ignore[arg-type]
        correct = correct_features(network, test)  # type: ignore[arg-type]
        trained = EPOCHS if trained_parts(network, level) else 0  # type: ignore[arg-type]
        table.add(method, level, correct, time.monotonic() - started, trained)
        yield f"{method}, {level}: {_cell(table.cells[f'{method}/{level}'])}"
    for method in methods if "whole" in levels else ():
        if f"{method}/whole" not in table.cells and method not in SAME_WHEN_WHOLE:
            yield _measure_whole(setting, table, data, runs, method, epochs)


def _measure_whole(setting: str, table: Table, data: Path, runs: Path, method: str, epochs: int) -> str:
    """One cell of level "whole": a run of the training loop, which resumes, then the test."""
    started = time.monotonic()
    recipe = whole_recipe(table.base.card, method, GROUP, setting, epochs)
    run = Run(recipe, TrainingData.of(task(setting), data), runs / recipe.name, resume=True)
    run.train(report=lambda line: print(line, flush=True))
    model = model_of_run(recipe, runs / recipe.name)
    splits = read_splits(task(setting), data)
    correct = correct_count(model, splits.test.first(table.images), Counter(table.images, _line(f"{method}, whole")))
    table.add(method, "whole", correct, time.monotonic() - started, epochs)
    return f"{method}, whole: {_cell(table.cells[f'{method}/whole'])}"


def _write(table: Table, setting: str, limit: int | None) -> None:
    """The table in words beside its JSON; of a mere look, nothing."""
    if not limit:
        table.path.with_suffix(".md").write_text(table.markdown(setting), encoding="utf-8")


def _line(what: str):
    def report(done: int, total: int) -> None:
        if done % 2_500 == 0 or done == total:
            print(f"{what}: {done:,} of {total:,}", flush=True)

    return report


def make_tables(
    data: Path,
    runs: Path,
    output: Path,
    *,
    settings: Sequence[str] | None = None,
    levels: Sequence[str] | None = None,
    methods: Sequence[str] | None = None,
    limit: int | None = None,
    epochs: int | None = None,
) -> None:
    """Measure what is asked for and not yet there, print each line and write the tables.

    Args:
        data: folder that holds the data sets.
        runs: where runs and embeddings are kept; a look goes to its folder "tables".
        output: where the tables go.
        settings, levels, methods: of SETTINGS, LEVELS and METHODS; all by default.
        limit: a look at so many test images.
        epochs: of fine-tuning the whole model, instead of the setting's.

    Raises:
        LookupError: for a setting, level or method that there is not.
    """
    settings = _chosen("setting", settings, SETTINGS)
    levels, methods = _chosen("level", levels, LEVELS), _chosen("method", methods, METHODS)
    for setting in settings:
        name = SETTINGS[setting][0]
        if name not in catalogue.list_models():
            print(f"{setting}: {name} is not trained yet; e2viz train {name}", flush=True)
            continue
        base = catalogue.load(name)
        images = limit or len(read_splits(task(setting), data).test)
        folder = runs / "tables" if limit else output
        table = Table(folder / (f"{setting}_{images}.json" if limit else f"{setting}.json"), base, images)
        for line in measure(setting, table, data, runs, levels, methods, epochs or WHOLE_EPOCHS[setting]):
            print(f"{setting}: {line}", flush=True)
            _write(table, setting, limit)
        _write(table, setting, limit)
        print(table.markdown(setting))


def _chosen(what: str, names: Sequence[str] | None, known: Iterable[str]) -> list[str]:
    known = list(known)
    for name in names or ():
        if name not in known:
            raise LookupError(f"no {what} is called {name[:80]!r}; there are {', '.join(known)}")
    return list(names or known)
