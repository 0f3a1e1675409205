"""The study's tables, measured: method × level of fine-tuning, accuracy on the rotated test, a table a setting.

``e2viz tables --data DIR`` (``make tables``) goes on where it stopped and writes
benchmarks/tables/<setting>.json and .md; a look at fewer test images is printed and written nowhere.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from e2viz.data.protocol import Split, Splits
from e2viz.data.reading import read_splits
from e2viz.data.tasks import task
from e2viz.models.methods import CANONICAL, LEARN_FROM_TURNED, METHODS
from e2viz.train.data import TrainingData
from e2viz.train.device import CPU
from e2viz.train.evaluation import Counter, correct_count
from e2viz.train.features import Features, features_folder, learning_features, view_features
from e2viz.train.features import correct_count as correct_features
from e2viz.train.fine_tune import EPOCHS, TRAINING_VIEWS, beginning, trained_parts, tune, whole_recipe
from e2viz.train.loop import Run
from e2viz.train.measured_table import COLUMNS, ON_A_PART, SAME_WHEN_WHOLE, SETTINGS, MeasuredTable
from e2viz.train.pack import model_of_run
from e2viz.zoo import catalogue
from e2viz.zoo.weights import Model
from e2viz.zoo.wrapped import wrap

VALIDATION_SHARE = 5  # so many training images for each to choose by, where not all are used


@dataclass
class Filling:
    """One table while it is filled: kept on disk after each cell, tied to the weights and the test images.

    Args:
        table: what is known so far.
        path: of its JSON.
        base: the model that is wrapped.
        data: folder of the data set's files.
        splits: of the setting's task.
        runs: where embeddings and runs are kept.
        where: the device that computes views.
    """

    table: MeasuredTable
    path: Path
    base: Model
    data: Path
    splits: Splits
    runs: Path
    where: torch.device = CPU

    @classmethod
    def begin(
        cls, name: str, path: Path, base: Model, data: Path, runs: Path, limit: int | None = None,
        where: torch.device = CPU,
    ) -> Filling:  # fmt: skip
        """Go on with what lies at ``path``, if that was measured with these weights on as many images."""
        splits = read_splits(task(SETTINGS[name].task), data)
        images = min(limit or SETTINGS[name].test_images or len(splits.test), len(splits.test))
        table = MeasuredTable(name, images, base.checksum)
        if path.exists():
            held = MeasuredTable.read(path)
            if (held.base_checksum, held.images) == (base.checksum, images):
                table = held
        return cls(table, path, base, data, splits, runs, where)

    def add(self, method: str, column: str, correct: int, total: int, seconds: float, epochs: int = 0) -> str:
        """Keep one cell; the line that says so."""
        self.table.add(method, column, correct, total, seconds, epochs)
        self.table.write(self.path)
        return f"{method}, {column}: {100 * correct / total:.2f} % of {total:,}"

    def features(self, part: str, method: str = "mean") -> Features:
        """What the model says about every view of "train", "validation", "test" or "upright" images."""
        images = self.table.setting.images_for(method, self.table.images)
        split: Split = {
            "train": self.splits.train, "validation": self.splits.validation,
            "test": self.splits.test.spread(images), "upright": self.splits.test_upright.spread(images),
        }[part]  # fmt: skip
        model = wrap(self.base, method, self.table.setting.group)
        kept_as = part if part in ("train", "validation") else f"{part}-{len(split)}"
        folder, report = features_folder(self.runs, model) / kept_as, _line(f"{part} views")
        if part in ("train", "validation"):
            most = self.table.setting.training_for(method) or None
            if most and part == "validation":
                most //= VALIDATION_SHARE
            return learning_features(model, split, folder, limit=most, report=report, where=self.where)
        return view_features(model, split, folder, report=report, where=self.where, turns=method in CANONICAL)


def measure(filling: Filling, columns: Sequence[str], methods: Sequence[str], epochs: int) -> Iterator[str]:
    """Fill the cells that are still empty; each yields a line when it is done.

    Args:
        filling: of one setting.
        columns, methods: which cells.
        epochs: of level "whole".
    """
    yield from _unwrapped(filling, columns)
    alike: dict[tuple[bool, bool], list[str]] = {}  # those that ask for the same embeddings
    for method in methods:
        alike.setdefault((method in CANONICAL, _on_a_part(filling, method)), []).append(method)
    for chosen in alike.values():
        yield from _on_features(filling, columns, chosen)
    for method in methods if "whole" in columns else ():
        left = f"{method}/whole" not in filling.table.cells and method not in SAME_WHEN_WHOLE
        if left and "whole" in filling.table.levels_of(method):
            yield _measure_whole(filling, method, epochs)


def _on_a_part(filling: Filling, method: str) -> bool:
    return bool(filling.table.setting.part_images) and method in ON_A_PART


def _unwrapped(filling: Filling, columns: Sequence[str]) -> Iterator[str]:
    """The model as it is."""
    parts = {"none": filling.splits.test, "upright": filling.splits.test_upright}
    for column, split in parts.items():
        if f"unwrapped/{column}" in filling.table.cells or (column == "upright" and column not in columns):
            continue
        started, split = time.monotonic(), split.spread(filling.table.images)
        correct = correct_count(filling.base, split, Counter(len(split), _line("not wrapped")))
        yield filling.add("unwrapped", column, correct, len(split), time.monotonic() - started)


def _on_features(filling: Filling, columns: Sequence[str], methods: Sequence[str]) -> Iterator[str]:
    """The cells for which the body stands still: all that is asked of it is kept once, for all methods."""
    cells = filling.table.cells
    levels = {m: [each for each in filling.table.levels_of(m) if each != "whole" and each in columns] for m in methods}
    empty = [(m, level) for m in methods for level in levels[m] if f"{m}/{level}" not in cells]
    empty += [(m, "upright") for m in methods if "upright" in columns and f"{m}/upright" not in cells]
    if not empty:
        return
    first = methods[0]
    found = {part: filling.features(part, first) for part in ("test", "upright")
             if any((column == "upright") == (part == "upright") for _, column in empty)}  # fmt: skip
    learning: dict[bool, list[Features]] = {}
    for method, column in empty:
        started, level = time.monotonic(), "none" if column == "upright" else column
        network = beginning(filling.base, method, filling.table.setting.group).network
        trained = bool(trained_parts(network, level))  # type: ignore[arg-type]
        if trained:
            turned = method in LEARN_FROM_TURNED
            if turned not in learning:
                learning[turned] = [filling.features(part, method) for part in ("train", "validation")]
            network = tune(network, level, *learning[turned])  # type: ignore[arg-type]
        features = found["upright" if column == "upright" else "test"]
        correct = correct_features(network, features)  # type: ignore[arg-type]
        seconds = time.monotonic() - started
        yield filling.add(method, column, correct, len(features), seconds, EPOCHS if trained else 0)


def _measure_whole(filling: Filling, method: str, epochs: int) -> str:
    """One cell of level "whole": a run of the training loop, which resumes, then the test."""
    started, setting = time.monotonic(), filling.table.setting
    recipe = whole_recipe(filling.base.card, method, setting.group, setting.task, epochs)
    data = TrainingData.of(task(setting.task), filling.data)
    run = Run(recipe, data, filling.runs / recipe.name, resume=True)
    run.train(report=lambda line: print(line, flush=True))
    model = model_of_run(recipe, filling.runs / recipe.name)
    split = filling.splits.test.spread(filling.table.images)
    correct = correct_count(model, split, Counter(len(split), _line(f"{method}, whole")))
    return filling.add(method, "whole", correct, len(split), time.monotonic() - started, epochs)


def notes(table: MeasuredTable) -> str:
    """What stands below a table."""
    return table.notes(epochs=EPOCHS, training_views=TRAINING_VIEWS)


def _write(filling: Filling, limit: int | None) -> None:
    """The table in words beside its JSON; of a mere look, nothing."""
    if not limit:
        text = filling.table.markdown(notes(filling.table))
        filling.path.with_suffix(".md").write_text(text, encoding="utf-8")


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
    where: torch.device = CPU,
) -> None:
    """Measure what is asked for and not yet there, print each line and write the tables.

    Args:
        data: folder that holds the data sets.
        runs: where runs and embeddings are kept; a look goes to its folder "tables".
        output: where the tables go.
        settings, levels, methods: of SETTINGS, COLUMNS and METHODS; all by default.
        limit: a look at so many test images.
        epochs: of fine-tuning the whole model, instead of the setting's.
        where: the device that computes views.

    Raises:
        LookupError: for a setting, level or method that there is not.
    """
    settings = _chosen("setting", settings, SETTINGS)
    levels, methods = _chosen("level", levels, COLUMNS), _chosen("method", methods, METHODS)
    for name in settings:
        setting = SETTINGS[name]
        if setting.base not in catalogue.list_models():
            print(f"{name}: {setting.base} is not trained yet; e2viz train {setting.base}", flush=True)
            continue
        folder = runs / "tables" if limit else output
        path = folder / (f"{name}.{limit}.json" if limit else f"{name}.json")
        filling = Filling.begin(name, path, catalogue.load(setting.base), data, runs, limit, where)
        for line in measure(filling, levels, methods, epochs or setting.whole_epochs):
            print(f"{name}: {line}", flush=True)
            _write(filling, limit)
        _write(filling, limit)
        print(filling.table.markdown(notes(filling.table)))


def _chosen(what: str, names: Sequence[str] | None, known: Iterable[str]) -> list[str]:
    known = list(known)
    for name in names or ():
        if name not in known:
            raise LookupError(f"no {what} is called {name[:80]!r}; there are {', '.join(known)}")
    return list(names or known)
