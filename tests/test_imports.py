"""Imports run one way through the house, render knows no torch, and only the screen knows Streamlit."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# A room may import from itself and from rooms with a smaller number.
ROOMS = {
    "limits": -1, "architectures": -1, "whole": -1, "places": -1, "interrupt": -1, "groups": 0, "capture": 0,
    "images": 1, "data": 1.5,
    "nn": 2, "models": 3, "zoo": 4, "measure": 5, "kept": 5.2, "foreign": 5.5, "train": 6, "check": 6,
    "render": 0, "scenes": 7, "ui": 8, "commands": 9, "cli": 10, "__main__": 11,
}  # fmt: skip
FILES = sorted((ROOT / "e2viz").rglob("*.py"))


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(dotted):
    parts = dotted.split(".")
    return parts[1] if parts[0] == "e2viz" and len(parts) > 1 and parts[1] in ROOMS else None


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path):
    here = path.relative_to(ROOT / "e2viz").parts[0].removesuffix(".py")
    if here == "__init__":
        return
    assert here in ROOMS, f"{here} has no place in the order of rooms"
    for name in imported(path):
        there = room(name)
        assert there is None or there == here or ROOMS[there] < ROOMS[here], f"{here} must not import {name}"
        if here == "render":
            assert there in (None, "render", "places", "limits", "architectures") and not name.startswith("torch")
        if here != "ui" and path.name != "app.py":  # the command that starts Streamlit
            assert not name.startswith("streamlit")


def test_pages_do_no_arithmetic_of_their_own():
    for path in (ROOT / "pages").rglob("*.py"):
        assert not any(name.split(".")[0] in ("torch", "scipy") for name in imported(path)), path


def test_measure_knows_no_architecture():
    """It measures any module: which networks and which trained models there are is none of its business."""
    for path in (ROOT / "e2viz" / "measure").glob("*.py"):
        for name in imported(path):
            assert not name.startswith(("e2viz.models", "e2viz.zoo.catalogue", "e2viz.zoo.weights")), f"{path}: {name}"


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_no_module_imports_one_that_imports_it():
    """A cycle can be hidden inside a function; here that counts as any other import does."""
    modules = {module_of(path): path for path in FILES if path.parent != ROOT / "e2viz"}
    needs = {}
    for name, path in modules.items():
        found = {each if each in modules else each.rpartition(".")[0] for each in imported(path)}
        needs[name] = {each for each in found if each in modules and each != name}
    reached = {}

    def all_needs(name, above=()):
        if name in above:
            raise AssertionError(f"a cycle of imports: {' → '.join((*above[above.index(name) :], name))}")
        if name not in reached:
            reached[name] = needs[name].union(*(all_needs(each, (*above, name)) for each in needs[name]))
        return reached[name]

    for name in sorted(needs):
        all_needs(name)


def test_what_is_true_of_one_data_set_stands_in_its_entry_alone():
    """A mean, or the names of its samples, anywhere else would be told of other pictures too."""
    from e2viz.data.samples import sample_names
    from e2viz.data.table import DATA_SETS

    facts = {f"{level:g}" for each in DATA_SETS.values() for level in (*each.mean, *each.std) if len(f"{level:g}") > 4}
    facts |= {f'"{name}"' for name in sample_names()}
    allowed = {"icon.py", "gallery.py"}  # pictures that are made of one sample
    for path in FILES:
        if "data" not in path.relative_to(ROOT).parts and path.name not in allowed:
            constants = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
            said = {f'"{each}"' if isinstance(each, str) else str(each) for each in constants}
            assert not facts & said, f"{path}: {facts & said}"
