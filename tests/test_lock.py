"""requirements.lock holds an exact version of everything that requirements.txt asks for, and one that it allows."""

from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]


def test_what_is_locked_is_what_is_required():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    locked = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    for line in filter(None, (ROOT / "requirements.txt").read_text().splitlines()):
        wanted = Requirement(line)
        name = canonicalize_name(wanted.name)
        assert name in locked, f"{name} is required but not locked: make lock"
        assert wanted.specifier.contains(locked[name]), f"{line} does not allow {locked[name]}: make lock"
