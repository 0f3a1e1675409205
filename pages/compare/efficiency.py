"""What accuracy costs in time, and the artificial images that make GE-ViT cheap."""

import streamlit as st

from e2viz.measure.subject import subject
from e2viz.render.scene import Scene
from e2viz.scenes import efficiency
from e2viz.scenes.efficiency import Artificial
from e2viz.ui.computing import compute
from e2viz.ui.efficiency_charts import efficiency_charts
from e2viz.ui.export import copy_link_button, export_menu
from e2viz.ui.memory import remembered
from e2viz.ui.page import answered
from e2viz.ui.player import Options, player
from e2viz.ui.state import current, frame_in_link, remember_frame

selection = current()


def artificial() -> list[Artificial] | None:
    """The artificial images of the turning picture; None when stopped."""
    models = [subject(model).checksum for model in efficiency.artificial_models()]
    key = repr((models, selection.picture.checksum, selection.angles, selection.method))
    return remembered(
        "efficiency", key,
        lambda: compute(
            key, lambda progress: efficiency.look(
                selection.picture, selection.angles_deg, selection.method, progress
            ),
        ),
    )  # fmt: skip


@st.fragment
def show(scene: Scene) -> None:
    """The player with its exports: scrubbing reruns only this."""
    options = Options(
        start_frame=frame_in_link(scene.angles_deg), presenter=selection.presenter, report_frame=True,
        autoplay="angle" not in st.query_params,
    )  # fmt: skip
    played = player(scene, key="efficiency", options=options)
    remember_frame(scene.angles_deg, played.frame)
    with st.container(horizontal=True, horizontal_alignment="right"):
        export_menu(scene, played.frame or 0)
        copy_link_button()


with answered():
    found = efficiency.points()
    st.subheader(efficiency.sentence(found), anchor=False)
    efficiency_charts(efficiency.on_digits(found))
    result = artificial()
    if result is not None:
        show(efficiency.compose(selection.recipe(efficiency.PAGE), result, selection.picture))
    st.dataframe(efficiency.numbers(found), hide_index=True, width="stretch")
    missing = efficiency.untrained(found)
    if missing:
        with st.expander(f"Not trained yet: {len(missing)} models"):
            st.code("\n".join(f"{command} --data DIR" for command in missing), language=None)
    with st.expander("What is measured, and how"):
        st.markdown(efficiency.MATHS)
        facts = efficiency.measurements()
        st.caption(f"Measured on: {facts['machine']}. Attention: {facts['attention']}.")
