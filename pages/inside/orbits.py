"""The embedding's closed path while the picture turns, and the compass inside GE-ViT."""

import streamlit as st

import e2viz
from e2viz.measure.sweep import Sweep
from e2viz.scenes import orbits
from e2viz.ui.page import answered, player_first
from e2viz.ui.remembered import remembered
from e2viz.ui.state import current
from e2viz.ui.view import show_view
from e2viz.zoo.names import short_labels

selection = current()


def swept(models: list) -> Sweep | None:
    """The sweep with embeddings and votes: shipped, made before, or computed now; None when stopped."""
    asked = (models, selection.picture, selection.angles_deg, selection.method)
    kept = orbits.shipped(*asked)
    if kept is not None:
        return kept
    checksums = [model.checksum for model in models]
    key = repr(("orbits", checksums, selection.picture.checksum, selection.angles, selection.method))
    return remembered(key, lambda progress: orbits.swept(*asked, progress))


def compass(turning: dict, labels: dict[str, str]) -> None:
    """The compass in words, under the view that shows it."""
    lines = orbits.compass_sentence(turning, labels, selection.angles_deg)
    if not lines:
        st.info("None of the chosen models has a group: choose a GE-ViT or a G-CNN in the sidebar to see its compass.")
        return
    for line in lines:
        st.markdown(line)


with answered():
    head = st.container()
    ground = st.segmented_control(
        "Principal plane of", orbits.GROUNDS, default="orbit", required=True, key="ground", bind="query-params",
        help="The reference set is every shipped sample that a model knows, at all angles: one plane for all pictures.",
    )  # fmt: skip
    models = [e2viz.load(name) for name in selection.models]
    found = swept(models)
    if found is not None:
        turning = orbits.turnings(models, found, ground)
        labels = short_labels(tuple(turning))
        scene = orbits.compose(selection.recipe(orbits.PAGE, ground=ground), turning, found, selection.picture, labels)
        head.subheader(scene.title, anchor=False)
        show_view(scene, "orbits")
        compass(turning, labels)
        player_first()
        with st.expander("The numbers"):
            st.dataframe(orbits.table(turning, labels), hide_index=True, width="stretch")
        with st.expander("What is measured, and how"):
            st.markdown(orbits.MATHS)
