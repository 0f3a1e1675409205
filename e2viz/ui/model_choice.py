"""Which models are looked at: a few that know the picture, by family; all others a click away in a table."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from e2viz import places
from e2viz.data import DataSet
from e2viz.data.tasks import TASKS
from e2viz.limits import MOST_MODELS
from e2viz.ui.taking_away import download
from e2viz.zoo import catalogue, names
from e2viz.zoo.brought import is_own

CHOSEN = "models"
_PILLS = "_models_{}"
NO_MODELS = "No trained model knows {}. `e2viz train` makes one, and a link to any model still works."


def choose_models(models: list[str], data: DataSet) -> tuple[str, ...]:
    """Draw the choice and return it; at least one model is always chosen: without any, the default ones are.

    The choice lives under ``CHOSEN``, which is no widget's key: links, other pages and the table write it too.

    Args:
        models: all there are, wrapped ones too.
        data: what the picture is of; models that know it are offered.
    """
    knowing = [name for name in models if knows(name, data)]
    chosen = tuple(name for name in st.session_state.get(CHOSEN, ()) if name in models)
    chosen = chosen or names.defaults(knowing, data)
    if len(chosen) > MOST_MODELS:
        st.warning(f"One figure shows at most {MOST_MODELS} models: the first of {len(chosen)} are shown.")
        chosen = tuple(names.in_order(list(chosen)))[:MOST_MODELS]
    if not knowing and not chosen:
        st.warning(NO_MODELS.format(data.plural))
        return ()
    st.session_state[CHOSEN] = list(names.in_order(list(chosen)))
    for each, offered in names.at_a_glance(knowing, chosen, data).items():
        if offered:
            key = _PILLS.format(each)
            st.session_state[key] = [name for name in offered if name in chosen]
            st.pills(
                names.FAMILIES[each], offered, selection_mode="multi", format_func=names.chip, key=key,
                on_change=_take, args=(tuple(offered), key),
            )  # fmt: skip
    if st.button(f"All {len(models)} models", width="stretch", key="_all_models"):
        all_models(models, data)
    return tuple(st.session_state[CHOSEN])


def knows(name: str, data: DataSet) -> bool:
    """Whether a model was made for such pictures; a person's own is offered for any."""
    return is_own(name) or model_data(name) == data.name


def model_data(name: str) -> str:
    """Name of the data set that a model knows: its tag says so, or else its card."""
    base = name.partition("+")[0]
    tag = base.partition(".")[2]
    return TASKS[tag].data if tag in TASKS else catalogue.card(base).data_set.name


def _take(offered: tuple[str, ...], key: str) -> None:
    """What was pressed among the offered ones; the others stay as they were."""
    kept = [name for name in st.session_state.get(CHOSEN, ()) if name not in offered]
    st.session_state[CHOSEN] = names.in_order([*kept, *st.session_state[key]])


@st.dialog("All models", width="large")
def all_models(models: list[str], data: DataSet) -> None:
    """Every model with what was measured, to be sorted and chosen from."""
    others = st.toggle("Also models of other pictures", key="_other_models", help="They see the picture in their way.")
    listed = [name for name in names.in_order(models) if others or knows(name, data)]
    if not listed:
        st.info(NO_MODELS.format(data.plural))
        return
    chosen = st.session_state.get(CHOSEN, [])
    event: Any = st.dataframe(
        table(listed), hide_index=True, width="stretch", on_select="rerun", selection_mode="multi-row",
        key=f"_table_{others}", column_config=COLUMNS,
        selection_default={"selection": {"rows": [row for row, name in enumerate(listed) if name in chosen]}},
    )  # fmt: skip
    rows = event.selection.rows
    st.caption("Press a column's head to sort. Accuracy is of the test split, 95 % intervals stand on the cards.")
    with st.container(horizontal=True):
        if st.button("Look at these", type="primary", disabled=not rows):
            hidden = [name for name in chosen if name not in listed]
            st.session_state[CHOSEN] = names.in_order([*hidden, *(listed[row] for row in rows)])
            st.rerun()
        for row in rows[:MOST_MODELS]:
            download(listed[row], f"{names.label(listed[row])} as ONNX")


COLUMNS = {
    "upright, %": st.column_config.NumberColumn(format="%.2f"),
    "turned, %": st.column_config.NumberColumn(format="%.2f"),
    "parameters": st.column_config.NumberColumn(format="localized"),
    "ms an image": st.column_config.NumberColumn(format="%.2f", help="One thread, in batches of eight."),
}


def table(listed: list[str]) -> dict[str, list[Any]]:
    """One row a model: what it is, and what was measured."""
    cards = [catalogue.card(name) for name in listed]
    times = measured_ms()
    return {
        "model": [names.label(name) for name in listed],
        "pictures": [card.data_set.title for card in cards],
        "group": [card.group.upper() or "none" for card in cards],
        "turned, %": [100 * card.measured.rotated.share if card.measured else None for card in cards],
        "upright, %": [100 * card.measured.upright.share if card.measured else None for card in cards],
        "parameters": [card.parameters for card in cards],
        "ms an image": [times.get(name) for name in listed],
    }


def measured_ms() -> dict[str, float]:
    """Milliseconds an image, by model, as ``make efficiency`` measured them."""
    file = places.EFFICIENCY
    held = json.loads(file.read_text(encoding="utf-8"))["models"] if file.is_file() else {}
    return {name: float(each["forward_ms"]) for name, each in held.items()}
