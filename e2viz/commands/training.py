"""How weights are made: ``data``, ``train``, ``pack`` and ``tables``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from e2viz import places
from e2viz.commands.options import Commands, progress


def add(commands: Commands) -> None:
    words = "what each task is, with the checksums of its splits; or what a folder of one's own holds"
    data = commands.add("data", _data, words, data=True)
    words = "class folders in a folder, zip or tar: counts, sizes, broken files, the same picture twice"
    data.add_argument("source", nargs="?", type=Path, metavar="DIR", help=words)

    words = "train a recipe; stops and resumes at any point"
    train = commands.add("train", _train, words, data=True, computes=True, runs=True)
    train.add_argument("recipe", help="a name such as vit.rotmnist, or vit.mnist+learned_attention_c16")
    words = "a name for one's own pictures, which lie in --data: the recipe is then vit, cnn, gcnn_p4 or hybrid_p4"
    train.add_argument("--name", metavar="MINE", help=words)
    train.add_argument("--size", type=int, help="side in pixels at which one's own pictures are seen")
    train.add_argument("--resume", action="store_true", help="continue the run's state, if there is one")
    train.add_argument("--minutes", type=float, default=float("inf"), help="stop cleanly after that long")
    train.add_argument("--epochs", type=int, help="total epochs, instead of the recipe's")
    words = "begin from the weights that are there, by a recipe for that or their own"
    train.add_argument("--further", action="store_true", help=words)
    train.add_argument("--limit", type=int, help="of NAME+METHOD: learn from the first so many images alone")

    words = "train, evaluate and pack many recipes side by side until a time that is set"
    every = commands.add("train-all", _train_all, words, data=True, computes=True, runs=True)
    every.add_argument("recipes", nargs="+", help="longest first; NAME@0.5: by half of the time; +NAME: further")
    every.add_argument("--weights", type=Path, help="where weights and cards go, instead of where all are")
    every.add_argument("--out", type=Path, help="where results are packed into tar files, every minute and at the end")
    every.add_argument("--seconds", type=float, default=3600.0, help="from start to end, evaluation included")
    every.add_argument("--evaluation-seconds", type=float, default=45.0, help="kept free for it at the end")
    every.add_argument("--at-once", type=int, default=max(1, (os.cpu_count() or 2) - 2), help="processes side by side")
    every.add_argument("--epochs", type=int, help="at most, instead of the recipes'")
    every.add_argument("--limit", type=int, default=0, help="only so many images of each split, for a trial")
    every.add_argument("--further", action="store_true", help="begin from the weights that are there")
    every.add_argument("--one", action="store_true", help="train the one recipe in this process")
    every.add_argument("--started", type=float, default=0.0, help="when all began, seconds since 1970; else now")

    words = "evaluate a run's best epoch and write its weights and card"
    pack = commands.add("pack", _pack, words, data=True, computes=True, runs=True)
    pack.add_argument("recipe", help="a name such as vit.rotmnist")
    pack.add_argument("--unmeasured", action="store_true", help="leave the evaluation for later")

    words = "measure every way to be equivariant after the fact; goes on where it stopped"
    tables = commands.add("tables", _tables, words, data=True, computes=True, runs=True)
    tables.add_argument("--settings", nargs="+", help="tasks; all without it")
    words = "of fine-tuning: none, last, whole; upright for upright pictures with none; all without it"
    tables.add_argument("--levels", nargs="+", help=words)
    tables.add_argument("--methods", nargs="+", help="all without it")
    tables.add_argument("--limit", type=int, help="a look at so many test images; nothing is written to --output")
    tables.add_argument("--epochs", type=int, help="of fine-tuning the whole model, instead of the setting's")
    tables.add_argument("--output", type=Path, default=places.TABLES, help="where the tables are written")


def _data(arguments: argparse.Namespace) -> int:
    from e2viz.data.idx import DataError
    from e2viz.data.reading import read_splits
    from e2viz.data.tasks import TASKS
    from e2viz.train.pack import data_checksum

    if arguments.source is not None:
        return _look(arguments.source)
    missing: list[tuple[str, Exception]] = []
    for name, task in TASKS.items():
        try:
            print(f"{name}: {task.words}\n  {data_checksum(read_splits(task, arguments.data))}")
        except (DataError, ValueError) as error:
            missing.append((name, error))
    if len(missing) == len(TASKS):
        raise missing[0][1]
    for name, why in missing:
        print(f"{name}: not here. {why}")
    return 0


def _look(source: Path) -> int:
    """Describe and check class folders; 1 when something in them must be mended."""
    from e2viz.data.inspection import in_words, inspect

    found = inspect(source, _counting())
    print(in_words(found))
    return int(bool(found.broken or found.across))


def _counting() -> Callable[[int], None]:
    """A function that prints one changing count, on standard error."""
    said = time.monotonic()

    def report(done: int) -> None:
        nonlocal said
        if time.monotonic() - said > 2:
            said = time.monotonic()
            print(f"\r{done:,} pictures looked at ", end="", file=sys.stderr, flush=True)

    return report


def _train_own(arguments: argparse.Namespace) -> int:
    """From class folders to a model that the app offers."""
    import torch

    from e2viz.train.device import device
    from e2viz.train.evaluation import in_words
    from e2viz.train.own import train_own

    torch.set_num_threads(arguments.threads)
    card = train_own(
        arguments.recipe, arguments.name, arguments.data, arguments.runs, size=arguments.size, epochs=arguments.epochs,
        minutes=arguments.minutes, resume=arguments.resume, where=device(arguments.device),
        say=lambda line: print(line, flush=True), progress=progress(),
    )  # fmt: skip
    if card is None:
        print("stopped before the end; the same command with --resume goes on")
    else:
        print(in_words(card.name, card.measured) if card.measured else card.name)
        print(f"in {places.own_weights()}; the app offers it")
    return 0


def _train(arguments: argparse.Namespace) -> int:
    if arguments.name is not None:
        return _train_own(arguments)
    import torch

    from e2viz.data.tasks import task
    from e2viz.train.data import TrainingData
    from e2viz.train.device import device
    from e2viz.train.loop import Run
    from e2viz.train.recipes import further_recipe, recipe

    torch.set_num_threads(arguments.threads)
    if "+" in arguments.recipe:
        return _train_aggregation(arguments)
    where = device(arguments.device)
    chosen = (further_recipe if arguments.further else recipe)(arguments.recipe, where)
    data = TrainingData.of(task(chosen.task), arguments.data, where)
    folder = arguments.runs / chosen.name
    run = Run(chosen, data, folder, resume=arguments.resume, epochs=arguments.epochs)
    finished = run.train(arguments.minutes, lambda line: print(line, flush=True))
    print(f"{'finished' if finished else 'stopped'}; best epoch {run.progress.best_epoch}, in {folder}")
    print(f"next: e2viz pack {chosen.name} --data {arguments.data}")
    return 0


def _train_all(arguments: argparse.Namespace) -> int:
    from e2viz.train.together import Settings, train_one, train_together

    chosen = Settings(
        data=arguments.data.resolve(), runs=arguments.runs.resolve(),
        weights=(arguments.weights or places.new_weights()).resolve(),
        out=arguments.out, device=arguments.device, threads=arguments.threads,
        started=arguments.started or time.time(),
        seconds=arguments.seconds, evaluation_seconds=arguments.evaluation_seconds, at_once=arguments.at_once,
        epochs=arguments.epochs, limit=arguments.limit, further=arguments.further,
    )  # fmt: skip
    if arguments.one:
        train_one(arguments.recipes[0], chosen)
        return 0
    return int(not train_together(arguments.recipes, chosen))


def _train_aggregation(arguments: argparse.Namespace) -> int:
    from e2viz.train.device import device
    from e2viz.train.fine_tune import train_aggregation

    card = train_aggregation(
        arguments.recipe, arguments.data, arguments.runs, places.new_weights(), progress(),
        limit=arguments.limit, where=device(arguments.device),
    )  # fmt: skip
    print(f"{card.name}: validation accuracy {100 * (card.validation_accuracy or 0.0):.2f} %")
    return 0


def _pack(arguments: argparse.Namespace) -> int:
    import torch

    from e2viz.data.reading import read_splits
    from e2viz.data.tasks import task
    from e2viz.train.device import device
    from e2viz.train.evaluation import in_words
    from e2viz.train.pack import pack
    from e2viz.train.recipes import recipe

    torch.set_num_threads(arguments.threads)
    chosen = recipe(arguments.recipe)
    splits = read_splits(task(chosen.task), arguments.data)
    measure, where, folder = not arguments.unmeasured, device(arguments.device), arguments.runs / chosen.name
    card = pack(chosen, folder, splits, places.new_weights(), progress(), measure=measure, where=where)
    print(in_words(card.name, card.measured) if card.measured else f"{card.name}: packed, not measured")
    return 0


def _tables(arguments: argparse.Namespace) -> int:
    import torch

    from e2viz.train.device import device
    from e2viz.train.tables import make_tables

    torch.set_num_threads(arguments.threads)
    make_tables(
        arguments.data, arguments.runs, arguments.output,
        settings=arguments.settings, levels=arguments.levels, methods=arguments.methods,
        limit=arguments.limit, epochs=arguments.epochs, where=device(arguments.device),
    )  # fmt: skip
    return 0
