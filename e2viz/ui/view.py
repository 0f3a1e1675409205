"""A scene on a page: the player, what can be made of it, and the angle in the address bar."""

from collections.abc import Callable

import streamlit as st

from e2viz.render.scene import Scene
from e2viz.ui.composing import add_to_figure
from e2viz.ui.export import copy_link_button, export_menu
from e2viz.ui.player import Options, Played, player
from e2viz.ui.state import current, frame_in_link, remember_frame


def view(
    scene: Scene,
    key: str,
    *,
    autoplay: bool | None = None,
    turn_s: float = 8.0,
    turns: bool = True,
    report_pixel: bool = False,
    then: Callable[[Played], None] | None = None,
) -> None:
    """Show a scene with its exports.

    Args:
        scene: what is shown.
        key: name of the view on the page.
        autoplay: start by itself; by default where it moves and the link asks for no angle.
        turn_s: seconds for a whole turn.
        turns: its frames are angles of the picture, and belong into the link.
        report_pixel: a click on a panel is told to `then`.
        then: called with what the reader did.
    """
    moves = scene.frames > 1 and turns
    start = frame_in_link(scene.angles_deg) if moves else 0
    if autoplay is None:
        autoplay = moves and "angle" not in st.query_params  # a link to one angle stands still there
    options = Options(
        start_frame=start, presenter=current().presenter, report_frame=True, autoplay=autoplay, turn_s=turn_s,
        report_pixel=report_pixel,
    )  # fmt: skip
    played = player(scene, key=key, options=options)
    if moves:
        remember_frame(scene.angles_deg, played.frame)
    if then is not None:
        then(played)
    with st.container(horizontal=True, horizontal_alignment="right"):
        add_to_figure(scene, key=f"{key}_add")
        export_menu(scene, played.frame or 0, key=f"{key}_export")
        copy_link_button(key=f"{key}_copy_link")


show_view = st.fragment(view)  # scrubbing reruns only this
