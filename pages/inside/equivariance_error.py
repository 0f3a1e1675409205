"""How far each layer is from turning with the picture, and what breaks it."""

import streamlit as st

import e2viz
from e2viz.measure.layer_errors import facts
from e2viz.scenes import broken, equivariance_error, rule_lines
from e2viz.scenes.group_networks import kind_of
from e2viz.ui.over_data import over_data_section
from e2viz.ui.page import answered
from e2viz.ui.remembered import remembered
from e2viz.ui.state import current
from e2viz.ui.view import show_view
from e2viz.zoo.names import short_labels

selection = current()
picture = selection.picture
kind = kind_of(picture, selection.models)
BOUND = {"bind": "query-params"}


def errors_of_models(step_deg: int) -> dict | None:
    """The errors of every chosen model; None when stopped."""
    models = [e2viz.load(name) for name in selection.models]
    found = {}
    for model in models:
        key = repr((model.name, facts(model, step_deg, selection.method), picture.checksum))
        kept = equivariance_error.shipped(model, picture, step_deg, selection.method)
        made = kept or remembered(
            key,
            lambda progress, model=model: equivariance_error.measured(
                [model], picture, step_deg, selection.method, progress
            )[model.name],
        )
        if made is None:
            return None
        found[model.name] = made
    return found


def maps_and_curves() -> None:
    """The layer × angle maps, and the curves of one layer."""
    head = st.container()
    layers, steps = st.columns([2, 1])
    probes = equivariance_error.probes_of(selection.models)
    probe = layers.selectbox("Layer of the curves", probes, index=probes.index("logits"), key="probe", **BOUND)
    step_deg = steps.segmented_control(
        "Measured every, degrees", equivariance_error.STEPS_DEG, default=equivariance_error.STEP_DEG, required=True,
        key="step", **BOUND,
    )  # fmt: skip
    errors = errors_of_models(step_deg)
    if errors is None:
        return
    labels = short_labels(selection.models)
    recipe = selection.recipe(equivariance_error.PAGE, step=step_deg, probe=probe)
    scene = equivariance_error.compose(recipe, errors, picture, labels)
    head.subheader(scene.title, anchor=False)
    show_view(scene, "equivariance_error")


def rules() -> None:
    """GE-ViT's rule, GSA-Net's, and the published one for p4m."""
    st.subheader("One line of code", anchor=False)
    key = repr(("rules", picture.checksum, kind.name, e2viz.list_models()))
    lines = remembered(key, lambda progress: rule_lines.rule_lines(picture, progress, kind=kind), what="rules")
    if lines is None:
        return
    st.markdown(rule_lines.sentence(lines))
    show_view(rule_lines.compose(selection.recipe(rule_lines.PAGE), lines), "rules")


def why() -> None:
    """Switches, each re-measured on the spot."""
    st.subheader("Why does it break?", anchor=False)
    model, trained = broken.network_to_break(selection.models, kind)
    pressed = st.pills(
        "Spoil", list(broken.LABELS.values()), selection_mode="multi", default=[broken.LABELS["rule"]],
        key="spoil", help="Each is measured now, on this picture; several together too.", **BOUND,
    )  # fmt: skip
    chosen = [name for name, words in broken.LABELS.items() if words in pressed]
    groups = broken.groups_of(model)
    group = "c8" if "c8" in groups else groups[0]
    if "group" in chosen:
        group = st.segmented_control(
            "Group", groups, default=group, required=True, format_func=str.upper, key="other_group", **BOUND
        )
    switches = broken.switches_of(chosen, group)
    name = broken.name_of(model)
    found = []
    for each in (broken.Switches(), switches):
        key = repr(("broken", broken.facts(model, each), picture.checksum))
        made = broken.shipped(model, picture, each) or remembered(
            key, lambda progress, each=each: broken.broken(model, picture, each, progress), what="angles"
        )
        if made is None:
            return
        found.append(made)
    st.markdown(broken.sentence(*found, switches, name))
    recipe = selection.recipe(broken.PAGE, spoil=chosen, other_group=group)
    show_view(broken.compose(recipe, *found, switches, name), "broken")
    for reason in broken.reasons(switches):
        st.markdown(f"- {reason}")
    st.caption(broken.provenance(model, trained, switches, kind))


with answered():
    maps_and_curves()
    rules()
    why()
    over_data_section(selection.models, key="equivariance_error")
    with st.expander("What is measured, and how"):
        st.markdown(equivariance_error.MATHS)
