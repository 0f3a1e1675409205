"""A model that a person brings to this session: the file, what it does not say about itself, and its self-test.

The file is an ONNX graph, or weights without a graph.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from e2viz.foreign.answers import Answers, model_name
from e2viz.foreign.classes import NORMALISATIONS, from_text
from e2viz.foreign.network import ForeignNetwork
from e2viz.foreign.open import Arrival, arrive, open_arrival
from e2viz.foreign.open_weights import WeightsArrival
from e2viz.foreign.process import close_idle
from e2viz.foreign.selftest import SelfTest, self_test
from e2viz.ui.computing import compute, in_one_go
from e2viz.ui.own import held
from e2viz.zoo import names
from e2viz.zoo.brought import OwnModels
from e2viz.zoo.weights import Model, WeightsError

MOST_MB = 200
_ARRIVING, _TESTS = "_arriving_model", "_self_tests"
NAMES_OF = {"imagenet": "ImageNet’s 1,000", "file": "From a text file", "numbers": "By number"}
SAYS = {
    "logits": "logits",
    "probabilities": "probabilities, of which logarithms are taken",
    "log-probabilities": "logarithms of probabilities",
    "independent probabilities": "probabilities that do not add up to 1: each class is judged by itself",
}


def bring() -> None:
    """The place for a file, and what is asked about it until it is a model of this session."""
    own = held()
    if own is None:
        return
    close_idle()
    if len(own) >= own.most:
        st.info(f"A session holds {own.most} models. Forget one to bring another.")
        return
    file = st.file_uploader(
        "Your classifier: an ONNX file, or weights as safetensors or a state dict (.pt)",
        type=["onnx", "safetensors", "pt", "pth", "bin"],
        max_upload_size=MOST_MB, key=f"_own_file_{st.session_state.get('_own_files', 0)}",
        help="One image in, class scores out. A graph runs in a process of its own with limits on memory and time; "
        "weights must fit an architecture of the catalogue, of the study, or timm’s plain ViT. This session alone sees "
        "it, and it is forgotten with the session.",
    )  # fmt: skip
    if file is None:
        st.session_state.pop(_ARRIVING, None)
        return
    known = st.session_state.get(_ARRIVING)
    if known is None or known[0] != file.file_id:
        try:
            own.check_room(file.size)
        except ValueError as error:
            st.error(f"There is no room for this file: {error}.")
            return
        name = own.free_name(model_name(file.name))
        arrival = in_one_go(lambda: arrive(file.getvalue(), name.removesuffix(".yours")), "Reading the file")
        st.session_state[_ARRIVING] = known = (file.file_id, arrival)
    _ask(own, known[1])


def _ask(own: OwnModels, arrival: Arrival | WeightsArrival) -> None:
    """What the file says, and a form for what it does not."""
    st.markdown(f"**{names.label(arrival.name)}** · {arrival.words}")
    with st.form("_own_questions"):
        answers = _answers(arrival)
        if st.form_submit_button("Open it", type="primary"):
            model = in_one_go(lambda: open_arrival(arrival, answers), "Trying it")
            own.add(model, arrival.size_bytes)
            st.session_state.pop(_ARRIVING, None)
            st.session_state["_own_files"] = st.session_state.get("_own_files", 0) + 1
            st.session_state.pop("own_model", None)  # the page shows the newest
            st.session_state["models"] = [model.name]  # and so does every other
            st.rerun()


def _answers(arrival: Arrival | WeightsArrival) -> Answers:
    asked = arrival.questions
    left, right = st.columns(2)
    with left:
        weights = _of_weights(arrival) if isinstance(arrival, WeightsArrival) else _of_graph(arrival)
        mean, std = _normal(arrival) if "normalisation" in asked else (None, None)
        if "normalisation" not in asked:
            st.caption("Normalisation is known." if "mean" in arrival.said else "The graph takes bytes.")
    with right:
        classes = _classes(arrival)
    return Answers(classes=classes, mean=mean, std=std, **weights)


def _of_graph(arrival: Arrival) -> dict[str, Any]:
    """Size and channels, where the graph leaves them free."""
    found: dict[str, Any] = {}
    if "size" in arrival.questions:
        found["size"] = int(
            st.number_input("Side of the image, pixels", 8, 1024, 224, help="The graph leaves it free.")
        )
    if "channels" in arrival.questions:
        said = {3: "colour", 1: "grey"}
        found["channels"] = st.radio("Channels", [3, 1], format_func=said.__getitem__, horizontal=True)
    return found


def _of_weights(arrival: WeightsArrival) -> dict[str, Any]:
    """What no shape says: which of several networks, the size of the image, heads that share a width."""
    found: dict[str, Any] = {}
    if "like" in arrival.questions:
        found["like"] = st.selectbox(
            "Built like", arrival.likes, help="The weights fit each of these; they differ in what no shape says."
        )
    if "size" in arrival.questions:
        first = int(arrival.config["image_size"])
        found["size"] = int(
            st.number_input("Side of the image, pixels", 8, 1024, first, help="No shape says it; this is the usual.")
        )
    if "heads" in arrival.questions:
        first = int(arrival.config["heads"])
        found["heads"] = int(
            st.number_input("Heads of attention", 1, 64, first, help="They share the width, and no shape says it.")
        )
    return found


def _normal(arrival: Arrival | WeightsArrival) -> tuple[str | list[float], list[float] | None]:
    """Mean and std, by a preset or in numbers."""
    chosen = st.selectbox(
        "How images are normalised", [*NORMALISATIONS, "own numbers"],
        help="What was subtracted and divided by in training, on values from 0 to 1.",
    )  # fmt: skip
    means = st.text_input("Own numbers: mean of each channel", placeholder="0.5, 0.5, 0.5")
    stds = st.text_input("Own numbers: standard deviation", placeholder="0.25, 0.25, 0.25")
    return (_numbers(means), _numbers(stds)) if chosen == "own numbers" else (chosen, None)


def _classes(arrival: Arrival | WeightsArrival) -> str | tuple[str, ...] | None:
    """Class names: built in, by number or of a text file; None where the file says them."""
    if "classes" not in arrival.questions:
        st.caption(f"{len(arrival.said['classes'])} class names are known.")
        return None
    offered, count = list(NAMES_OF), arrival.classes
    first = 0 if count in (1000, None) else 2
    kind = st.radio("Names of the classes", offered, index=first, format_func=NAMES_OF.__getitem__)
    file = st.file_uploader("A text file, one name a line", type=["txt", "csv"], max_upload_size=1)
    if file is not None:
        return from_text(file.getvalue())
    if kind == "imagenet":
        return "imagenet"
    return tuple(f"class {k}" for k in range(count)) if kind == "numbers" and count else None


def _numbers(text: str) -> list[float]:
    try:
        return [float(each) for each in text.replace(";", ",").split(",")]
    except ValueError:
        raise WeightsError(f"Mean and deviation must be numbers with commas between them, got {text[:60]!r}.") from None


def tested(own: OwnModels, name: str, model: Model) -> SelfTest | None:
    """The self-test of a model, measured once on arrival; None when stopped."""
    tests: dict[str, SelfTest] = st.session_state.setdefault(_TESTS, {})
    if name not in tests:
        found = compute(
            f"self-test {model.checksum} {name}",
            lambda progress: self_test(model, own.size_bytes(name), progress=progress), what="parts of the self-test",
        )  # fmt: skip
        if found is None:
            return None
        tests[name] = found
    return tests[name]


def card(own: OwnModels, name: str, model: Model) -> None:
    """What was measured on arrival, what was found out, and what is inside."""
    found = tested(own, name, model)
    if found is None:
        return
    st.subheader(f"{names.label(name)}: {found.sentence}", anchor=False)
    columns = st.columns(4)
    columns[0].metric("quarter turns", f"{found.turned:.2g}", help="largest relative change of the logits")
    columns[1].metric("mirror images", f"{found.mirrored:.2g}", help="largest relative change of the logits")
    columns[2].metric("flip rate", f"{100 * found.flip_rate:.0f} %", help=found.rows["flip rate"])
    columns[3].metric("an image", f"{found.image_ms:.1f} ms")
    kinds = list(model.probe_kinds().values())
    inside = {
        "layers of attention": sum(kind.endswith("attention") for kind in kinds),
        "layers of tokens": kinds.count("tokens"),
        "feature maps": kinds.count("plane_map") + kinds.count("feature_map"),
    }  # fmt: skip
    network: Any = model.network
    of_graph = isinstance(network, ForeignNetwork)
    st.markdown(
        (f"Its scores are {SAYS[network.scores]}." if of_graph else f"{model.card.origin.capitalize()}.")
        + " Inside: "
        + (", ".join(f"{what}: {count}" for what, count in inside.items() if count) or "nothing that can be shown")
        + f". {' '.join(network.said) if of_graph else ''} {model.card.data[:1].upper()}{model.card.data[1:]}."
    )
    with st.expander("The whole card, and a badge"):
        st.dataframe({"": list(found.rows), "measured": list(found.rows.values())}, hide_index=True, width="stretch")
        st.html(found.badge())
        st.download_button("Badge as SVG", found.badge(), f"{name}.svg", "image/svg+xml", on_click="ignore")
    if st.button("Forget this model", key=f"_forget_{name}"):
        own.forget(name)
        st.session_state.get(_TESTS, {}).pop(name, None)
        st.session_state["models"] = [each for each in st.session_state.get("models", []) if not _of(each, name)]
        st.rerun()


def _of(name: str, base: str) -> bool:
    return name.partition("+")[0] == base
