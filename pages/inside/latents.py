"""Every layer of each model as the picture turns, beside the same maps turned back."""

import streamlit as st

import e2viz
from e2viz.groups import group
from e2viz.kept.parts import Part, kept_part
from e2viz.measure.rules import has_group_attention
from e2viz.measure.subject import subject
from e2viz.scenes import latents
from e2viz.scenes.latents import VIEWS, Settings
from e2viz.scenes.words import element_name
from e2viz.ui.page import answered, player_first
from e2viz.ui.remembered import remembered
from e2viz.ui.state import current
from e2viz.ui.view import show_view

selection = current()


def choose(models: list) -> Settings:
    """The controls of the page."""
    names = list(dict.fromkeys(name for model in models for name in latents.layers_of(subject(model))))
    acting = next((group(model.card.group) for model in models if model.card.group), None)
    view = st.segmented_control("View", VIEWS, default=VIEWS[0], required=True, key="view", bind="query-params")
    channel = st.number_input(
        "Channel", -1, None, value=0, step=1, key="channel", bind="query-params",
        help="−1 shows the root mean square of all channels.",
    )  # fmt: skip
    layers = st.multiselect("Layers", names, key="layers", bind="query-params", placeholder="where the plane changes")
    elements: list[str] = []
    if acting is not None:
        named = [element_name(acting, element) for element in acting.elements]
        elements = st.multiselect("Elements", named, key="elements", bind="query-params", placeholder="all")
    old_rule = any(has_group_attention(subject(model).network) for model in models) and st.toggle(
        "GSA-Net’s rule beside it", key="old_rule", bind="query-params",
        help="The same weights, with one line of code exchanged: see Positions.",
    )  # fmt: skip
    return Settings(
        view=view, channel=int(channel), layers=tuple(layers), elements=tuple(elements), old_rule=bool(old_rule)
    )


def part_of(model, settings: Settings) -> Part | None:
    """The part of one model: shipped, from this session's sweep, or computed now; None when stopped."""
    angles, picture, method = selection.angles_deg, selection.picture, selection.method
    found = kept_part(latents.PAGE, model, picture, angles, method, latents.kept_settings(settings))
    if found is not None:
        return found
    swept = remembered(
        repr((latents.PAGE, model.checksum, picture.checksum, selection.angles, method)),
        lambda progress: latents.captured(model, picture, angles, method, progress),
        what=f"views by {model.name}",
    )
    return None if swept is None else latents.part(model, picture, angles, method, settings, swept)


def show_numbers(parts: dict[str, Part], labels: dict[str, str]) -> None:
    """What still moves after turning back, layer by layer."""
    shown = {name: each.facts["table"] for name, each in parts.items() if each.facts.get("table")}
    for column, (name, table) in zip(st.columns(max(len(shown), 1)), shown.items(), strict=True):
        column.markdown(f"**{labels[name]}**, what still moves when turned back, relative to the upright maps")
        column.dataframe(table, hide_index=True, width="stretch")


with answered():
    models = [e2viz.load(name) for name in selection.models]
    layered = [model for model in models if latents.layers_of(subject(model))]
    if not layered:
        st.info("The chosen models have no feature maps to show. Choose others in the sidebar.")
        st.stop()
    words, choices = st.columns([6, 1])
    headline = words.empty()
    with choices.popover("Choose", width="stretch", help="View, channel, layers and group elements."):
        settings = choose(layered)
    parts = {model.name: part_of(model, settings) for model in latents.shown(layered, settings)}
    if all(each is not None for each in parts.values()):
        recipe = selection.recipe(latents.PAGE, **settings.changed())
        composed = latents.compose(recipe, parts, selection.picture, latents.labels_of(parts))
        headline.subheader(composed.title, anchor=False)
        show_view(composed, "latents")
        player_first()
        with st.expander("The numbers, layer by layer"):
            show_numbers(parts, latents.labels_of(parts))
        with st.expander("What is shown, and how"):
            st.markdown(latents.MATHS)
