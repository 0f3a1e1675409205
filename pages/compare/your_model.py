"""Bring a classifier of your own: see where it breaks, mend it, take it away."""

import streamlit as st

import e2viz
from e2viz.foreign.words import ABOUT, LESSON
from e2viz.ui import arriving, mending, taking_away
from e2viz.ui.own import held
from e2viz.ui.page import answered
from e2viz.ui.state import current
from e2viz.zoo import catalogue, names
from e2viz.zoo.brought import is_own

selection = current()

with answered():
    own = held()
    if not own.names():
        st.subheader("Bring a classifier of your own, turn a picture, and see whether its answer holds.", anchor=False)
    shown = None
    if own.names():
        if st.session_state.get("own_model") not in own.names():
            st.session_state["own_model"] = own.names()[-1]
        shown = st.selectbox("Your models", own.names(), format_func=names.label, key="own_model")
        arriving.card(own, shown, e2viz.load(shown))
    with st.expander("Bring another" if own.names() else "Your file", expanded=not own.names()):
        arriving.bring()
    if shown is not None:
        model = e2viz.load(shown)
        st.subheader(mending.title(model), anchor=False)
        mended = mending.choose(model)
        mending.on_the_picture(model, mended, selection)
        mending.take_away(model, mended, selection)
        mending.on_labelled(model, mended)
    st.subheader("Take one of ours away", anchor=False)
    taking_away.choose_and_download([name for name in catalogue.list_models(wrapped=True) if not is_own(name)])
    with st.expander("Export yours in three lines", expanded=not own.names()):
        st.code(LESSON, language=None)  # coloured words have too little contrast
        st.markdown(ABOUT)
