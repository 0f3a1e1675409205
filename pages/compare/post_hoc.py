"""Every view of a picture through one model, and what each post-hoc method makes of them."""

import streamlit as st

import e2viz
from e2viz.data import data_set
from e2viz.data.samples import confusable_sample
from e2viz.scenes import post_hoc
from e2viz.scenes.measured_tables import measured_tables
from e2viz.scenes.method_words import LABELS, MATHS, grouped
from e2viz.scenes.post_hoc import GROUPS
from e2viz.scenes.views import PAGE, Looked, look
from e2viz.ui.model_choice import model_data
from e2viz.ui.page import answered, player_first
from e2viz.ui.pictures import hold_reference
from e2viz.ui.remembered import remembered
from e2viz.ui.state import current
from e2viz.ui.view import show_view
from e2viz.ui.wrapping import add_wrapped
from e2viz.zoo import names
from e2viz.zoo.brought import is_own
from e2viz.zoo.catalogue import is_model, list_models
from e2viz.zoo.wrapped import Wrapping

BOUND = {"bind": "query-params"}
selection = current()


def show_edge_case(name: str) -> None:
    """The edge case of the study's Figure 11: half a turn makes a 6 a 9."""
    hold_reference(name)
    st.session_state["group"] = "c2"


def choose() -> tuple[str, str, str]:
    """The model that is wrapped, the group, and the method shown in the middle."""
    known = [name for name in list_models() if is_own(name) or model_data(name) == selection.data]
    bases = names.in_order(list(dict.fromkeys([*known, post_hoc.default_base(selection.models)])))
    preferred = bases.index(post_hoc.default_base(selection.models))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        base = st.selectbox(
            "Model to wrap", bases, index=preferred, format_func=names.label, key="base", width=260, **BOUND
        )
        group = st.segmented_control(
            "Group of views", GROUPS, default="c16", required=True, format_func=str.upper, key="group", **BOUND
        )
        there = [method for method in LABELS if is_model(Wrapping(base, method, group).name)]
        held = st.session_state.get("shown")
        if held is not None and held not in there:
            del st.session_state["shown"]
        shown = st.selectbox("Shown", there, format_func=grouped, key="shown", width=260, **BOUND)
        if edge := confusable_sample(selection.data):
            one, other = data_set(selection.data).confusable[0]
            help = f"A {one} under half turns: which of two labels is right?"
            st.button(f"{one} or {other}?", on_click=show_edge_case, args=(edge,), help=help)
    return base, group, shown


def looked_at(base: str, group: str) -> Looked | None:
    """Every view of every frame, from this session or computed now; None when stopped."""
    model = e2viz.load(base)
    key = repr(("post_hoc", model.checksum, group, selection.picture.checksum, selection.angles, selection.method))
    return remembered(
        key,
        lambda progress: look(model, group, selection.picture, selection.angles_deg, selection.method, progress),
        what="angles",
    )


with answered():
    base, group, shown = choose()
    looked = looked_at(base, group)
    if looked is not None:
        recipe = selection.recipe(PAGE, base=base, group=group, shown=shown)
        scene = post_hoc.compose(recipe, looked, selection.picture, shown)
        st.subheader(scene.title, anchor=False)
        if note := post_hoc.ambiguity(looked, selection.picture):
            st.info(note, icon=None)
        show_view(scene, "post_hoc")
        player_first()
        st.dataframe(post_hoc.outcome_table(looked, selection.picture), hide_index=True, width="stretch")
        made = Wrapping(base, shown, group).name
        if made not in selection.models:
            st.button(
                f"Use {names.label(made)} on the other pages", on_click=add_wrapped, args=(made, selection.models)
            )
        for table in measured_tables(first=selection.data):
            with st.expander(f"Measured: {table.setting}"):
                st.markdown(table.about)
                st.dataframe(table.columns, hide_index=True, width="stretch", height="content")
                st.caption(table.notes)
        with st.expander("What is combined, and how"):
            st.markdown(MATHS)
            st.caption(post_hoc.NOT_HERE)
