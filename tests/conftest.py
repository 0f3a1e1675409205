"""What all tests share: where the agreements and data that are not part of the project lie, if they are there."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"


def shared_path(relative: str) -> Path:
    path = SHARED / relative
    if not path.exists():
        pytest.skip(f"needs ../shared/{relative}, which is not part of the project")
    return path


@pytest.fixture(scope="session")
def reference() -> Path:
    """The published checkpoints and what the published code computed with them."""
    return shared_path("reference")


@pytest.fixture(scope="session")
def mnist() -> Path:
    """The MNIST IDX files."""
    return shared_path("data/mnist")
