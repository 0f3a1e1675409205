"""The drawing pad: a digit, or what else a model of drawings knows, by mouse, pen or finger."""

import base64
import binascii

import streamlit as st

from e2viz.ui.browser import source

PREFIX = "data:image/png;base64,"
# The pad sends 280 × 280 pixels; a drawing is far below this, and nothing larger is looked at.
MAX_CHARACTERS = 400_000
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

_component = st.components.v2.component("e2viz.drawing", js=source("drawing.js"), css=source("drawing.css"))


def drawing_pad(noun: str, *, key: str) -> bytes | None:
    """Show the pad and return the drawing that was last used, as a PNG file: bright ink on black.

    Args:
        noun: what is to be drawn.
        key: name of this pad on the page.

    Returns:
        None until "Use drawing" is pressed.
    """
    state = _component(key=key, data={"noun": noun}, on_picture_change=lambda: None)
    return decode_drawing(state.get("picture"))


def decode_drawing(sent: object) -> bytes | None:
    """The PNG inside what the browser sent; None for anything else, since a browser can send what it likes."""
    if not isinstance(sent, str) or not sent.startswith(PREFIX) or len(sent) > MAX_CHARACTERS:
        return None
    try:
        png = base64.b64decode(sent.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        return None
    return png if png.startswith(PNG_SIGNATURE) else None
