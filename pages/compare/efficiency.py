"""What accuracy costs in time, and the artificial images that make GE-ViT cheap."""

import streamlit as st

from e2viz.measure.subject import subject
from e2viz.scenes import efficiency, efficiency_points
from e2viz.scenes.efficiency import Artificial
from e2viz.ui.page import answered
from e2viz.ui.remembered import remembered
from e2viz.ui.state import current
from e2viz.ui.view import show_view

selection = current()


def artificial() -> list[Artificial] | None:
    """The artificial images of the turning picture; None when stopped."""
    models = [subject(model).checksum for model in efficiency.artificial_models(selection.data)]
    key = repr(("efficiency", models, selection.picture.checksum, selection.angles, selection.method))
    return remembered(
        key,
        lambda progress: efficiency.look(
            selection.picture, selection.angles_deg, selection.method, progress, selection.data
        ),
    )


with answered():
    found = efficiency_points.on_data(efficiency_points.points(), selection.data)
    st.subheader(efficiency_points.sentence(found), anchor=False)
    result = artificial()
    if result is not None:
        scene = efficiency.compose(selection.recipe(efficiency.PAGE), result, selection.picture)
        show_view(scene, "efficiency")
    if found:
        columns = {
            "ms an image": st.column_config.NumberColumn(format="%.2f"),
            "parameters": st.column_config.NumberColumn(format="localized"),
        }
        st.dataframe(efficiency_points.numbers(found), hide_index=True, width="stretch", column_config=columns)
    else:
        st.caption("The times of these models are not measured.")
    missing = efficiency_points.untrained(found)
    if missing:
        with st.expander(f"Not trained yet: {len(missing)} models"):
            st.code("\n".join(f"{command} --data DIR" for command in missing), language=None)
    with st.expander("What is measured, and how"):
        st.markdown(efficiency.MATHS)
        facts = efficiency_points.measurements()
        st.caption(f"Measured on: {facts['machine']}. Attention: {facts['attention']}.")
