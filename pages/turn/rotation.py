"""Turn a picture and watch which models hold still."""

import streamlit as st

import e2viz
from e2viz.kept.sweeps import stored_sweep
from e2viz.measure.sweep import Sweep, sweep
from e2viz.scenes import rotation
from e2viz.ui.cards import stability_cards
from e2viz.ui.over_data import over_data_section
from e2viz.ui.page import answered, player_first
from e2viz.ui.remembered import remembered
from e2viz.ui.state import current
from e2viz.ui.view import show_view
from e2viz.zoo.names import short_labels

selection = current()


def swept() -> Sweep | None:
    """The sweep of this selection: shipped, made before in this session, or computed now; None when stopped."""
    models = [e2viz.load(name) for name in selection.models]
    kept = stored_sweep(models, selection.picture, selection.angles_deg, method=selection.method)
    if kept is not None:
        return kept
    checksums = [model.checksum for model in models]
    return remembered(
        repr(("rotation", checksums, selection.picture.checksum, selection.angles, selection.method)),
        lambda progress: sweep(
            models, selection.picture, selection.angles_deg, method=selection.method, progress=progress
        ),
    )


with answered():
    result = swept()
    if result is not None:
        labels = short_labels(selection.models)
        composed = rotation.compose(selection.recipe("rotation"), result, selection.picture, labels)
        st.subheader(composed.title, anchor=False)
        show_view(composed, "rotation")
        player_first()
        measured = rotation.stabilities(result, selection.picture)
        stability_cards(measured, labels)
        over_data_section(selection.models, key="rotation")
        with st.expander("What is measured, and how"):
            st.markdown(rotation.MATHS)
