"""The player: a whole scene sent once, then played and scrubbed in the browser without the server."""

from dataclasses import asdict, dataclass

import streamlit as st

from e2viz.render.browser import player_script, player_style
from e2viz.render.payload import Options, pack
from e2viz.render.scene import Scene

__all__ = ["Options", "Pixel", "Played", "pack", "player"]

_component = st.components.v2.component("e2viz.player", js=player_script(), css=player_style())


@dataclass(frozen=True)
class Pixel:
    """A clicked pixel: the panel's place in reading order over all rows, then row, column and frame."""

    panel: int
    row: int
    col: int
    frame: int


@dataclass(frozen=True)
class Played:
    """What the reader did last in the player; None where nothing was reported yet."""

    frame: int | None
    pixel: Pixel | None


def player(scene: Scene, *, key: str, options: Options | None = None) -> Played:
    """Show a scene and return what the reader did last.

    The start frame and the order to start are taken once for each key, so that a rerun which knows a newer
    frame does not send the scene again.

    Args:
        scene: what is shown.
        key: name of this player on the page.
        options: how it is played.
    """
    options = options or Options()
    first = st.session_state.setdefault(f"_{key}_start_frame", options.start_frame)
    options = Options(**asdict(options) | {"start_frame": first})
    state = _component(
        key=key,
        data=pack(scene, options),
        on_frame_change=lambda: None,
        on_pixel_change=lambda: None,
    )
    frame = state.get("frame")
    pixel = state.get("pixel")
    return Played(
        frame=None if frame is None else min(int(frame), scene.frames - 1),
        pixel=None if pixel is None else Pixel(**{name: int(pixel[name]) for name in ("panel", "row", "col", "frame")}),
    )
