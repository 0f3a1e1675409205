"""The compute gate: one sweep at a time in the whole process, first come first served, and cancellable.

Ten people who sweep at once share the cores badly: with a gate of one the first answer comes nine times sooner and
memory is bounded. `Gate × torch threads = cores`.
"""

import collections
import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator


class Gate:
    """A fair queue for a number of places.

    Args:
        places: how many may compute at once.
    """

    def __init__(self, places: int = 1) -> None:
        if places < 1:
            raise ValueError(f"places must be at least 1, got {places}")
        self.places = places
        self._turn = threading.Condition()
        self._waiting: collections.deque[object] = collections.deque()
        self._inside = 0

    @contextlib.contextmanager
    def enter(self, waiting: Callable[[int], None] | None = None, look_every_s: float = 0.25) -> Iterator[None]:
        """Hold a place for the body of the `with`.

        Args:
            waiting: called every `look_every_s` with the number of people before this one; it may raise to give up.
            look_every_s: seconds between two of these calls.
        """
        ticket = object()
        self._wait(ticket, waiting, look_every_s)
        try:
            yield
        finally:
            with self._turn:
                self._inside -= 1
                self._turn.notify_all()

    def _wait(self, ticket: object, waiting: Callable[[int], None] | None, look_every_s: float) -> None:
        with self._turn:
            self._waiting.append(ticket)
        try:
            while True:
                with self._turn:
                    if self._first(ticket) or self._turn.wait_for(lambda: self._first(ticket), look_every_s):
                        self._inside += 1
                        return
                    before = self._waiting.index(ticket) + self._inside
                # Outside the lock: Streamlit stops a script here, by raising.
                if waiting is not None:
                    waiting(before)
        finally:
            with self._turn:
                self._waiting.remove(ticket)
                self._turn.notify_all()

    def _first(self, ticket: object) -> bool:
        return self._inside < self.places and self._waiting[0] is ticket


GATE = Gate(1)


def share_cores(set_threads: Callable[[int], None], cores: int | None = None) -> int:
    """Give each place of the gate its share of the cores.

    Args:
        set_threads: torch.set_num_threads; handed in, so that this module needs no torch.
        cores: cores to share; those this process may use when None.

    Returns:
        Threads for each place.
    """
    threads = max(1, (cores or usable_cores()) // GATE.places)
    set_threads(threads)
    return threads


def usable_cores() -> int:
    """Cores that this process may use; where the system cannot say (macOS, Windows), all there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Cancelled(Exception):
    """The reader stopped the sweep."""


class Progress:
    """Counts a sweep's work, tells the page, and raises where it may be stopped.

    It is the `progress` callback of a sweep. The page is told at most ten times a second: each message to the
    browser is also the place at which Streamlit stops a script that nobody waits for any more.

    Args:
        show: receives the share done in [0, 1] and a sentence.
        cancelled: asked at each step.
    """

    def __init__(
        self,
        show: Callable[[float, str], object],
        cancelled: Callable[[], bool] = lambda: False,
        *,
        what: str = "views",
    ) -> None:
        self._show = show
        self._cancelled = cancelled
        self._what = what
        self._last_s = -1.0

    def queue(self, before: int) -> None:
        """What to show while others compute."""
        if self._cancelled():
            raise Cancelled("stopped while waiting")
        people = "1 computation" if before == 1 else f"{before} computations"
        self._show(0.0, f"Waiting for {people} before this one")

    def __call__(self, done: int, total: int) -> None:
        if self._cancelled():
            raise Cancelled(f"stopped after {done} of {total} {self._what}")
        now_s = time.monotonic()
        if done < total and now_s - self._last_s < 0.1:
            return
        self._last_s = now_s
        self._show(done / max(total, 1), f"{done} of {total} {self._what}")
