"""The player: a whole scene sent once, then played and scrubbed in the browser without the server."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

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
    return Played(frame=_frame(frame, scene), pixel=checked_pixel(pixel))


def _frame(sent: object, scene: Scene) -> int | None:
    number = _number(sent)
    return None if number is None else min(number, scene.frames - 1)


def checked_pixel(sent: object) -> Pixel | None:
    """The pixel that the browser sent; None for anything else, since a browser can send what it likes."""
    numbers = [_number(sent.get(each.name)) for each in fields(Pixel)] if isinstance(sent, Mapping) else [None]
    return None if None in numbers else Pixel(*(number for number in numbers if number is not None))


def _number(sent: object) -> int | None:
    """A whole number from 0 to a million."""
    good = isinstance(sent, int | float) and not isinstance(sent, bool) and 0 <= sent <= 10**6
    return int(sent) if good else None  # type: ignore[call-overload]
