"""Encoding behind the gate: a long file lets others compute in between, and ends with the session that asked for it."""

import contextlib
import time
from collections.abc import Callable
from typing import TypeVar

from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from e2viz.render.job import Progress
from e2viz.ui.gate import GATE, Cancelled

Result = TypeVar("Result")
TURN_S = 0.5  # how long one file holds the gate before whoever waits may go first


def session_waits() -> Callable[[], bool]:
    """A question that any thread may ask: is this session still there?"""
    context = get_script_run_ctx()
    if context is None or not runtime.exists():
        return lambda: True
    session, server = context.session_id, runtime.get_instance()
    return lambda: server.is_active_session(session)


def in_turns(
    work: Callable[[Progress], Result], waits: Callable[[], bool], told: Progress | None = None
) -> Result:
    """The result of work that reports its progress; it gives the gate away every half second.

    Args:
        work: receives the progress to report to.
        waits: asked at each step; False ends the work.
        told: hears of the progress too.

    Raises:
        Cancelled: nobody waits any more.
    """
    with contextlib.ExitStack() as entered:
        entered.enter_context(GATE.enter())
        since = time.monotonic()

        def progress(done: int, total: int) -> None:
            nonlocal since
            if not waits():
                raise Cancelled(f"stopped after {done} of {total} frames")
            if told is not None:
                told(done, total)
            if time.monotonic() - since > TURN_S:
                entered.close()
                entered.enter_context(GATE.enter())
                since = time.monotonic()

        return work(progress)
