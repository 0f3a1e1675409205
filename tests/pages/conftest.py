"""What all tests of pages share."""

import pytest


@pytest.fixture(autouse=True)
def no_head_start(monkeypatch):
    """No browser has to draw the player first: nothing waits for it."""
    monkeypatch.setattr("e2viz.ui.page.HEAD_START_S", 0.0)
