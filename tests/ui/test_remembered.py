"""Results that a session remembers: bounded in bytes, for each session and for all together."""

from dataclasses import dataclass

import numpy as np
import pytest

from e2viz.ui import remembered
from e2viz.ui.remembered import Results, keep, size_of

MB = 2**20


@dataclass
class Pair:
    one: np.ndarray
    other: dict


def array(megabytes):
    return np.zeros(megabytes * MB, dtype=np.uint8)


def test_every_array_is_counted_once():
    shared = array(1)
    assert size_of(Pair(shared, {"a": [shared, array(2)], "b": "text"})) == 3 * MB


def test_a_session_forgets_what_it_asked_for_longest_ago(monkeypatch):
    monkeypatch.setattr(remembered, "SESSION_BYTES", 5 * MB)
    results = Results()
    for key in ("a", "b"):
        keep(results, key, array(2))
    results.kept["b"].used -= 100  # a was asked for again
    keep(results, "c", array(2))
    assert set(results.kept) == {"a", "c"}
    keep(results, "larger than all", array(9))
    assert set(results.kept) == {"larger than all"}, "what is looked at now stays"


def test_all_sessions_together_are_bounded(monkeypatch):
    monkeypatch.setattr(remembered, "PROCESS_BYTES", 6 * MB)
    monkeypatch.setattr(remembered, "_ALL", type(remembered._ALL)())
    first, second = Results(), Results()
    keep(first, "old", array(2))
    keep(first, "newer", array(2))
    keep(second, "now", array(3))
    assert set(first.kept) == {"newer"} and set(second.kept) == {"now"}
    del first
    keep(second, "more", array(3))
    assert set(second.kept) == {"now", "more"}, "a session that ended leaves its room to the others"


def test_the_number_of_results_is_bounded_too(monkeypatch):
    monkeypatch.setattr(remembered, "MOST_RESULTS", 3)
    results = Results()
    for key in range(6):
        keep(results, str(key), "small")
    assert len(results.kept) == 3 and "5" in results.kept


@pytest.fixture(autouse=True)
def _apart(monkeypatch):
    monkeypatch.setattr(remembered, "_ALL", type(remembered._ALL)())
