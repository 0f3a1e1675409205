"""A model that a person brings to this session: the file, what it does not say about itself, and its self-test."""

from __future__ import annotations

from typing import Any

import streamlit as st

from e2viz.foreign.classes import NORMALISATIONS, from_text
from e2viz.foreign.open import Answers, Arrival, arrive, model_name, open_graph
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
        "Your classifier, an ONNX file with one image input and one output of class scores", type=["onnx"],
        max_upload_size=MOST_MB, key=f"_own_file_{st.session_state.get('_own_files', 0)}",
        help="It runs in a process of its own with limits on memory and time. This session alone sees it, and it is "
        "forgotten with the session.",
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
        arrival = in_one_go(lambda: arrive(file.getvalue(), name.removesuffix(".yours")), "Reading the graph")
        st.session_state[_ARRIVING] = known = (file.file_id, arrival)
    _ask(own, known[1])


def _ask(own: OwnModels, arrival: Arrival) -> None:
    """What the file says, and a form for what it does not."""
    facts = arrival.facts
    st.markdown(
        f"**{names.label(arrival.name)}** · {facts['nodes']} operations, {facts['parameters']:,} parameters, opset "
        f"{facts['opset']} · input {facts['layout']}, {_side(facts['channels'], 'any')} channels, "
        + (f"{facts['size']} × {facts['size']} pixels" if facts["size"] else "any size")
    )
    with st.form("_own_questions"):
        answers = _answers(arrival)
        if st.form_submit_button("Open it", type="primary"):
            model = in_one_go(lambda: open_graph(arrival, answers), "Trying the graph")
            own.add(model, len(arrival.process.data))
            st.session_state.pop(_ARRIVING, None)
            st.session_state["_own_files"] = st.session_state.get("_own_files", 0) + 1
            st.session_state["_own_shown"] = model.name
            st.rerun()


def _side(value: int | None, free: str) -> str:
    return free if value is None else f"{value}"


def _answers(arrival: Arrival) -> Answers:
    asked, facts, said = arrival.questions, arrival.facts, arrival.said
    size = channels = None
    mean: str | list[float] | None = None
    std: list[float] | None = None
    left, right = st.columns(2)
    with left:
        if "size" in asked:
            size = int(st.number_input("Side of the image, pixels", 8, 1024, 224, help="The graph leaves it free."))
        if "channels" in asked:
            channels = st.radio("Channels", [3, 1], format_func={3: "colour", 1: "grey"}.__getitem__, horizontal=True)
        if "normalisation" in asked:
            chosen = st.selectbox(
                "How images are normalised", [*NORMALISATIONS, "own numbers"],
                help="What was subtracted and divided by in training, on values from 0 to 1.",
            )  # fmt: skip
            mean = chosen
            means = st.text_input("Own numbers: mean of each channel", placeholder="0.5, 0.5, 0.5")
            stds = st.text_input("Own numbers: standard deviation", placeholder="0.25, 0.25, 0.25")
            if chosen == "own numbers":
                mean, std = _numbers(means), _numbers(stds)
        else:
            st.caption("Normalisation stands in the file." if "mean" in said else "The graph takes bytes.")
    with right:
        classes: str | tuple[str, ...] | None = None
        if "classes" in asked:
            offered = list(NAMES_OF)
            first = 0 if facts["classes"] in (1000, None) else 2
            kind = st.radio("Names of the classes", offered, index=first, format_func=NAMES_OF.__getitem__)
            file = st.file_uploader("A text file, one name a line", type=["txt", "csv"], max_upload_size=1)
            if file is not None:
                classes = from_text(file.getvalue())
            elif kind == "imagenet":
                classes = "imagenet"
            elif kind == "numbers" and facts["classes"]:
                classes = tuple(f"class {k}" for k in range(facts["classes"]))
        else:
            st.caption(f"{len(said['classes'])} class names stand in the file.")
    return Answers(classes=classes, mean=mean, std=std, size=size, channels=channels)


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
        "layers of attention": kinds.count("token_attention"), "layers of tokens": kinds.count("tokens"),
        "feature maps": kinds.count("plane_map"),
    }  # fmt: skip
    network: Any = model.network
    st.markdown(
        f"Its scores are {SAYS[network.scores]}. Inside: "
        + (", ".join(f"{what}: {count}" for what, count in inside.items() if count) or "nothing that can be shown")
        + f". {' '.join(network.said)} {model.card.data[:1].upper()}{model.card.data[1:]}."
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
