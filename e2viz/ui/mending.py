"""Make a person's model equivariant, see what that changes, and take it away."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

import streamlit as st

import e2viz
from e2viz.data.idx import DataError
from e2viz.foreign.mend import ANGLES_DEG, Judged, Labelled, beside, judged, labelled
from e2viz.models.methods import LEARNED, METHODS, NOT_INVARIANT, suits
from e2viz.scenes.method_words import grouped
from e2viz.ui.gate import Progress
from e2viz.ui.remembered import remembered
from e2viz.ui.state import Selection
from e2viz.ui.taking_away import download
from e2viz.ui.wrapping import GROUPS, add_wrapped
from e2viz.zoo import names
from e2viz.zoo.weights import Model
from e2viz.zoo.wrapped import Wrapping

OFFERED = tuple(method for method in METHODS if method not in LEARNED)
MOST_ZIP_MB = 200


def choose(model: Model) -> Model:
    """The method and the group, and the model mended by them."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        group = st.segmented_control(
            "Group of views", GROUPS, default="c4", required=True, format_func=str.upper, key="mend_group"
        )
        offered = [method for method in OFFERED if suits(method, model.network)]
        if st.session_state.get("mend_method", offered[0]) not in offered:
            del st.session_state["mend_method"]
        method = st.selectbox("Made one by", offered, format_func=grouped, key="mend_method", width=280)
    if len(offered) < len(OFFERED):
        st.caption("A search compares how much evidence views hold, which probabilities do not say: it is not offered.")
    if method in NOT_INVARIANT:
        st.caption("This method asks first for the picture as it was brought: its answer may still turn with it.")
    return e2viz.load(Wrapping(model.name, method, group).name)


def on_the_picture(model: Model, mended: Model, selection: Selection) -> None:
    """Measures that need no label, before and after, on the picture of the sidebar."""
    key = repr(("mended", model.checksum, mended.checksum, selection.picture.checksum, selection.angles))
    table = remembered(
        key, lambda progress: beside([model, mended], selection.picture, selection.angles_deg, progress), what="angles"
    )
    if table is not None:
        shown = {"on your picture": table["measure"], "yours": table[model.name], "mended": table[mended.name]}
        st.dataframe(shown, hide_index=True, width="stretch")


def on_labelled(model: Model, mended: Model) -> None:
    """Accuracy and worst-case accuracy before and after, on labelled pictures that the person brings."""
    file = st.file_uploader(
        "Labelled pictures: a zip with one folder for each class, named like the class", type=["zip"],
        max_upload_size=MOST_ZIP_MB, key="mend_zip",
    )  # fmt: skip
    if file is None:
        return
    key = repr(("labelled", file.file_id, model.checksum))
    try:
        pictures = remembered(key, lambda progress: _read(file, model, progress), what="pictures")
    except DataError as error:
        st.error(str(error))
        return
    if pictures is None:
        return
    _say_read(pictures)
    whole = repr(("judged", key, mended.checksum))
    found = remembered(whole, lambda progress: judged([model, mended], pictures, progress=progress), what="pictures")
    if found is not None:
        st.dataframe(accuracies(found[model.name], found[mended.name]), hide_index=True, width="stretch")
        st.caption(
            f"Turned to {len(ANGLES_DEG)} angles inside a disc, the colour of each picture's border around it. "
            "Worst case: right at every angle. 95 % intervals."
        )


def _read(file, model: Model, progress: Progress) -> Labelled:
    """The archive, from a file that is gone again afterwards.

    Raises:
        DataError: it is no zip (a packed tar may hold a thousand gigabytes that have to be passed over), or none that
            can be used.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pictures.zip"
        path.write_bytes(file.getvalue())
        if not zipfile.is_zipfile(path):
            raise DataError("This file is no zip; give one that holds a folder of pictures for each class.")
        return labelled(path, model.card.data_set, progress=progress)


def _say_read(pictures: Labelled) -> None:
    said = [f"{len(pictures.pictures)} pictures of {len(set(pictures.labels))} classes"]
    if pictures.more:
        said.append("more there are, which are left out")
    if pictures.unknown:
        said.append(f"no class is called {', '.join(each[:30] for each in pictures.unknown[:5])}")
    if pictures.unread:
        said.append(f"{pictures.unread} could not be read")
    st.caption("; ".join(said) + ".")


def accuracies(before: Judged, after: Judged) -> dict[str, list[str]]:
    """One row for each accuracy, with its interval."""
    rows = {"upright": "as they stand", "turned": "at all angles", "worst_case": "worst case"}
    return {
        "accuracy": list(rows.values()),
        "yours": [str(getattr(before, name)) for name in rows],
        "mended": [str(getattr(after, name)) for name in rows],
    }


def take_away(model: Model, mended: Model, selection: Selection) -> None:
    """The mended model on the other pages, and as one file."""
    with st.container(horizontal=True):
        st.button(
            "Look at both on the other pages", on_click=_both, args=(model.name, mended.name), type="primary",
            help="Turn, attention, feature maps, orbits and errors take them like any other model.",
        )  # fmt: skip
        download(
            mended.name,
            "Download the mended model as ONNX",
            "One file: every view (exact for quarter turns, GridSample in between), the model, the combination. "
            "It takes images as yours does.",
        )


def _both(name: str, mended: str) -> None:
    add_wrapped(mended, (name,))


def title(model: Model) -> str:
    """What stands over the part."""
    return f"Mend {names.label(model.name)}"
