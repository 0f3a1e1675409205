"""The command line: models, train, evaluate, check, data. Each command is a function of its parsed arguments."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA_HELP = "folder that holds mnist/ and fashion_mnist/ as IDX files"


def _train(arguments: argparse.Namespace) -> int:
    import torch

    from e2viz.train.data import TrainingData, task
    from e2viz.train.loop import Run
    from e2viz.train.recipes import recipe

    torch.set_num_threads(arguments.threads)
    chosen = recipe(arguments.recipe)
    data = TrainingData.of(task(chosen.task), arguments.data)
    folder = arguments.runs / chosen.name
    run = Run(chosen, data, folder, resume=arguments.resume, epochs=arguments.epochs)
    finished = run.train(arguments.minutes, lambda line: print(line, flush=True))
    print(f"{'finished' if finished else 'stopped'}; the run is in {folder}, its best epoch {run.progress.best_epoch}")
    return 0


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(prog="python -m e2viz", description="See what equivariance does inside a ViT.")
    commands = top.add_subparsers(dest="command", required=True)

    train = commands.add_parser("train", help="train a recipe; stops and resumes at any point")
    train.add_argument("recipe", help="a name such as vit.rotmnist")
    train.add_argument("--data", type=Path, default=Path("data"), help=DATA_HELP)
    train.add_argument("--runs", type=Path, default=ROOT / "runs", help="where runs keep their state")
    train.add_argument("--resume", action="store_true", help="continue the run's state, if there is one")
    train.add_argument("--minutes", type=float, default=float("inf"), help="stop cleanly after that long")
    train.add_argument("--epochs", type=int, help="total epochs, instead of the recipe's")
    train.add_argument("--threads", type=int, default=1)
    train.set_defaults(run=_train)
    return top


def main(words: list[str] | None = None) -> int:
    """Run one command; 0 when it went well, 1 with a message on standard error when not."""
    arguments = parser().parse_args(words)
    try:
        return arguments.run(arguments)
    except (LookupError, ValueError, OSError) as error:
        print(f"e2viz: {error}", file=sys.stderr)
        return 1
