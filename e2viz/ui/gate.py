"""The compute gate: one or two computations at a time in the whole process, in fair turns, and cancellable.

Ten people who sweep at once share the cores badly: with a gate the first answer comes nine times sooner and memory is
bounded. Who computes alone has all cores; where others wait there are two places with half of the cores each, since
two threads that wait for nobody get further than one piece of work cut in two. Turns go round by person: ten tabs of
one browser wait for each other, not the others for them; and work that holds its place for long lets others in between.
"""

import collections
import contextlib
import heapq
import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from e2viz.ui.cores import usable_cores

TURN_S = 1.0
"""How long work holds its place on all cores before somebody who waits may go first; on half of them, twice that."""
MOST_PLACES = 2
"""More at once would need more memory, and gain nothing that two do not."""
USUAL_S = 1.0
"""What a computation is taken to need before any was timed."""
REMEMBERED_PEOPLE = 1000


class Ahead(NamedTuple):
    """What is before somebody who waits.

    Args:
        count: computations before this one, those that run included.
        seconds: about how long they will take.
    """

    count: int  # type: ignore[assignment]  # a tuple's method of that name is not missed
    seconds: float

    def __str__(self) -> str:
        many = "1 computation" if self.count == 1 else f"{self.count} computations"
        return f"Waiting for {many} before this one, about {max(1, round(self.seconds))} s"


class _Ticket:
    """A place in the queue."""

    def __init__(self, person: str, number: int) -> None:
        self.person, self.number = person, number


class Turn:
    """A place that is held; `let_others` gives it away for a while where others wait."""

    def __init__(self, gate: "Gate", person: str, waiting: Callable[[Ahead], None] | None, look_every_s: float) -> None:
        self._gate, self._person, self._waiting, self._look_every_s = gate, person, waiting, look_every_s
        self._since = time.monotonic()
        self._held_s = 0.0
        self._share = 1.0
        self.inside = False

    def enter(self) -> None:
        """Wait for the place."""
        self._gate._wait(self._person, self._waiting, self._look_every_s)
        self.inside, self._since = True, time.monotonic()
        self._take_cores()

    def leave(self) -> None:
        """Give the place back."""
        if self.inside:
            self._held_s += time.monotonic() - self._since
            self.inside = False
            self._gate._leave()

    def let_others(self) -> None:
        """Between two pieces of work: after a second, whoever waits goes first; and the cores are shared anew."""
        if time.monotonic() - self._since > TURN_S / self._share and self._gate.others_wait(self._person):
            self.leave()
            self.enter()
        else:
            self._take_cores()

    def _take_cores(self) -> None:
        """Tell this thread how many cores are its own, as many as wait or compute beside it."""
        wanted = self._gate.wanted()
        self._share = 1 / wanted
        self._gate.set_threads(max(1, self._gate.cores // wanted))

    @property
    def held_s(self) -> float:
        """Seconds that the place was held."""
        return self._held_s


class Gate:
    """A fair queue for a number of places.

    Args:
        places: how many may compute at once.
        cores: what they share.
    """

    def __init__(self, places: int = 1, cores: int = 1) -> None:
        if places < 1:
            raise ValueError(f"places must be at least 1, got {places}")
        self.places, self.cores = places, cores
        self.set_threads: Callable[[int], object] = lambda threads: None
        self._turn = threading.Condition()
        self._waiting: list[_Ticket] = []
        self._inside = 0
        self._numbers = 0
        # Person -> when their last turn began, as a count of turns: who was served longest ago goes first.
        self._served: dict[str, int] = {}
        self._lasted_s: collections.deque[float] = collections.deque(maxlen=32)

    @contextlib.contextmanager
    def enter(
        self, waiting: Callable[[Ahead], None] | None = None, look_every_s: float = 0.5, *, person: str = ""
    ) -> Iterator[Turn]:
        """Hold a place for the body of the `with`.

        Args:
            waiting: called every `look_every_s` with what comes before this one; it may raise to give up.
            look_every_s: seconds between two of these calls.
            person: whose work it is: people take turns, each person's own work in the order of its arrival.
        """
        turn = Turn(self, person, waiting, look_every_s)
        turn.enter()
        try:
            yield turn
        finally:
            turn.leave()
            with self._turn:
                self._lasted_s.append(turn.held_s)

    def others_wait(self, person: str = "") -> bool:
        """Whether anybody else stands in the queue."""
        with self._turn:
            return any(ticket.person != person or not person for ticket in self._waiting)

    def busy(self) -> bool:
        """Whether anybody computes or waits."""
        with self._turn:
            return bool(self._inside or self._waiting)

    def wanted(self) -> int:
        """How many places are taken or waited for, at most all."""
        with self._turn:
            return max(1, min(self.places, self._inside + len(self._waiting)))

    def _wait(self, person: str, waiting: Callable[[Ahead], None] | None, look_every_s: float) -> None:
        with self._turn:
            self._numbers += 1
            ticket = _Ticket(person or f"#{self._numbers}", self._numbers)
            self._waiting.append(ticket)
        try:
            while True:
                with self._turn:
                    if self._first(ticket) or self._turn.wait_for(lambda: self._first(ticket), look_every_s):
                        self._inside += 1
                        self._remember(ticket.person)
                        return
                    ahead = self._ahead(ticket)
                # Outside the lock: Streamlit stops a script here, by raising.
                if waiting is not None:
                    waiting(ahead)
        finally:
            with self._turn:
                self._waiting.remove(ticket)
                self._turn.notify_all()

    def _leave(self) -> None:
        with self._turn:
            self._inside -= 1
            self._turn.notify_all()

    def _remember(self, person: str) -> None:
        self._served.pop(person, None)
        self._served[person] = self._numbers
        while len(self._served) > REMEMBERED_PEOPLE:
            self._served.pop(next(iter(self._served)))

    def _first(self, ticket: _Ticket) -> bool:
        return self._inside < self.places and min(self._waiting, key=self._rank) is ticket

    def _rank(self, ticket: _Ticket) -> tuple[int, int]:
        """Who goes next has the smallest: by when each person was served last, then by arrival."""
        return self._served.get(ticket.person, 0), ticket.number

    def _place(self, ticket: _Ticket) -> int:
        """How many go before: whoever was served goes to the end, with all that person's other work."""
        work: dict[str, collections.deque[_Ticket]] = {}
        for each in self._waiting:  # in the order of arrival
            work.setdefault(each.person, collections.deque()).append(each)
        people = [(*self._rank(tickets[0]), person) for person, tickets in work.items()]
        heapq.heapify(people)
        for place in range(len(self._waiting)):
            person = people[0][-1]
            if work[person].popleft() is ticket:
                return place
            if work[person]:
                heapq.heapreplace(people, (self._numbers + 1 + place, work[person][0].number, person))
            else:
                heapq.heappop(people)
        raise LookupError("the ticket does not wait")

    def _ahead(self, ticket: _Ticket) -> Ahead:
        count = self._place(ticket) + self._inside
        usual_s = sum(self._lasted_s) / len(self._lasted_s) if self._lasted_s else USUAL_S
        return Ahead(count, count * usual_s / self.places)


GATE = Gate(min(MOST_PLACES, usable_cores()), usable_cores())


def share_cores(set_threads: Callable[[int], object]) -> None:
    """Let the gate share the cores. What is computed outside has all of them while nobody computes inside, else one.

    Args:
        set_threads: torch.set_num_threads, which holds for the thread that calls it, but for MKL's products for all;
            handed in, so that this module needs no torch.
    """
    GATE.set_threads = set_threads
    set_threads(1 if GATE.busy() else GATE.cores)


QUEUE_S = 0.8
"""How often somebody who waits is told the same again: that is where Streamlit stops a script."""
LOOK_S = 0.25
"""How often work inside a chunk asks whether somebody still waits for it."""


class Cancelled(Exception):
    """The reader stopped the sweep, or nobody waits for it any more."""


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
        self._waiting = ""
        self._share = 0.0
        self._text = f"0 {what}"
        self.turn: Turn | None = None

    def queue(self, ahead: Ahead) -> None:
        """What to show while others compute: told when it changes, and every second, so that the script can be stopped.

        Twenty people who wait would otherwise send eighty messages a second past the one who computes.
        """
        if self._cancelled():
            raise Cancelled("stopped while waiting")
        text, now_s = str(ahead), time.monotonic()
        if text != self._waiting or now_s - self._last_s >= QUEUE_S:
            self._waiting, self._last_s = text, now_s
            self._show(self._share, text)

    def __call__(self, done: int, total: int) -> None:
        if self._cancelled():
            raise Cancelled(f"stopped after {done} of {total} {self._what}")
        now_s = time.monotonic()
        if done < total and now_s - self._last_s < 0.1:
            return
        self._last_s = now_s
        self._waiting = ""
        self._share, self._text = done / max(total, 1), f"{done} of {total} {self._what}"
        self._show(self._share, self._text)
        if self.turn is not None and done < total:
            self.turn.let_others()

    def point(self) -> None:
        """Inside a chunk: nothing new to show, but the same message is where a script that nobody awaits stops."""
        now_s = time.monotonic()
        if now_s - self._last_s < LOOK_S:
            return
        self._last_s = now_s
        if self._cancelled():
            raise Cancelled(f"stopped at {self._text}")
        self._show(self._share, self._text)
