"""Wrap any model of the catalogue after the fact, from the sidebar; the result is a model like any other."""

import streamlit as st

from e2viz.architectures import architecture_of
from e2viz.groups import group
from e2viz.limits import MOST_MODELS
from e2viz.models.methods import METHODS
from e2viz.scenes.method_words import grouped
from e2viz.zoo import names
from e2viz.zoo.brought import is_own
from e2viz.zoo.catalogue import is_model, list_models
from e2viz.zoo.wrapped import Wrapping, wrapping

GROUPS = ("c4", "c8", "c16", "d4")
_WRAPPED = "_wrapped_models"


def with_wrapped(trained: list[str]) -> list[str]:
    """The trained models, and those that this session or the link wraps."""
    held: list[str] = st.session_state.setdefault(_WRAPPED, [])
    asked = ",".join(st.query_params.get_all("models")).replace(" ", "+").split(",")
    wished = [name for name in asked[:MOST_MODELS] if name not in (*held, *trained)]
    learned = _learned() if held or wished else frozenset()
    held.extend(name for name in dict.fromkeys(wished) if _can_wrap(wrapping(name), trained, learned))
    return names.in_order([*trained, *(name for name in held if _can_wrap(wrapping(name), trained, learned))])


def _learned() -> frozenset[str]:
    """Every model that has weights, the wrapped ones too: one look at the folders, which a page takes many times."""
    return frozenset(list_models(wrapped=True))


def _can_wrap(wanted: Wrapping | None, trained: list[str], learned: frozenset[str]) -> bool:
    """A method that learns needs weights, which are there for some models and groups; a search needs logits."""
    if wanted is None or wanted.base not in trained:
        return False
    try:
        group(wanted.group)
    except ValueError:  # more elements than may be asked for
        return False
    if is_own(wanted.base):
        return is_model(wanted.name)
    return not wanted.learns or wanted.name in learned


def add_wrapped(made: str, chosen: tuple[str, ...]) -> None:
    """Put a wrapped model among the chosen ones, for every page; to be called before the sidebar is drawn."""
    held: list[str] = st.session_state.setdefault(_WRAPPED, [])
    if made not in held:
        held.append(made)
    st.session_state["models"] = [*chosen, *([] if made in chosen else [made])]


def _add_chosen(chosen: tuple[str, ...]) -> None:
    parts = (st.session_state[f"_wrap_{part}"] for part in ("base", "method", "group"))
    add_wrapped(Wrapping(*parts).name, chosen)


def offer_wrapping(trained: list[str], chosen: tuple[str, ...]) -> None:
    """The popover: which model, how its views are combined, under which group."""
    bases = names.in_order(trained)
    if not bases:
        return
    with st.popover("Wrap a model", width="stretch", help="Make any model equivariant after the fact."):
        preferred = next((k for k, name in enumerate(bases) if architecture_of(name) == "vit"), 0)
        base = st.selectbox("Model", bases, index=preferred, format_func=names.label, key="_wrap_base")
        chosen_group = st.segmented_control(
            "Group", GROUPS, default="c4", required=True, format_func=str.upper, key="_wrap_group", width="stretch"
        )
        learned = _learned()
        there = [method for method in METHODS if _can_wrap(Wrapping(base, method, chosen_group), trained, learned)]
        if st.session_state.get("_wrap_method", there[0]) not in there:
            del st.session_state["_wrap_method"]
        st.selectbox("What is done with the views", there, format_func=grouped, key="_wrap_method")
        st.caption("Methods that learn are offered for the models and groups that they were trained for.")
        st.button("Add to the models", on_click=_add_chosen, args=(chosen,), type="primary", width="stretch")
