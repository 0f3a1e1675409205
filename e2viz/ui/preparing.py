"""How the picture that was brought is prepared: the square, the drawing that is meant, and a switch for each step."""

from dataclasses import replace

import numpy as np
import streamlit as st
from jaxtyping import UInt8
from PIL import Image

from e2viz.data import DataSet
from e2viz.images.intake import prepare
from e2viz.images.picture import Picture, PictureError, Wishes
from e2viz.ui.cutting import choose_drawing, cut_square

# Steps of the preparation that can be switched off, and what each is called on screen.
SWITCHES = {
    "digit": {
        "flatten": "even light",
        "contrast": "contrast",
        "single": "one drawing alone",
        "crop": "crop",
        "invert": "bright on black",
        "center": "centre",
        "thicken": "widen strokes",
    },
    "crop": {"crop": "cut a square"},
}
CAPTIONS = {
    "digit": "As MNIST was made: bright ink on black, 20 of 28 pixels, centred by mass.",
    "crop": "In its own colours; what lies outside the circle is left out when the square is turned.",
}


def offer_preparation(brought: Picture, mark: str, shown: str, data: DataSet) -> Wishes:
    """Draw what can be wished for the picture, and return what is wished now.

    Args:
        brought: the picture as it was brought, with the wishes so far.
        mark: of the file: other files have other widgets.
        shown: a small copy of it, as a data URL.
        data: the data set whose preparation is offered.
    """
    wishes = brought.wishes
    if data.preparation == "crop":
        if "crop" not in wishes.off:
            wishes = replace(wishes, cut=cut_square(brought, shown, key=f"cut_{mark}"))
        return replace(wishes, off=_switches(brought, mark, data))
    try:
        ready = prepare(brought, "digit")
    except PictureError:
        # Said already, when it was brought; a switch may still help.
        ready = None
    if ready is not None and len(ready.drawings) > 1:
        st.caption(f"{len(ready.drawings)} drawings were found; the framed one is taken. Press on another to take it.")
        wishes = replace(wishes, drawing=choose_drawing(brought, ready.drawings, shown, key=f"drawing_{mark}"))
    return replace(wishes, off=_switches(brought, mark, data))


def _switches(brought: Picture, mark: str, data: DataSet) -> frozenset[str]:
    """Every step of the preparation with its result, and a switch for each."""
    off = set()
    try:
        done = {step.name: step for step in prepare(brought, data.preparation, data.background).history}
    except PictureError:
        done = {}
    with st.expander("How it was prepared"):
        st.caption(CAPTIONS[data.preparation])
        for name in ("read", "keep", "grey"):
            if name in done:
                st.caption(done[name].why)
        for switch, words in SWITCHES[data.preparation].items():
            left, right = st.columns([3, 1], gap="small")
            if not left.toggle(words, value=switch not in brought.wishes.off, key=f"step_{switch}_{mark}"):
                off.add(switch)
            if switch in done:
                right.image(_thumbnail(done[switch].after), width=56)
                left.caption(done[switch].why)
    return frozenset(off)


def _thumbnail(pixels: UInt8[np.ndarray, "height width *channel"]) -> Image.Image:
    image = Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels)
    image.thumbnail((112, 112))
    return image
