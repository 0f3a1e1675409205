"""The command line: ``e2viz COMMAND``; without a command it opens the app."""

from __future__ import annotations

import argparse
import os
import re
import sys

import e2viz
from e2viz.commands import app, catalogue, rendering, shipped, training
from e2viz.commands.options import Commands


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(prog="e2viz", description="See what equivariance does inside a vision transformer.")
    top.add_argument("--version", action="version", version=f"e2viz {e2viz.__version__}")
    commands = Commands(top)
    for family in (app, catalogue, rendering, training, shipped):
        family.add(commands)
    return top


def main(words: list[str] | None = None) -> int:
    """Run one command; 0 when it went well, 1 with a message on standard error when not."""
    words = sys.argv[1:] if words is None else words
    if not words or re.match(r"--(data\b|[a-z]+\.)", words[0]):  # Streamlit's flags have a section and a point
        words = ["app", *words]
    known = parser()
    arguments, flags = known.parse_known_args(words)  # before any import that takes seconds: --help ends here
    if arguments.run is app.run:
        arguments.flags = flags
    elif flags:
        known.error(f"unrecognized arguments: {' '.join(flags)}")

    from e2viz.data.idx import DataError
    from e2viz.images.picture import PictureError
    from e2viz.zoo.weights import WeightsError

    try:
        return arguments.run(arguments)
    except BrokenPipeError:  # whoever read the output has seen enough
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - nothing may be flushed into the closed pipe at exit
        return 0
    except (DataError, PictureError, WeightsError, LookupError, ValueError, OSError) as error:
        print(f"e2viz: {error}", file=sys.stderr)
        return 1
