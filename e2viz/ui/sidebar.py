"""The shared sidebar: picture, models, angles, rotation, presenter size."""

import itertools
from collections.abc import Mapping
from typing import cast

import streamlit as st

from e2viz.data.samples import sample_names
from e2viz.images.picture import PictureError
from e2viz.limits import MOST_MODELS
from e2viz.measure.stored import models_for
from e2viz.render.recipe import METHODS
from e2viz.ui.page import presenter_size, whole_names
from e2viz.ui.pictures import choose_picture, hold_reference
from e2viz.ui.state import ANGLES, PRESENTER, Selection, link_asked_for, remember
from e2viz.ui.wrapping import offer_wrapping, with_wrapped
from e2viz.zoo import names
from e2viz.zoo.catalogue import damaged, list_models, load
from e2viz.zoo.weights import WeightsError

METHOD_LABELS = {"fair": "Fair", "naive": "Naïve"}
METHOD_HELP = (
    "Fair: turned at high resolution inside a soft disc, quarter turns exact, then reduced. "
    "Naïve: the small, already normalised image is turned and the corners are filled with 0, which is grey."
)


def sidebar() -> Selection:
    """Draw the sidebar and return what it says, which is also written into the address bar."""
    trained, out = list_models(), damaged()
    models = with_wrapped(trained)
    problem = _obey_link(models, out)
    with st.sidebar:
        held = choose_picture()
        if problem:
            st.warning(problem)
        chosen = _opened(_choose_models(models))
        _say_damaged(out)
        _say_who_knows(chosen, held.reference)
        offer_wrapping(trained, chosen)
        angles = st.segmented_control(
            "Angles in a turn", ANGLES, default=72, required=True, key="angles", width="stretch"
        )
        method = st.segmented_control(
            "Rotation",
            METHODS,
            format_func=METHOD_LABELS.__getitem__,
            default="fair",
            required=True,
            key="method",
            help=METHOD_HELP,
            width="stretch",
        )
        presenter = st.toggle("Presenter size", key=PRESENTER, help="Large type, readable from the back row.")
    whole_names()
    if presenter:
        presenter_size()
    selection = Selection(
        models=chosen,
        picture=held.picture,
        reference=held.reference,
        angles=angles,
        method=method,
        presenter=presenter,
    )
    remember(selection)
    return selection


def _say_who_knows(chosen: tuple[str, ...], reference: str) -> None:
    """One line where a sample is none of the classes that any chosen model tells apart, and another model's are."""
    if reference not in sample_names():
        return
    knowing = names.in_order(models_for(reference))
    if knowing and not any(name.partition("+")[0] in knowing for name in chosen):
        st.caption(f"None of these was trained on such pictures; {names.label(knowing[0])} was.")


def _obey_link(models: list[str], out: Mapping[str, str]) -> str:
    """Move the widgets to where the address bar points; what cannot be obeyed is said, a sentence each."""
    asked, said = link_asked_for(models, list(sample_names()), out)
    problem = " ".join(said)
    if "picture" in asked:
        try:
            hold_reference(str(asked.pop("picture")))
        except PictureError as error:
            problem = f"{problem} The picture of this link cannot be used. {error}".strip()
    if "models" in asked:
        asked["models"] = list(cast(tuple[str, ...], asked["models"]))
    for key, value in asked.items():
        st.session_state[key] = value
    return problem


def _choose_models(models: list[str]) -> tuple[str, ...]:
    """At least one model is always chosen: without any, the default ones are. More than one figure shows are not."""
    if "models" in st.session_state:  # a damaged model may have been taken out since
        st.session_state["models"] = [name for name in st.session_state["models"] if name in models]
    if not models:
        st.warning("There are no trained models in weights/. `python -m e2viz train` makes them.")
        return ()
    chosen = st.pills(
        "Models",
        models,
        selection_mode="multi",
        default=None if "models" in st.session_state else list(names.defaults(models)),
        format_func=names.chip,
        key="models",
    )
    if len(chosen) > MOST_MODELS:
        st.warning(f"One figure shows at most {MOST_MODELS} models: the first of {len(chosen)} are shown.")
    return tuple(name for name in models if name in chosen)[:MOST_MODELS] or names.defaults(models)


def _opened(chosen: tuple[str, ...]) -> tuple[str, ...]:
    """The chosen models that can be opened, or else one that can; a page never meets a damaged one, which is said."""
    found = tuple(name for name in chosen if _can_open(name))
    return found or tuple(itertools.islice(filter(_can_open, names.in_order(list_models())), 1))


def _can_open(name: str) -> bool:
    try:
        load(name)
    except (WeightsError, LookupError, ValueError) as error:
        st.error(f"{names.label(name)} is left out: {error}")
        return False
    return True


def _say_damaged(out: Mapping[str, str]) -> None:
    """Which models are not offered, and why."""
    if out:
        with st.expander(f"{len(out)} damaged model{'s' * (len(out) != 1)} left out"):
            for name, why in out.items():
                st.caption(f"{name}: {why}")
