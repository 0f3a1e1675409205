"""Where everything lies: in a checkout, in an installed package, and in a person's own folder.

A checkout keeps app.py, pages/, weights/ and assets/ at its top. The wheel carries the same tree inside the package, in
``e2viz/shipped``, beside nothing that belongs to others. What is shipped is only read, since an installed package may
lie in a folder that nobody may write; what a person trains or describes goes to a folder of that person.
"""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
INSTALLED = (_PACKAGE / "shipped").is_dir()
ROOT = _PACKAGE / "shipped" if INSTALLED else _PACKAGE.parent

APP = ROOT / "app.py"
PAGES = ROOT / "pages"
WEIGHTS = ROOT / "weights"
ASSETS = ROOT / "assets"
FONTS = ASSETS / "fonts"
SAMPLES = ASSETS / "samples"
KEPT = ASSETS / "kept"
EFFICIENCY = ASSETS / "efficiency.json"
TABLES = ROOT / "benchmarks" / "tables"

HOME_VARIABLE = "E2VIZ_HOME"
DATA_VARIABLE = "E2VIZ_DATA"


def home() -> Path:
    """A person's own folder: $E2VIZ_HOME, else the place that the platform has for a program's data.

    Asked for at each call, so that a test or a server may choose another; it need not exist.
    """
    chosen = os.environ.get(HOME_VARIABLE)
    if chosen:
        return Path(chosen).expanduser().resolve()
    import platformdirs

    return platformdirs.user_data_path("e2viz", appauthor=False)


def own_weights() -> Path:
    """Models that this person trained, packed or brought: weights and cards, as in WEIGHTS."""
    return home() / "weights"


def new_weights() -> Path:
    """Where packing writes: in a checkout what will be shipped, else the person's own weights."""
    return own_weights() if INSTALLED else WEIGHTS


def own_data() -> Path:
    """Descriptions (JSON) of this person's data sets."""
    return home() / "data"


def runs() -> Path:
    """State of training runs: in a checkout beside the code and ignored by git, else in the person's folder."""
    return home() / "runs" if INSTALLED else ROOT / "runs"


def data_folder() -> Path | None:
    """The folder of data sets that the app was given, $E2VIZ_DATA or ``e2viz --data DIR``; None without either."""
    chosen = os.environ.get(DATA_VARIABLE)
    return Path(chosen).expanduser().resolve() if chosen else None
