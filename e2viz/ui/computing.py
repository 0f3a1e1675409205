"""Run something long behind the gate, with progress on the page and a way to stop it."""

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from e2viz.ui.gate import GATE, Progress

Result = TypeVar("Result")
_STOPPED = "_stopped_computations"


def compute(key: str, work: Callable[[Progress], Result], *, what: str = "views") -> Result | None:
    """The result of `work`, or None when the reader stopped it.

    Streamlit stops a script at its next call, which is the progress bar's; what it raises there passes through
    `work` and leaves the gate. "Stop" is remembered for this key, so that the rerun does not begin again.

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
    progress = Progress(lambda share, text: bar.progress(share, text=text), what=what)
    with GATE.enter(progress.queue):
        result = work(progress)
    place.empty()
    return result
