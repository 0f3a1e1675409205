"""Write requirements.lock: the exact versions, of this environment, of everything that requirements.txt needs.

Run by `make lock` in the project's environment after the tests passed in it, so that what is locked is what was tested.
"""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
HEADER = "# What the app needs, as tested: Linux, Python 3.11, the CPU build of torch. Made by `make lock`.\n"


def locked() -> dict[str, str]:
    """Version by name, of what is required and what that requires in turn."""
    wanted = [Requirement(line) for line in (ROOT / "requirements.txt").read_text().splitlines() if line.strip()]
    found: dict[str, str] = {}
    while wanted:
        each = wanted.pop()
        name = canonicalize_name(each.name)
        if name in found or (each.marker and not each.marker.evaluate({"extra": ""})):
            continue
        try:
            held = importlib.metadata.distribution(each.name)
        except importlib.metadata.PackageNotFoundError:
            continue  # torch's CUDA packages, which the CPU build does without
        found[name] = held.version.partition("+")[0]
        wanted += [Requirement(text) for text in held.requires or ()]
        wanted += [Requirement(text.partition(";")[0]) for text in held.requires or () if _asked(text, each.extras)]
    return dict(sorted(found.items()))


def _asked(text: str, extras: set[str]) -> bool:
    marker = Requirement(text).marker
    return marker is not None and any(marker.evaluate({"extra": extra}) for extra in extras)


if __name__ == "__main__":
    lines = [f"{name}=={version}\n" for name, version in locked().items()]
    (ROOT / "requirements.lock").write_text(HEADER + "".join(lines))
    print(f"requirements.lock: {len(lines)} packages")
