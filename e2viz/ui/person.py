"""Whose work it is, and whether they still wait for it."""

from collections.abc import Callable

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

COOKIE = "e2viz_queue"
"""A random word for a browser, until it is closed: all its tabs share one turn in the queue. Nothing else is kept."""
LONGEST = 64


def person() -> str:
    """The browser that this session belongs to; the session itself where the browser keeps no cookie."""
    context = get_script_run_ctx()
    if context is None:
        return ""
    return str(st.context.cookies.get(COOKIE, ""))[:LONGEST] or context.session_id


def session_waits() -> Callable[[], bool]:
    """A question that any thread may ask: is this session still there?"""
    context = get_script_run_ctx()
    if context is None or not runtime.exists():
        return lambda: True
    session, server = context.session_id, runtime.get_instance()
    return lambda: server.is_active_session(session)
