"""Where each layer looks from: index maps, learned encodings, and the one line between GSA-Net and GE-ViT."""

import streamlit as st

from e2viz.measure.encodings import encoding_layers
from e2viz.measure.subject import subject
from e2viz.scenes import positional_encodings, rule_lines, rule_tables
from e2viz.scenes.group_networks import kind_of
from e2viz.ui.page import answered
from e2viz.ui.remembered import remembered
from e2viz.ui.state import current
from e2viz.ui.view import show_view

selection = current()
kind = kind_of(selection.picture, selection.models)
BOUND = {"bind": "query-params"}


def encodings() -> str:
    """Controls and panels; returns the group."""
    head = st.container()
    left, place, middle, right = st.columns([3, 4, 4, 3])
    group = left.segmented_control(
        "Group", positional_encodings.GROUPS, default="c4", required=True, format_func=str.upper,
        key="positions_group", **BOUND,
    )  # fmt: skip
    view = place.segmented_control(
        "Shown of", positional_encodings.VIEWS, default=positional_encodings.VIEWS[0], required=True,
        key="positions_view", help="The element that has moved the picture, or all of them side by side.", **BOUND,
    )  # fmt: skip
    model, trained = positional_encodings.encoder_of(group, selection.models, kind)
    layers = encoding_layers(subject(model).network)
    layer = middle.selectbox("Layer", layers, index=len(layers) - 1, key="positions_layer", **BOUND)
    channel = right.number_input("Channel", 0, 2, 0, key="positions_channel", **BOUND)
    settings = {"positions_group": group, "positions_layer": layer, "positions_channel": int(channel)}
    if view != positional_encodings.VIEWS[0]:
        settings["positions_view"] = view
    recipe = selection.recipe(positional_encodings.PAGE, **settings)
    scene = positional_encodings.compose(recipe, model, trained, selection.picture)
    head.subheader(scene.title, anchor=False)
    show_view(scene, "positions", turns=False, turn_s=6.0)
    return group


def rules(group: str) -> None:
    """The rules side by side: their line, their table's invariance, and the error each gives."""
    st.subheader("GSA-Net and GE-ViT differ by one line", anchor=False)
    key = repr(("tables", group, selection.picture.checksum, selection.models))
    found = remembered(
        key, lambda progress: rule_tables.measured(group, selection.picture, progress, kind), what="rules"
    )
    if found is None:
        return
    st.markdown(rule_tables.sentence(found))
    for column, each in zip(st.columns(len(found)), found, strict=True):
        with column:
            st.code(rule_tables.source_line(each.line.case.rule), language="python", wrap_lines=True)
            st.metric("error of the logits", rule_tables.error_text(each), help="largest over the exact elements")
            st.caption(rule_tables.caption(each))
    st.caption(rule_lines.provenance(tuple(each.line for each in found)))


with answered():
    rules(encodings())
    with st.expander("What is shown, and its source"):
        st.markdown(positional_encodings.MATHS)
