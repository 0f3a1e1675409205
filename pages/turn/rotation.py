"""Turn a picture and watch which models hold still."""

import streamlit as st

import e2viz
from e2viz.measure.stored import stored_sweep
from e2viz.measure.sweep import Sweep, sweep
from e2viz.render.scene import Scene
from e2viz.scenes import rotation
from e2viz.ui import charts
from e2viz.ui.computing import compute
from e2viz.ui.export import copy_link_button, export_menu
from e2viz.ui.page import answered, player_first
from e2viz.ui.player import Options, player
from e2viz.ui.state import current, frame_in_link, remember_frame
from e2viz.zoo.names import short_labels

selection = current()


_SWEEPS = "_sweeps"


def swept() -> Sweep | None:
    """The sweep of this selection: shipped, made before in this session, or computed now; None when stopped."""
    models = [e2viz.load(name) for name in selection.models]
    kept = stored_sweep(models, selection.picture, selection.angles_deg, method=selection.method)
    if kept is not None:
        return kept
    checksums = [model.checksum for model in models]
    key = repr((checksums, selection.picture.checksum, selection.angles, selection.method))
    known = st.session_state.setdefault(_SWEEPS, {})
    if key not in known:
        made = compute(
            key,
            lambda progress: sweep(
                models, selection.picture, selection.angles_deg, method=selection.method, progress=progress
            ),
        )
        if made is None:
            return None
        while len(known) >= 8:
            known.pop(next(iter(known)))
        known[key] = made
    return known[key]


@st.fragment
def show(scene: Scene) -> None:
    """The player with its exports: scrubbing reruns only this."""
    options = Options(
        start_frame=frame_in_link(scene.angles_deg),
        presenter=selection.presenter,
        report_frame=True,
        autoplay="angle" not in st.query_params,  # a link to one angle stands still there
    )
    played = player(scene, key="rotation", options=options)
    remember_frame(scene.angles_deg, played.frame)
    with st.container(horizontal=True, horizontal_alignment="right"):
        export_menu(scene, played.frame or 0)
        copy_link_button()


with answered():
    result = swept()
    if result is not None:
        labels = short_labels(selection.models)
        composed = rotation.compose(selection.recipe("rotation"), result, selection.picture, labels)
        st.subheader(composed.title, anchor=False)
        show(composed)
        player_first()
        measured = rotation.stabilities(result, selection.picture)
        charts.stability_cards(measured, labels)
        charts.probability_charts(result, measured, labels)
        with st.expander("What is measured, and how"):
            st.markdown(rotation.MATHS)
