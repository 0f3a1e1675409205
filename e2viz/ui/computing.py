"""Run something long behind the gate, with progress on the page and a way to stop it."""

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from e2viz import interrupt
from e2viz.ui.gate import GATE, Progress
from e2viz.ui.person import person, session_waits

Result = TypeVar("Result")
_STOPPED = "_stopped_computations"


def compute(key: str, work: Callable[[Progress], Result], *, what: str = "views") -> Result | None:
    """The result of `work`, or None when the reader stopped it.

    Streamlit stops a script at its next call, which is the progress bar's; what it raises there passes through
    `work` and leaves the gate. Every probe of a network passes such a call too, so that a closed tab frees its place
    within a second, in the middle of a chunk. "Stop" is remembered for this key: the rerun does not begin again.

    Args:
        key: what is computed: the same key is the same work.
        work: receives the progress to hand to the sweep.
        what: what is counted, in the plural.
    """
    stopped: set[str] = st.session_state.setdefault(_STOPPED, set())
    if key in stopped:
        line, button = st.columns([4, 1], vertical_alignment="center")
        line.info("Stopped. Nothing new was computed for this choice.")
        button.button("Compute", key=f"_go_{key}", on_click=stopped.discard, args=(key,), type="primary")
        return None
    place = st.empty()
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, text=f"0 {what}")
        st.button("Stop", key=f"_stop_{key}", on_click=stopped.add, args=(key,))
    waits = session_waits()
    progress = Progress(lambda share, text: bar.progress(share, text=text), lambda: not waits(), what=what)
    with GATE.enter(progress.queue, person=person()) as turn, interrupt.asked(progress.point):
        progress.turn = turn
        result = work(progress)
    place.empty()
    return result


def in_one_go(work: Callable[[], Result], words: str) -> Result:
    """The result of short work behind the gate, without a bar of its own: reading a picture, say.

    Args:
        work: what is done; it may take a second.
        words: what is shown while it waits and runs.
    """
    waits = session_waits()
    with st.spinner(words, show_time=False):
        place = st.empty()
        progress = Progress(lambda share, text: place.caption(text), lambda: not waits(), what=words)
        with GATE.enter(progress.queue, person=person()), interrupt.asked(progress.point):
            place.empty()
            return work()
