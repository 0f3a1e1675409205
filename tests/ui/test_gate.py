"""The compute gate: one or two at a time, in the order of arrival, and free again however somebody leaves."""

import threading
import time
from contextlib import nullcontext
from unittest.mock import MagicMock

import pytest
import torch

import e2viz
from e2viz import interrupt
from e2viz.ui import encoding
from e2viz.ui import gate as gates
from e2viz.ui.cores import usable_cores
from e2viz.ui.encoding import in_turns
from e2viz.ui.gate import GATE, Ahead, Cancelled, Gate, Progress, share_cores


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

    def give_up(ahead: Ahead) -> None:
        raise Stop(ahead.count)

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
    assert {ahead.count for ahead in told} == {1, 2}


def wait_until(condition, limit_s: float = 5.0) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


def test_ten_tabs_of_one_person_do_not_starve_the_others() -> None:
    gate, order = Gate(1), []

    def work(person: str) -> None:
        with gate.enter(look_every_s=0.005, person=person):
            order.append(person)

    with gate.enter(person="first"):
        people = ["greedy"] * 10 + [f"other {k}" for k in range(5)]
        threads = [threading.Thread(target=work, args=(person,)) for person in people]
        for count, each in enumerate(threads, start=1):
            each.start()
            wait_until(lambda count=count: len(gate._waiting) == count)
    for each in threads:
        each.join(5)
    assert order[:6] == ["greedy", *[f"other {k}" for k in range(5)]]
    assert order[6:] == ["greedy"] * 9


def test_long_work_lets_whoever_waits_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("e2viz.ui.gate.TURN_S", 0.0)
    gate, order = Gate(1), []

    def short() -> None:
        with gate.enter(look_every_s=0.005, person="short"):
            order.append("short")

    with gate.enter(person="long") as turn:
        order.append("long begins")
        turn.let_others()  # nobody waits: it goes on
        assert turn.inside
        other = threading.Thread(target=short)
        other.start()
        wait_until(lambda: gate.others_wait("long"))
        turn.let_others()
        order.append("long ends")
    other.join(5)
    assert order == ["long begins", "short", "long ends"]


def test_a_place_counts_that_whoever_was_served_goes_to_the_end() -> None:
    gate = Gate(1)
    gate._numbers, gate._served = 7, {"eve": 6, "ann": 7}
    people = ["ann", "ann", "bob", "ann", "eve", "bob"]
    gate._waiting = [gates._Ticket(person, 8 + number) for number, person in enumerate(people)]
    served = sorted(gate._waiting, key=gate._place)
    assert [each.person for each in served] == ["bob", "eve", "ann", "bob", "ann", "ann"]
    assert [each.number for each in served] == [10, 12, 8, 13, 9, 11] and gate._first(served[0])


def test_the_queue_says_place_and_time() -> None:
    gate, told = Gate(1), []
    with gate.enter():
        time.sleep(0.02)
    gate._lasted_s.clear()
    gate._lasted_s.extend([4.0, 2.0])

    def give_up(ahead: Ahead) -> None:
        told.append(ahead)
        raise Cancelled("enough")

    with gate.enter(), pytest.raises(Cancelled), gate.enter(give_up, look_every_s=0.001):
        pass
    assert told == [Ahead(1, 3.0)]
    assert str(told[0]) == "Waiting for 1 computation before this one, about 3 s"
    assert str(Ahead(4, 0.2)) == "Waiting for 4 computations before this one, about 1 s"


def test_work_stops_in_the_middle_of_a_chunk_when_nobody_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("e2viz.ui.gate.LOOK_S", 0.0)
    network = e2viz.load("vit.mnist+mean_c32").network
    there = iter([True, True, False])
    progress = Progress(lambda share, text: None, lambda: not next(there))
    images = torch.zeros(1, 1, 28, 28)
    with interrupt.asked(progress.point), pytest.raises(Cancelled, match="stopped at 0 views"):
        network(images)
    network(images)  # outside, nobody asks


def test_an_export_ends_with_its_session_and_gives_its_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("e2viz.ui.encoding.LOOK_S", 0.0)
    frames = []

    def work(progress) -> None:
        for done in range(100):
            interrupt.point()
            frames.append(done)
            progress(done, 100)

    with pytest.raises(Cancelled):
        in_turns(work, lambda: len(frames) < 3)
    assert frames == [0, 1, 2]
    assert in_turns(lambda progress: "next", lambda: True) == "next"


def test_progress_is_shown_at_most_ten_times_a_second_and_always_at_the_end() -> None:
    shown = []
    progress = Progress(lambda share, text: shown.append((share, text)))
    for done in range(1, 145):
        progress(done, 144)
    assert len(shown) <= 4
    assert shown[-1] == (1.0, "144 of 144 views")


def test_a_file_of_the_studio_waits_like_all_else_of_its_person(monkeypatch) -> None:
    """Without a name it would be somebody new each time, who goes before all who were served."""
    asked = []
    monkeypatch.setattr(encoding, "st", MagicMock())
    monkeypatch.setattr(encoding, "person", lambda: "somebody")
    monkeypatch.setattr(encoding, "GATE", MagicMock(enter=lambda *_, person: asked.append(person) or nullcontext()))
    encoding.making(lambda progress: b"", key="studio")
    assert asked == ["somebody"]


def test_progress_raises_where_it_may_stop() -> None:
    progress = Progress(lambda share, text: None, lambda: True)
    with pytest.raises(Cancelled, match="stopped after 8 of 72 views"):
        progress(8, 72)
    with pytest.raises(Cancelled):
        progress.queue(Ahead(1, 1.0))


def test_who_computes_alone_has_all_cores_and_two_share_them() -> None:
    gate, threads, go = Gate(2, cores=6), [], threading.Event()
    gate.set_threads = threads.append

    def other() -> None:
        with gate.enter(look_every_s=0.005):
            go.wait(5)

    with gate.enter() as turn:
        assert threads == [6]
        beside = threading.Thread(target=other)
        beside.start()
        wait_until(lambda: len(threads) == 2)
        turn.let_others()
        assert threads == [6, 3, 3], "the one that came, and the first between two pieces of its work"
        third = threading.Thread(target=other)
        third.start()
        wait_until(lambda: len(gate._waiting) == 1)
        turn.let_others()
        assert threads[-1] == 3, "who waits takes no cores"
        go.set()
        beside.join(5)
        third.join(5)
        turn.let_others()
        assert threads[-1] == 6


def test_half_the_cores_are_held_twice_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, now_s, left = Gate(2, cores=2), [100.0], []
    with gate.enter(person="first"), gate.enter(person="second") as turn:
        monkeypatch.setattr(gates.time, "monotonic", lambda: now_s[0])
        monkeypatch.setattr(gate, "others_wait", lambda person: True)
        monkeypatch.setattr(turn, "leave", lambda: left.append(now_s[0]))
        monkeypatch.setattr(turn, "enter", lambda: None)
        turn._since = now_s[0]
        for now_s[0] in (100.5, 101.5, 102.5):
            turn.let_others()
        monkeypatch.undo()
    assert left == [102.5]


def test_the_gate_never_has_more_places_than_cores_and_tells_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []
    monkeypatch.setattr(gates, "GATE", Gate(2, cores=5))
    share_cores(threads.append)
    with gates.GATE.enter():
        share_cores(threads.append)
    share_cores(threads.append)
    assert threads == [5, 5, 1, 5], "a page that opens beside somebody's work takes no cores from it"
    assert gates.MOST_PLACES == 2 and 1 <= GATE.places <= min(2, usable_cores()) and GATE.cores == usable_cores()


def test_a_gate_needs_a_place() -> None:
    with pytest.raises(ValueError, match="places must be at least 1, got 0"):
        Gate(0)


def test_who_waits_is_told_what_changes_and_the_same_once_a_second(monkeypatch) -> None:
    now_s, shown = [100.0], []
    monkeypatch.setattr(gates.time, "monotonic", lambda: now_s[0])
    progress = Progress(lambda share, text: shown.append((now_s[0], text)))
    for _ in range(9):  # two seconds, each quarter of which the gate asks
        progress.queue(Ahead(3, 4.0))
        now_s[0] += 0.25
    assert [when for when, _ in shown] == [100.0, 101.0, 102.0]
    progress.queue(Ahead(2, 4.0))
    assert len(shown) == 4 and shown[-1][1].startswith("Waiting for 2 computations")
