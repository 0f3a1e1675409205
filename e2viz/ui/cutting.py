"""The picture that was brought, with a square to move and size, or with the drawings of which one can be chosen."""

import base64
import io
import math
from collections.abc import Mapping

import streamlit as st
from PIL import Image

from e2viz.images.crop import levels
from e2viz.images.layers import compose
from e2viz.images.picture import Background, Box, Cut, Picture
from e2viz.images.workbench import as_bytes
from e2viz.ui.browser import source

SHOWN_LONGEST = 640

_component = st.components.v2.component("e2viz.cut", js=source("cut.js"), css=source("cut.css"))


def cut_square(picture: Picture, shown: str, *, key: str) -> Cut:
    """Show the picture with the square that is cut out, and return where the person wants it.

    Args:
        picture: as it was brought, with the square as it is now.
        shown: a data URL of the picture, see `data_url`.
        key: name of this tool on the page; a new picture needs a new one.
    """
    cut = picture.wishes.cut
    given = {"x": cut.x, "y": cut.y, "side": cut.side}
    state = _component(key=key, data=_described(picture, shown) | {"cut": given}, on_cut_change=lambda: None)
    return checked_cut(state.get("cut")) or cut


def choose_drawing(picture: Picture, drawings: tuple[Box, ...], shown: str, *, key: str) -> tuple[float, float] | None:
    """Show the picture with a frame around each drawing, and return a point on the one that was chosen.

    Args:
        picture: as it was brought.
        drawings: all that were found, the one that is taken now first.
        shown: a data URL of the picture.
        key: name of this tool on the page.
    """
    # In the order of reading, so that a choice moves no frame.
    boxes = sorted(drawings, key=lambda box: (box.left, box.top))
    corners = [[box.left, box.top, box.right, box.bottom] for box in boxes]
    data = _described(picture, shown) | {"boxes": corners, "chosen": boxes.index(drawings[0])}
    state = _component(key=key, data=data, on_drawing_change=lambda: None)
    return checked_point(state.get("drawing")) or picture.wishes.drawing


def data_url(picture: Picture, background: Background) -> str:
    """A small JPEG of the picture, with what is transparent laid on the background."""
    whole = compose(picture.values, picture.alpha, levels(background, picture.channels))
    pixels = as_bytes(whole, SHOWN_LONGEST)
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(file, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def checked_cut(sent: object) -> Cut | None:
    """The square that the browser sent; None for anything else, since a browser can send what it likes."""
    numbers = [sent.get(name) for name in ("x", "y", "side")] if isinstance(sent, Mapping) else []
    shares = _shares(numbers, 3)
    if shares is None or shares[2] == 0:
        return None
    return Cut(x=shares[0], y=shares[1], side=shares[2])


def checked_point(sent: object) -> tuple[float, float] | None:
    """The point that the browser sent, or None."""
    shares = _shares(list(sent), 2) if isinstance(sent, list | tuple) else None
    return None if shares is None else (shares[0], shares[1])


def _shares(numbers: list[object], count: int) -> list[float] | None:
    if len(numbers) != count:
        return None
    shares = [float(each) for each in numbers if isinstance(each, int | float) and not isinstance(each, bool)]
    good = len(shares) == count and all(math.isfinite(each) and 0 <= each <= 1 for each in shares)
    return shares if good else None


def _described(picture: Picture, shown: str) -> dict[str, object]:
    height, width = picture.values.shape[1:]
    return {"source": shown, "width": width, "height": height, "label": "The picture that was brought"}
