"""A C8 network at multiples of 45°: four turns agree, four agree, and the two sets do not."""

import streamlit as st

from e2viz.measure.steering import SIZES, facts
from e2viz.scenes import steerability
from e2viz.scenes.group_networks import kind_of, why_others
from e2viz.ui.page import answered, player_first
from e2viz.ui.remembered import remembered
from e2viz.ui.state import current
from e2viz.ui.view import show_view

selection = current()
kind = kind_of(selection.picture, selection.models)


def measured(model, sizes: tuple[int, ...]):
    """The results at each resolution: shipped, made before, or computed now; None when stopped."""
    found = []
    for size in sizes:
        key = repr(("steerability", facts(model, size), selection.picture.checksum))
        made = steerability.shipped(model, selection.picture, size) or remembered(
            key,
            lambda progress, size=size: steerability.measured(model, selection.picture, (size,), progress)[0],
            what=f"units of work at {size} × {size}",
        )
        if made is None:
            return None
        found.append(made)
    return found


with answered():
    head = st.container()
    chosen = st.pills(
        "Side of the image, pixels", SIZES, selection_mode="multi", default=list(SIZES),
        key="sizes", bind="query-params", help="The same weights; the windows keep their side in pixels.",
    )  # fmt: skip
    sizes = tuple(size for size in SIZES if size in (chosen or SIZES))
    model, trained = steerability.network(selection.models, kind)
    results = measured(model, sizes)
    if results is not None:
        recipe = selection.recipe(steerability.PAGE, sizes=list(sizes))
        scene = steerability.compose(recipe, results, selection.picture, steerability.note(model, trained))
        head.subheader(scene.title, anchor=False)
        if why := why_others(model, kind, "c8"):
            head.markdown(why)
        show_view(scene, "steerability")
        player_first()
        with st.expander("Every layer"):
            st.dataframe(steerability.layers_table(results), hide_index=True, width="stretch")
        with st.expander("What is measured, and how"):
            st.markdown(steerability.MATHS)
