"""A model as one ONNX file, made when its button is pressed and behind the gate like everything that takes long."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from e2viz.foreign.export import export
from e2viz.ui.encoding import in_turns
from e2viz.ui.person import person, session_waits
from e2viz.zoo import catalogue, names
from e2viz.zoo.weights import Model

MEDIA_TYPE = "application/octet-stream"
OURS = "One file that onnxruntime runs alone: it takes upright images in [0, 1], preparation and views inside."


def download(name: str, label: str, help: str = OURS) -> None:
    """A button that hands out a model, of the catalogue or a person's own, wrapped or not.

    Args:
        name: of the model.
        label: of the button.
        help: what is in the file.
    """
    st.download_button(
        label, _maker(catalogue.load(name)), file_name(name), MEDIA_TYPE, on_click="ignore", help=help,
        key=f"_onnx_{name}",
    )  # fmt: skip


def choose_and_download(offered: list[str]) -> None:
    """The same for a model of the catalogue, to be chosen here."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "A model of ours", names.in_order(offered), format_func=names.label, key="_taken_away", width=340
        )
        download(name, "Download as ONNX")


def file_name(name: str) -> str:
    """ "vit.rotmnist+mean_c4" is "vit_rotmnist_mean_c4.onnx"; "my_net.yours" is "my_net.onnx"."""
    return name.replace(".yours", "").replace("+", "_").replace(".", "_") + ".onnx"


def _maker(model: Model) -> Callable[[], bytes]:
    waits, whose = session_waits(), person()
    return lambda: in_turns(lambda progress: export(model), waits, person=whose)
