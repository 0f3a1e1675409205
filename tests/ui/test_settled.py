"""What stays for the life of the server is set aside once; what sessions leave is collected, but not all the time."""

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


def test_sessions_leavings_are_collected_in_a_hundredth_of_the_time(monkeypatch):
    now_s, collected = [100.0], []

    def collect():
        collected.append(now_s[0])
        now_s[0] += 0.05

    monkeypatch.setattr(settled, "_next_s", 0.0)
    monkeypatch.setattr(settled.time, "monotonic", lambda: now_s[0])
    monkeypatch.setattr(gc, "collect", collect)
    for _ in range(200):  # runs of a page, twenty a second
        settled.tidy()
        now_s[0] += 0.05
    assert len(collected) == 2 and collected[1] - collected[0] >= 5.0
    with settled._LOCK:
        now_s[0] += 60
        settled.tidy()  # one at a time
    assert len(collected) == 2


def test_streamlit_does_not_collect_after_every_run_as_well():
    from streamlit import config

    assert config.get_option("runner.postScriptGC") is False
