"""The picture of the session: a sample, an upload, a drawing or one that came with a link."""

import base64
import hashlib
import io
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st
from PIL import Image

from e2viz.data import DataSet, data_set
from e2viz.data.samples import offered_names, sample
from e2viz.images.intake import read_picture
from e2viz.images.picture import Picture, PictureError
from e2viz.images.portable import from_png, to_png
from e2viz.render.recipe import DATA_URL_PREFIX, png_data_url
from e2viz.ui.browser import source
from e2viz.ui.drawing import drawing_pad

# Steps of the preparation that can be switched off, and what each is called on screen.
SWITCHES = {
    "flatten": "even light",
    "contrast": "contrast",
    "crop": "crop",
    "invert": "bright on black",
    "center": "centre",
    "thicken": "widen strokes",
}
DEFAULT_SAMPLE = "mnist-8"
_HELD = "_picture_held"

_picker = st.components.v2.component("e2viz.picker", js=source("picker.js"), css=source("picker.css"))


@dataclass
class Held:
    """What the session holds: the picture, how a recipe names it, and the file it was made from."""

    reference: str
    picture: Picture
    content: bytes = b""
    name: str = ""
    off: frozenset[str] = frozenset()
    seen: dict[str, str] = field(default_factory=dict)


def hold_reference(reference: str) -> None:
    """Take the picture that a link or the start of a session names.

    Raises:
        PictureError: a picture in the link that cannot be used.
    """
    seen = st.session_state[_HELD].seen if _HELD in st.session_state else {}
    if reference.startswith(DATA_URL_PREFIX):
        picture = from_png(base64.b64decode(reference.removeprefix(DATA_URL_PREFIX)), "picture of the link")
    else:
        picture = sample(reference)
    st.session_state[_HELD] = Held(reference, picture, seen=seen)


def first_sample_of(data: str) -> None:
    """Take the first sample of a data set, unless an upload or a drawing is looked at, or it has none."""
    if _HELD in st.session_state and st.session_state[_HELD].content:
        return
    names = offered_names(data)
    if names:
        hold_reference(DEFAULT_SAMPLE if DEFAULT_SAMPLE in names else names[0])


def choose_picture(data: DataSet) -> Held:
    """Draw the ways to bring a picture of that kind, and return the one that was used last."""
    if _HELD not in st.session_state:
        first_sample_of(data.name)
    if _HELD not in st.session_state:
        first_sample_of("digits")
    held: Held = st.session_state[_HELD]
    way = st.segmented_control(
        "Picture", ["Samples", "Upload", "Draw"], default="Samples", required=True, key="picture_way", width="stretch"
    )
    try:
        if way == "Samples":
            _from_samples(held, data)
        elif way == "Upload":
            _from_upload(held)
        else:
            _from_drawing(held)
        if st.session_state[_HELD].content:
            _preparation()
    except PictureError as error:
        st.error(str(error))
    return st.session_state[_HELD]


def _from_samples(held: Held, data: DataSet) -> None:
    if not offered_names(data.name):
        st.caption(
            f"No {data.noun} is shipped. Upload one, or give the folder that holds {' or '.join(data.files[:2])} with "
            f"`e2viz --data DIR`. Source: {data.source} ({data.licence})."
        )
        return
    state = _picker(
        key="sample_row",
        data={"items": _thumbnails(data.name), "chosen": held.reference},
        on_sample_change=lambda: None,
    )
    name = state.get("sample")
    if name in offered_names() and _is_new(held, "sample", str(name)):
        hold_reference(str(name))
        st.rerun()


def _from_upload(held: Held) -> None:
    file = st.file_uploader(
        "A photograph of a digit, or any picture of one",
        type=["png", "jpg", "jpeg", "webp", "gif", "bmp", "avif"],
        max_upload_size=10,
        key="upload",
    )
    if file is not None and _is_new(held, "upload", file.file_id):
        _hold_content(file.getvalue(), file.name, held.seen)


def _from_drawing(held: Held) -> None:
    png = drawing_pad(key="drawing")
    if png is not None and _is_new(held, "drawing", hashlib.sha256(png).hexdigest()):
        _hold_content(png, "drawing", held.seen)


def _is_new(held: Held, way: str, mark: str) -> bool:
    """True once for each sample, file or drawing: what was brought last wins, whichever way it came."""
    if held.seen.get(way) == mark:
        return False
    held.seen[way] = mark
    return True


def _hold_content(content: bytes, name: str, seen: dict[str, str], off: frozenset[str] = frozenset()) -> None:
    switches: dict[str, Any] = {switch: switch not in off for switch in SWITCHES}
    picture = read_picture(content, name=name, **switches)
    reference = png_data_url(to_png(picture))
    # Through the file and back: what is measured here is then exactly what the recipe makes again.
    stored = from_png(to_png(picture), name)
    kept = replace(stored, steps=picture.steps, history=picture.history)
    st.session_state[_HELD] = Held(reference, kept, content, name, off, dict(seen))
    for way in seen:
        if way not in ("upload", "drawing"):
            st.session_state[_HELD].seen.pop(way, None)


def _preparation() -> None:
    """Every step of the preparation with its result, and a switch for each."""
    held: Held = st.session_state[_HELD]
    with st.expander("How it was prepared"):
        st.caption("As MNIST was made: bright ink on black, 20 of 28 pixels, centred by mass.")
        off = set()
        done = {step.name: step for step in held.picture.history}
        for switch, words in SWITCHES.items():
            left, right = st.columns([3, 1], gap="small")
            if not left.toggle(words, value=switch not in held.off, key=f"step_{switch}_{held.name}"):
                off.add(switch)
            if switch in done:
                right.image(_thumbnail(done[switch].after), width=56)
                left.caption(done[switch].why)
    if frozenset(off) != held.off:
        _hold_content(held.content, held.name, held.seen, frozenset(off))
        st.rerun()


def _thumbnail(pixels) -> Image.Image:
    image = Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels)
    image.thumbnail((112, 112))
    return image


@st.cache_data(max_entries=8, show_spinner=False)
def _thumbnails(data: str) -> list[dict[str, str]]:
    items = []
    for name in offered_names(data):
        picture = sample(name)
        image = Image.open(io.BytesIO(to_png(picture))).resize((56, 56), Image.Resampling.LANCZOS)
        file = io.BytesIO()
        image.save(file, "PNG", optimize=True)
        classes = data_set(data).class_names
        words = picture.name if picture.label is None else f"{picture.name}: {classes[picture.label]}"
        items.append({"name": name, "label": words, "source": png_data_url(file.getvalue())})
    return items
