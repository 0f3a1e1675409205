"""What commands have in common: how one is added, where data lie, and a line that says how far it is."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from e2viz import places

Run = Callable[[argparse.Namespace], int]


class Commands:
    """The commands of one parser, to be added to."""

    def __init__(self, parser: argparse.ArgumentParser, name: str = "command") -> None:
        self._parsers: Any = parser.add_subparsers(dest=name, required=True, metavar=name)

    def add(
        self, name: str, run: Run, words: str, *, data: bool = False, computes: bool = False, runs: bool = False
    ) -> argparse.ArgumentParser:
        """A command with its help.

        Args:
            name: of the command.
            run: what it does.
            words: its help.
            data: whether it reads the folder of data sets.
            computes: whether it runs networks over these, with threads and on a device.
            runs: whether it keeps training runs.
        """
        added: argparse.ArgumentParser = self._parsers.add_parser(name, help=words, description=words)
        added.set_defaults(run=run)
        if data:
            words = "folder that holds the data sets: mnist/, fashion_mnist/, cifar10.tar.xz, blood_cells.zip, ... "
            added.add_argument("--data", type=Path, default=Path("data"), help=words + "(default: ./data)")
        if computes:
            words = "of the processor, for each computation (default: %(default)s)"
            added.add_argument("--threads", type=int, default=1, help=words)
            words = "where to compute: cpu, cuda, or auto, which takes a GPU where there is one"
            added.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help=words)
        if runs:
            added.add_argument("--runs", type=Path, default=places.runs(), help="where runs keep their state")
        return added

    def group(self, name: str, words: str) -> Commands:
        """Commands below a command, such as ``make sweeps``."""
        return Commands(self._parsers.add_parser(name, help=words, description=words), "what")


def progress() -> Callable[[int, int], None]:
    """A function that prints one changing line with the time left, on standard error."""
    from e2viz.train.evaluation import minutes_left

    started = said = time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said > 5 or done == total:
            said = now
            left = minutes_left(done, total, now - started)
            end = "\n" if done == total else ""
            print(f"\r{done:,} of {total:,} images, {left} min left ", end=end, file=sys.stderr, flush=True)

    return report
