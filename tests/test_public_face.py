"""What ``import e2viz`` offers, and that it costs nothing until a name is used."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import e2viz

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "streamlit", "plotly", "h5py")


def modules_after(statement):
    """The modules that a fresh interpreter has loaded after one statement."""
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("name", e2viz.__all__)
def test_every_public_name_is_there(name):
    assert getattr(e2viz, name) is not None and name in dir(e2viz)


def test_type_checkers_see_the_same_names():
    tree = ast.parse(Path(e2viz.__file__).read_text(encoding="utf-8"))
    typed = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("e2viz."):
            typed |= {alias.asname: node.module for alias in node.names}
    assert typed == e2viz._HOME


def test_an_unknown_name_is_an_attribute_error_that_lists_the_names():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'; public are .*sweep"):
        e2viz.nothing  # noqa: B018


def test_a_module_is_still_found_beside_the_names():
    assert importlib.import_module("e2viz.zoo.catalogue").load is e2viz.load


@pytest.mark.parametrize(
    "statement",
    [
        "import e2viz",
        "from e2viz import Recipe, Scene, encode",
        *(
            f"import e2viz.render.{path.stem}"
            for path in sorted((ROOT / "e2viz" / "render").glob("*.py"))
            if path.stem != "__init__"
        ),
        "import e2viz.places, e2viz.cli; e2viz.cli.parser().format_help()",
    ],
)
def test_what_knows_no_torch_imports_none(statement):
    assert not modules_after(statement).intersection(HEAVY)
