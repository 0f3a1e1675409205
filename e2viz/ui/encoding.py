"""Encoding behind the gate: a long file lets others compute in between, and ends with the session that asked for it."""

import time
from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from e2viz import interrupt
from e2viz.render.job import Progress
from e2viz.ui.gate import GATE, LOOK_S, Ahead, Cancelled
from e2viz.ui.person import person, session_waits

Result = TypeVar("Result")


def in_turns(
    work: Callable[[Progress], Result], waits: Callable[[], bool], told: Progress | None = None, person: str = ""
) -> Result:
    """The result of work that reports its progress; it lets others in every second.

    Args:
        work: receives the progress to report to.
        waits: asked at each step and at every point inside; False ends the work.
        told: hears of the progress too.
        person: whose work it is.

    Raises:
        Cancelled: nobody waits any more.
    """
    looked_s = time.monotonic()

    def go_on(ahead: Ahead | None = None) -> None:
        nonlocal looked_s
        now_s = time.monotonic()
        if now_s - looked_s >= LOOK_S:
            looked_s = now_s
            if not waits():
                raise Cancelled("nobody waits for this file any more")

    with GATE.enter(go_on, person=person) as turn, interrupt.asked(go_on):

        def progress(done: int, total: int) -> None:
            if not waits():
                raise Cancelled(f"stopped after {done} of {total} frames")
            if told is not None:
                told(done, total)
            turn.let_others()

        return work(progress)


def making(work: Callable[[Progress], Result], *, key: str) -> Result | None:
    """The result of a file's making, with a bar and a button that stops it; None when the reader stopped.

    Streamlit stops a script at its next call, which is the bar's.

    Args:
        work: receives the progress to report to.
        key: name of the button on the page.
    """
    place = st.empty()
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, text="0 frames")
        st.button("Stop", key=f"_stop_{key}")
    last_s = 0.0

    def told(done: int, total: int) -> None:
        nonlocal last_s
        if done == total or time.monotonic() - last_s > 0.1:
            last_s = time.monotonic()
            bar.progress(done / max(total, 1), text=f"{done} of {total} frames")

    result = in_turns(work, session_waits(), told, person())
    place.empty()
    return result
