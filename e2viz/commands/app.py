"""``e2viz``, ``e2viz app``: the app in the browser."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from e2viz import places
from e2viz.commands.options import Commands


def add(commands: Commands) -> None:
    words = "open the app in the browser, as e2viz does without a command; takes Streamlit's flags: --server.port 8502"
    app = commands.add("app", run, words)
    app.add_argument("--data", type=Path, help="folder of data sets, to measure models over them; else $E2VIZ_DATA")


def run(arguments: argparse.Namespace) -> int:
    from streamlit.web import cli as streamlit

    if arguments.data is not None:
        os.environ[places.DATA_VARIABLE] = str(arguments.data.resolve())
    # Streamlit reads its flags from here; its settings lie beside app.py and go before those of the folder one is in.
    sys.argv = ["streamlit", "run", str(places.APP), *arguments.flags]
    return streamlit.main()
