"""``e2viz``, ``e2viz app``: the app in the browser."""

from __future__ import annotations

import argparse
import sys

from e2viz import places
from e2viz.commands.options import Commands


def add(commands: Commands) -> None:
    words = "open the app in the browser, as e2viz does without a command; takes Streamlit's flags: --server.port 8502"
    commands.add("app", run, words)


def run(arguments: argparse.Namespace) -> int:
    from streamlit.web import cli as streamlit

    # Streamlit reads its flags from here; its settings lie beside app.py and go before those of the folder one is in.
    sys.argv = ["streamlit", "run", str(places.APP), *arguments.flags]
    return streamlit.main()
