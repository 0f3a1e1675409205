"""The compute gate: one at a time, in the order of arrival, and free again however somebody leaves."""

import os
import threading
import time

import pytest

from e2viz.ui.gate import Cancelled, Gate, Progress, share_cores


def test_one_at_a_time_in_the_order_of_arrival() -> None:
    gate, inside, most, order = Gate(1), [0], [0], []

    def person(number: int) -> None:
        with gate.enter(look_every_s=0.005):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            order.append(number)
            time.sleep(0.01)
            inside[0] -= 1

    with gate.enter():
        people = [threading.Thread(target=person, args=(number,)) for number in range(6)]
        for each in people:
            each.start()
            time.sleep(0.02)  # arrive one after the other
    for each in people:
        each.join(5)
    assert order == list(range(6))
    assert most[0] == 1


def test_gate_is_free_after_a_failure_and_after_giving_up_in_the_queue() -> None:
    class Stop(BaseException):
        """Streamlit stops scripts with an exception that is no Exception."""

    gate = Gate(1)

    def give_up(before: int) -> None:
        raise Stop(before)

    with gate.enter(), pytest.raises(Stop, match="1"), gate.enter(give_up, look_every_s=0.001):
        pass
    with pytest.raises(Stop), gate.enter():
        raise Stop
    with gate.enter(give_up):
        pass


def test_waiting_is_told_how_many_come_first() -> None:
    gate, told = Gate(1), []

    def person() -> None:
        with gate.enter(told.append, look_every_s=0.01):
            pass

    with gate.enter():
        people = [threading.Thread(target=person) for _ in range(2)]
        for each in people:
            each.start()
        time.sleep(0.1)
    for each in people:
        each.join(5)
    assert set(told) == {1, 2}


def test_progress_is_shown_at_most_ten_times_a_second_and_always_at_the_end() -> None:
    shown = []
    progress = Progress(lambda share, text: shown.append((share, text)))
    for done in range(1, 145):
        progress(done, 144)
    assert len(shown) <= 4
    assert shown[-1] == (1.0, "144 of 144 views")


def test_progress_raises_where_it_may_stop() -> None:
    progress = Progress(lambda share, text: None, lambda: True)
    with pytest.raises(Cancelled, match="stopped after 8 of 72 views"):
        progress(8, 72)
    with pytest.raises(Cancelled):
        progress.queue(1)


def test_threads_times_places_are_the_cores() -> None:
    threads = []
    assert share_cores(threads.append, cores=6) == 6
    assert share_cores(threads.append, cores=1) == 1
    assert threads == [6, 1]


def test_where_the_system_does_not_say_which_cores_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 10)
    assert share_cores(lambda threads: None) == 10
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert share_cores(lambda threads: None) == 1


def test_a_gate_needs_a_place() -> None:
    with pytest.raises(ValueError, match="places must be at least 1, got 0"):
        Gate(0)
