"""Results that a session has computed: asked for again, they are not computed again."""

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from e2viz.ui.computing import compute
from e2viz.ui.gate import Progress

Result = TypeVar("Result")
KEPT = 24
_RESULTS = "_results"


def remembered(key: str, work: Callable[[Progress], Result], *, what: str = "views") -> Result | None:
    """The result of `work`, computed behind the gate once for each key; None when the reader stopped it.

    Args:
        key: everything the result depends on; the same key is the same result.
        work: receives the progress to hand on.
        what: what is counted, in the plural.
    """
    known: dict[str, Result] = st.session_state.setdefault(_RESULTS, {})
    if key not in known:
        made = compute(key, work, what=what)
        if made is None:
            return None
        while len(known) >= KEPT:
            known.pop(next(iter(known)))
        known[key] = made
    return known[key]
