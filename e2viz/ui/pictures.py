"""The picture of the session: a sample, an upload, a drawing or one that came with a link."""

import base64
import hashlib
import io
from collections.abc import Collection
from dataclasses import dataclass, field, replace

import streamlit as st
from PIL import Image

from e2viz.data import DataSet, data_set
from e2viz.data.samples import first_samples, offered_names, sample
from e2viz.data.sees import sees
from e2viz.data.table import DEFAULT
from e2viz.images.intake import bring, prepare
from e2viz.images.picture import Picture, PictureError, Wishes
from e2viz.images.portable import from_png, portable, to_png
from e2viz.images.safe_file import MAX_BYTES
from e2viz.render.recipe import DATA_URL_PREFIX, png_data_url
from e2viz.ui.browser import source
from e2viz.ui.computing import in_one_go
from e2viz.ui.cutting import data_url
from e2viz.ui.drawing import drawing_pad
from e2viz.ui.preparing import offer_preparation

TYPES = ["png", "jpg", "jpeg", "webp", "gif", "bmp", "avif", "heic", "heif"]
_HELD = "_picture_held"

_picker = st.components.v2.component("e2viz.picker", js=source("picker.js"), css=source("picker.css"))


@dataclass
class Held:
    """What the session holds: the picture, how a recipe names it, and, if somebody brought it, as it was brought.

    Args:
        reference: a sample's name, or a PNG as a data URL.
        picture: what `reference` stands for, to the last bit.
        brought: the picture as it was brought, with its wishes; None for a sample or a link.
        mark: of the file it was made from.
        shown: a small copy of it, as a data URL.
        preparations: what `reference` was made for.
        seen: what was brought last, for each way.
    """

    reference: str
    picture: Picture
    brought: Picture | None = None
    mark: str = ""
    shown: str = ""
    preparations: frozenset[str] = frozenset()
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
    if _HELD in st.session_state and st.session_state[_HELD].brought is not None:
        return
    names = offered_names(data)
    if names:
        hold_reference(next((name for name in first_samples(data) if name in names), names[0]))


def choose_picture(data: DataSet) -> Held:
    """Draw the ways to bring a picture of that kind, and return the one that was used last."""
    if _HELD not in st.session_state:
        first_sample_of(data.name)
    if _HELD not in st.session_state:
        first_sample_of(DEFAULT)
    held: Held = st.session_state[_HELD]
    ways = ["Samples", "Upload", "Draw"] if data.preparation == "digit" else ["Samples", "Upload"]
    known = st.session_state.get("picture_way") in ways
    if not known:
        st.session_state.pop("picture_way", None)
    way = st.segmented_control(
        "Picture", ways, default=None if known else ways[0], required=True, key="picture_way", width="stretch"
    )
    try:
        if way == "Samples":
            _from_samples(held, data)
        elif way == "Upload":
            _from_upload(held, data)
        else:
            _from_drawing(held, data)
        held = st.session_state[_HELD]
        if held.brought is not None:
            wishes = offer_preparation(held.brought, held.mark, held.shown, data)
            if wishes != held.brought.wishes:
                _carry(replace(held, brought=replace(held.brought, wishes=wishes)), {data.preparation})
    except PictureError as error:
        st.error(str(error))
    return st.session_state[_HELD]


def held_for(preparations: Collection[str]) -> Held:
    """What the session holds, made ready for models of those preparations too, where somebody brought it."""
    held: Held = st.session_state[_HELD]
    if held.brought is not None and held.preparations != frozenset(preparations):
        try:
            _carry(held, preparations)
        except PictureError:
            # No drawing for models of digits: they see the square that the others see.
            _carry(held, {"crop"}, frozenset(preparations))
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


def _from_upload(held: Held, data: DataSet) -> None:
    article = "an" if data.noun[0] in "aeiou" else "a"
    words = f"A photograph of {article} {data.noun}, or any picture of one"
    if data.noun == "photograph":
        words = "A photograph, or any picture"
    file = st.file_uploader(words, type=TYPES, max_upload_size=MAX_BYTES // 10**6, key="upload")
    if file is not None and _is_new(held, "upload", file.file_id):
        _bring(file.getvalue(), file.name, held, data)


def _from_drawing(held: Held, data: DataSet) -> None:
    png = drawing_pad(data.noun, key="drawing")
    if png is not None and _is_new(held, "drawing", hashlib.sha256(png).hexdigest()):
        _bring(png, "drawing", held, data)


def _is_new(held: Held, way: str, mark: str) -> bool:
    """True once for each sample, file or drawing: what was brought last wins, whichever way it came."""
    if held.seen.get(way) == mark:
        return False
    held.seen[way] = mark
    return True


def _bring(content: bytes, name: str, held: Held, data: DataSet) -> None:
    """Take a file: as it was brought, and ready for models of the data set.

    Raises:
        PictureError: it cannot be used; what was held before stays.
    """

    def read() -> Picture:
        brought = bring(content, name=name, wishes=Wishes())
        prepare(brought, data.preparation, data.background)
        return brought

    brought = in_one_go(read, "Reading the picture")
    seen = {way: mark for way, mark in held.seen.items() if way in ("upload", "drawing")}
    mark = hashlib.sha256(content).hexdigest()[:12]
    shown = data_url(brought, data.background)
    _carry(replace(held, brought=brought, mark=mark, shown=shown, seen=seen), {data.preparation})


def _carry(held: Held, made_for: Collection[str], asked: frozenset[str] | None = None) -> None:
    """Hold what a recipe carries. Through the file and back: what is measured here is what the recipe makes again."""
    assert held.brought is not None
    brought = held.brought
    carried = in_one_go(lambda: portable(brought, made_for), "Preparing the picture")
    png = to_png(carried)
    picture = replace(
        from_png(png, brought.name), steps=carried.steps, history=carried.history, drawings=carried.drawings
    )
    st.session_state[_HELD] = replace(
        held, reference=png_data_url(png), picture=picture, preparations=asked or frozenset(made_for)
    )


@st.cache_data(max_entries=8, show_spinner=False)
def _thumbnails(data: str) -> list[dict[str, str]]:
    items = []
    for name in offered_names(data):
        picture = sees(sample(name), data_set(data))
        image = Image.open(io.BytesIO(to_png(picture))).resize((56, 56), Image.Resampling.LANCZOS)
        file = io.BytesIO()
        image.save(file, "PNG", optimize=True)
        classes = data_set(data).class_names
        words = picture.name if picture.label is None else f"{picture.name}: {classes[picture.label]}"
        items.append({"name": name, "label": words, "source": png_data_url(file.getvalue())})
    return items
