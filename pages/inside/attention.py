"""What each model attends to from one point of the picture, as the picture turns."""

from functools import partial

import streamlit as st

import e2viz
from e2viz.groups import group
from e2viz.kept.parts import Part, kept_part
from e2viz.limits import whole_number
from e2viz.measure.subject import subject
from e2viz.render.scene import Scene
from e2viz.scenes import attention
from e2viz.scenes.attention_settings import AUTO, LAST, SPREADS, SUM, TOKEN_SPREADS, VIEWS, Settings
from e2viz.scenes.planes import SIZE, attention_planes, upright_pixel
from e2viz.scenes.view_attention import attends_to_views
from e2viz.scenes.words import element_name
from e2viz.ui.page import answered
from e2viz.ui.player import Pixel, Played
from e2viz.ui.remembered import remembered
from e2viz.ui.state import current
from e2viz.ui.view import view
from e2viz.zoo.names import short_labels

BOUND = {"bind": "query-params"}
CLICKED = "_attention_clicked"

selection = current()


def take_point() -> None:
    """Move the query pixel to where the player was clicked, or the link says, before the widgets are drawn."""
    clicked = st.session_state.pop(CLICKED, None)
    if clicked is not None:
        st.session_state["row"], st.session_state["column"] = clicked
    elif "row" not in st.session_state:
        asked = [st.query_params.get(name, "") for name in ("row", "column")]
        row, column = (whole_number(text, 0, SIZE - 1) for text in asked)
        if row is not None and column is not None:
            st.session_state["row"], st.session_state["column"] = row, column
        elif any(asked):
            st.warning(f"The query pixel of this link must be a row and a column from 0 to {SIZE - 1}; it is left out.")


def choose_point() -> dict[str, int]:
    """The query pixel; both of its numbers go into the link together, which bound widgets do not manage."""
    chosen = {}
    for name in ("row", "column"):
        value = st.number_input(f"Query {name}", 0, SIZE - 1, None, key=name, placeholder="auto")
        chosen[name] = -1 if value is None else int(value)
    wanted = {name: str(value) for name, value in chosen.items() if min(chosen.values()) >= 0}
    for name in chosen:
        if name in wanted and st.query_params.get(name) != wanted[name]:
            st.query_params[name] = wanted[name]
        elif name not in wanted and name in st.query_params:
            del st.query_params[name]
    return chosen


def choose(models: list) -> Settings:
    """The controls of the page: what most want to change in sight, the rest behind one button."""
    take_point()
    groups = [model for model in models if attention_planes(model.network)]
    tokens = [
        model for model in models
        if "token_attention" in model.probe_kinds().values() and not attends_to_views(subject(model))
    ]  # fmt: skip
    chosen: dict = {}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen["view"] = st.segmented_control("View", VIEWS, default=VIEWS[0], required=True, key="view", **BOUND)
        if groups:
            layers = list(dict.fromkeys(name for model in groups for name in attention_planes(model.network)))
            chosen["layer"] = st.selectbox("Layer", [AUTO, *layers], key="layer", width=190, **BOUND)
            chosen["spread"] = st.selectbox("A panel for each", list(SPREADS), key="spread", width=190, **BOUND)
        if tokens:
            chosen["token_spread"] = st.segmented_control(
                "ViT: a panel for each of its", TOKEN_SPREADS, default=TOKEN_SPREADS[0], required=True,
                key="token_spread", **BOUND,
            )  # fmt: skip
        with st.popover("More choices"):
            if groups:
                chosen |= choose_rest(groups, SPREADS[chosen["spread"]])
            if tokens and chosen["token_spread"] == "heads":
                chosen["token_layer"] = st.selectbox(
                    "ViT layer", [LAST, *token_layers(tokens)], key="token_layer", **BOUND
                )
            chosen |= choose_point()
    return Settings(**chosen)


def choose_rest(models: list, spread: str) -> dict:
    """What is taken of the axes that are not spread."""
    elements = list(dict.fromkeys(name for model in models for name in names_of(model)))
    heads = max(each.heads for model in models for each in model.network.modules() if hasattr(each, "heads"))
    chosen: dict = {}
    if spread != "head":
        head = st.selectbox("Head", ["mean", *map(str, range(1, heads + 1))], key="head", **BOUND)
        chosen["head"] = 0 if head == "mean" else int(head)
    for name, words, first in (("v", "Output", []), ("g", "Query", [SUM]), ("m", "Key", [SUM])):
        if name != spread:
            chosen[name] = st.selectbox(f"{words} element {name}", [*first, *elements], key=name, **BOUND)
    return chosen


def token_layers(models: list) -> list[str]:
    """Attention probes of the ViTs."""
    kinds = [model.probe_kinds() for model in models]
    return list(dict.fromkeys(name for each in kinds for name, kind in each.items() if kind == "token_attention"))


def names_of(model) -> list[str]:
    """The elements of a model's group, by name."""
    acting = group(model.card.group)
    return [element_name(acting, element) for element in acting.elements]


def part_of(model, settings: Settings) -> Part | None:
    """The part of one model: shipped, from this session's capture, or computed now; None when stopped."""
    angles, picture, method = selection.angles_deg, selection.picture, selection.method
    found = kept_part(attention.PAGE, model, picture, angles, method, settings.changed())
    if found is not None:
        return found
    point = attention.query_point(picture, settings, (model.name,))
    swept = remembered(
        repr((attention.PAGE, model.checksum, picture.checksum, selection.angles, method, point)),
        lambda progress: attention.captured(model, picture, angles, method, point, progress),
        what=f"views by {model.name}",
    )
    return None if swept is None else attention.part(model, picture, angles, method, settings, swept)


def follow(pixel: Pixel | None, scene: Scene) -> None:
    """A new click on any panel of the picture's size is a new query pixel, where it lay on the upright picture."""
    panels = [panel for row in scene.rows for panel in row.panels]
    if pixel is None or st.session_state.get("_attention_pixel") == pixel or pixel.panel >= len(panels):
        return
    st.session_state["_attention_pixel"] = pixel
    height = panels[pixel.panel].values.shape[1]
    if height != panels[0].values.shape[1]:  # a ring, not the picture
        return
    row, column = int((pixel.row + 0.5) * SIZE / height), int((pixel.col + 0.5) * SIZE / height)
    angle = float(scene.angles_deg[min(pixel.frame, scene.frames - 1)])
    st.session_state[CLICKED] = upright_pixel(row, column, SIZE, angle)
    st.rerun()


def followed(played: Played, scene: Scene) -> None:
    """A click in the player moves the query pixel."""
    if scene.frames > 1:
        follow(played.pixel, scene)


with answered():
    models = [e2viz.load(name) for name in selection.models]
    attending = [model for model in models if attention.has_attention(subject(model))]
    if not attending:
        said = [line for model in models for line in getattr(model.network, "said", ())]  # of windows, say
        st.info(" ".join(["The chosen models have no attention.", *said, "Choose GE-ViT or ViT in the sidebar."]))
        st.stop()
    headline = st.empty()
    settings = choose(attending)
    parts = {model.name: part_of(model, settings) for model in attending}
    if all(each is not None for each in parts.values()):
        recipe = selection.recipe(attention.PAGE, **settings.changed())
        composed = attention.compose(recipe, parts, selection.picture, short_labels(tuple(parts)))
        headline.subheader(composed.title, anchor=False)
        moves = composed.frames > 1
        view(composed, "attention", autoplay=False, report_pixel=moves, then=partial(followed, scene=composed))
        with st.expander("What is shown, and how"):
            st.markdown(attention.MATHS)
