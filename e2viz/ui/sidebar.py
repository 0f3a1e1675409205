"""The shared sidebar: picture, models, angles, rotation, presenter size."""

import itertools
from collections.abc import Mapping
from typing import cast

import streamlit as st

from e2viz.data import DataSet, data_set, list_data
from e2viz.data.samples import data_of, offered_names
from e2viz.images.picture import PictureError
from e2viz.render.recipe import METHODS
from e2viz.ui import own as _own  # noqa: F401  the catalogue learns whose models to look for
from e2viz.ui.model_choice import CHOSEN, choose_models, model_data
from e2viz.ui.page import presenter_size, readable_choices, whole_names
from e2viz.ui.pictures import choose_picture, first_sample_of, held_for, hold_reference
from e2viz.ui.restore import offer_restoring
from e2viz.ui.state import ANGLES, PRESENTER, Selection, link_asked_for, remember
from e2viz.ui.wrapping import offer_wrapping, with_wrapped
from e2viz.zoo import names
from e2viz.zoo.brought import is_own
from e2viz.zoo.catalogue import damaged, list_models, load
from e2viz.zoo.weights import WeightsError

DATA = "data"
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
        data = _choose_data(models)
        choose_picture(data)
        if problem:
            st.warning(problem)
        chosen = _opened(choose_models(models, data))
        _say_damaged(out)
        _say_who_knows(chosen, data)
        offer_wrapping(trained, chosen)
        # Links and other pages set both too, so that neither widget has a default of its own.
        st.session_state.setdefault("angles", Selection.angles)
        st.session_state.setdefault("method", METHODS[0])
        angles = st.segmented_control("Angles in a turn", ANGLES, required=True, key="angles", width="stretch")
        method = st.segmented_control(
            "Rotation",
            METHODS,
            format_func=METHOD_LABELS.__getitem__,
            required=True,
            key="method",
            help=METHOD_HELP,
            width="stretch",
        )
        presenter = st.toggle("Presenter size", key=PRESENTER, help="Large type, readable from the back row.")
        offer_restoring()
    # A recipe carries what its models see: the drawing, the square, or both.
    assert angles is not None and method is not None  # both are required
    preparations = {load(name).card.data_set.preparation for name in chosen}
    held = held_for(preparations | {data.preparation})
    whole_names()
    readable_choices()
    if presenter:
        presenter_size()
    selection = Selection(
        models=chosen,
        data=data.name,
        picture=held.picture,
        reference=held.reference,
        angles=angles,
        method=method,
        presenter=presenter,
    )
    remember(selection)
    return selection


def _choose_data(models: list[str]) -> DataSet:
    """What the picture is of. It decides which samples, which preparation and which models are offered."""
    known = {model_data(name) for name in models}
    offered = [name for name in list_data() if name in known or offered_names(name)]
    held = st.session_state.get(DATA)
    if held not in offered:
        st.session_state[DATA] = offered[0]
    chosen = st.selectbox(
        "What the picture is of", offered, format_func=lambda name: data_set(name).title, key=DATA,
        on_change=_other_data,
    )  # fmt: skip
    return data_set(chosen)


def _other_data() -> None:
    """Another kind of picture: its own models, and its first sample where one of another kind was looked at."""
    st.session_state[CHOSEN] = []
    first_sample_of(st.session_state[DATA])


def _say_who_knows(chosen: tuple[str, ...], data: DataSet) -> None:
    """One line where no chosen model knows such pictures."""
    trained = [name for name in chosen if not is_own(name)]  # what a person's own learned from is not known
    if trained and not any(model_data(name) == data.name for name in trained):
        st.caption(f"None of these was trained on {data.plural}; each sees the picture in its own way.")


def _obey_link(models: list[str], out: Mapping[str, str]) -> str:
    """Move the widgets to where the address bar points; what cannot be obeyed is said, a sentence each."""
    asked, said = link_asked_for(models, list(offered_names()), out)
    problem = " ".join(said)
    data = _data_asked_for(asked)
    if data:
        st.session_state[DATA] = data
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


def _data_asked_for(asked: dict[str, object]) -> str:
    """The data set of a link: that of its sample, or else of its first model; "" where it names neither."""
    picture, models = str(asked.get("picture", "")), cast(list[str], asked.get("models", ()))
    if picture in offered_names():
        return data_of(picture)
    return next((model_data(name) for name in models if not is_own(name)), "")
