"""The models that this session brought: seen by it alone, and forgotten with it."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from e2viz.zoo import brought
from e2viz.zoo.brought import OwnModels

_HELD = "_own_models"


def held() -> OwnModels | None:
    """The models of the session whose script asks; None outside of any."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return None
    return st.session_state.setdefault(_HELD, OwnModels())


brought.ask(held)
