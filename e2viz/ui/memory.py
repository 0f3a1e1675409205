"""What a session has computed and may ask for again: a few results for each page, the oldest forgotten first."""

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

Result = TypeVar("Result")


def remembered(page: str, key: str, make: Callable[[], Result | None], *, most: int = 4) -> Result | None:
    """The result of this key, from the session or made now; a result that is None is not kept.

    Args:
        page: whose memory it is.
        key: what the result depends on, all of it.
        make: makes it.
        most: results kept for the page; they may be large.
    """
    known = st.session_state.setdefault(f"_{page}_results", {})
    if key not in known:
        made = make()
        if made is None:
            return None
        while len(known) >= most:
            known.pop(next(iter(known)))
        known[key] = made
    return known[key]
