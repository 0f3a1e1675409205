"""What stays for the life of the server is set aside once, when the second run begins."""

import gc

from e2viz.ui import settled


def test_it_acts_once_and_in_the_second_run(monkeypatch):
    acted = []
    monkeypatch.setattr(settled, "_runs", 0)
    monkeypatch.setattr(gc, "collect", lambda: acted.append("collect"))
    monkeypatch.setattr(gc, "freeze", lambda: acted.append("freeze"))
    settled.settle()
    assert acted == [], "the first run still reads modules and weights"
    for _ in range(3):
        settled.settle()
    assert acted == ["collect", "freeze"]
