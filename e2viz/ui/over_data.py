"""The section "Over a data set": models over a whole test split, shipped or measured now in a data folder."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

import e2viz
from e2viz import places
from e2viz.data.idx import DataError
from e2viz.data.reading import read_splits
from e2viz.data.tasks import task
from e2viz.measure.over_data import OverData, summary
from e2viz.scenes import over_data
from e2viz.train.over_angles import evaluate_over_angles, stored
from e2viz.ui.remembered import remembered
from e2viz.ui.view import show_view
from e2viz.zoo.names import short_labels
from e2viz.zoo.weights import Model

EVERY = 1_000_000  # more than any test split has
ANGLES, PICTURES = 24, (100, 300, 1000, EVERY)


def over_data_section(models: Sequence[str], *, key: str) -> None:
    """The section, shut until somebody opens it.

    Args:
        models: chosen in the sidebar.
        key: of the page.
    """
    if not st.toggle("Over a data set", key="over_data", bind="query-params", help="Not one picture but the test set."):
        return
    family = over_data.rotations_family(list(models))
    if family and st.toggle(
        "Four, eight, sixteen rotations", key="rotations", bind="query-params",
        help="The same model under groups of more and more rotations, instead of the chosen models.",
    ):  # fmt: skip
        models = family
    results = _results([e2viz.load(name) for name in models], key)
    if not results:
        return
    shown = over_data.comparable(results)
    if left := [name for name in results if name not in shown]:
        st.caption(f"Measured on other pictures, so not in one plot: {', '.join(short_labels(tuple(left)).values())}.")
    labels = short_labels(tuple(shown))
    scene = over_data.compose(shown, over_data.recipe_of(shown))
    st.markdown(scene.title)
    show_view(scene, f"{key}_over_data", autoplay=False, turns=False)
    rows = summary({labels[name]: found for name, found in shown.items()}, over_data.class_names_of(_first(shown)))
    st.dataframe(rows, hide_index=True, width="stretch")
    with st.expander("What is counted, and how"):
        st.markdown(over_data.MATHS)


def _count(pictures: int) -> str:
    return "all" if pictures == EVERY else f"{pictures:,}"


def _first(results: dict[str, OverData]) -> OverData:
    return next(iter(results.values()))


def _results(models: list[Model], key: str) -> dict[str, OverData]:
    """What is known of each model: shipped, or measured when the reader asks for it."""
    shipped = {model.name: found for model in models if (found := stored(model)) is not None}
    missing = [model for model in models if model.name not in shipped]
    if not missing:
        return shipped
    named = ", ".join(short_labels(tuple(model.name for model in models))[model.name] for model in missing)
    folder = places.data_folder()
    if folder is None:
        st.caption(f"Not measured yet: {named}. With the data set at hand it can be: `e2viz --data DIR`.")
        return shipped
    angles, pictures = ANGLES, None
    if shipped:  # the same pictures and angles, so that all share one plot
        pictures, angles = _first(shipped).images, len(_first(shipped).angles_deg)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if pictures is None:
            pictures = st.selectbox(
                "Pictures", PICTURES, index=1, format_func=_count, key=f"{key}_pictures", width=140
            )
        asked = f"{key}_measure_{named}_{pictures}"
        if st.button(f"Measure {named} on {_count(pictures)} pictures at {angles} angles", key=f"{asked}_button"):
            st.session_state[asked] = True
    if not st.session_state.get(asked):
        return shipped
    known = dict(shipped)
    for model in missing:
        made = _measured(model, angles, pictures)
        if made is not None:
            known[model.name] = made
    return {model.name: known[model.name] for model in models if model.name in known}


def _measured(model: Model, angles: int, pictures: int) -> OverData | None:
    """Measured behind the gate, with progress and a way to stop; parts are kept, so it goes on where it stopped."""
    folder = places.data_folder()
    try:
        split = read_splits(task(model.card.tag), folder or ".").test_upright
    except (DataError, LookupError, ValueError) as error:
        st.warning(str(error))
        return None
    return remembered(
        repr(("over_data", model.checksum, angles, pictures)),
        lambda progress: evaluate_over_angles(
            model, split, angles=angles, limit=pictures, folder=places.runs() / "over_angles", report=progress
        ),
        what="pictures",
    )  # fmt: skip
