"""The export menu: files from the scene that is on screen, made when they are asked for, and the view's link."""

from collections.abc import Callable

import streamlit as st

from e2viz.render.encode import encode
from e2viz.render.formats import FORMATS
from e2viz.render.look import Look
from e2viz.render.scene import Scene
from e2viz.ui.browser import source
from e2viz.ui.encoding import in_turns
from e2viz.ui.person import person, session_waits

THEMES = ("light", "dark", "transparent")
SECONDS = {"fast": 3.6, "usual": 6.0, "slow": 12.0}
KINDS = {"animation": "The whole turn", "still": "This angle", "numbers": "The numbers"}

_copy = st.components.v2.component("e2viz.copy_link", js=source("copy.js"), css=source("copy.css"))


def export_menu(scene: Scene, frame: int = 0, *, key: str = "export") -> None:
    """A popover with a download button for each format.

    A file is made when its button is pressed, behind the gate like everything that takes long, and holds the recipe.

    Args:
        scene: what is on screen.
        frame: the angle of the stills.
        key: name of this menu on the page.
    """
    frame = min(frame, scene.frames - 1)
    with st.popover("Export"):
        theme = st.segmented_control("Background", THEMES, default=_theme_shown(), required=True, key=f"{key}_theme")
        pace = st.segmented_control("Turn", list(SECONDS), default="usual", required=True, key=f"{key}_pace")
        fps = fps_of(scene.frames, SECONDS[pace])
        for kind, words in KINDS.items():
            st.caption(words)
            columns = st.columns(3, gap="small")
            offered = {name: each for name, each in FORMATS.items() if each.kind == kind}
            for place, (format, each) in enumerate(offered.items()):
                no_background = theme == "transparent" and not each.clear
                columns[place % 3].download_button(
                    each.title,
                    data=_maker(scene, format, Look(theme=theme, fps=fps, angle_deg=float(scene.angles_deg[frame]))),
                    file_name=file_name(scene, format, frame),
                    mime=each.mime,
                    on_click="ignore",
                    key=f"{key}_{format}",
                    disabled=no_background,
                    help=f"{each.title} needs a background." if no_background else None,
                    width="stretch",
                )
        if scene.recipe is not None:
            st.download_button(
                "Recipe",
                data=scene.recipe.to_json(),
                file_name=f"{scene.recipe.page}.json",
                mime="application/json",
                on_click="ignore",
                key=f"{key}_recipe",
                help="`python -m e2viz render` makes the same files from it.",
                width="stretch",
            )


def copy_link_button(*, key: str = "copy_link") -> None:
    """A button that copies the address of this view."""
    _copy(key=key, width="content")


def file_name(scene: Scene, format: str, frame: int) -> str:
    """A name that says what is inside: page, picture and, for a still, the angle."""
    recipe = scene.recipe
    parts = ["e2viz"]
    if recipe is not None:
        parts = [recipe.page, "picture" if recipe.picture.startswith("data:") else recipe.picture]
    if FORMATS[format].kind == "still":
        parts.append(f"{scene.angles_deg[frame]:g}deg")
    return "-".join(filter(None, parts)) + FORMATS[format].suffix


def fps_of(frames: int, turn_s: float) -> float:
    """Frames a second for a turn of about this long, in steps that a GIF's clock of hundredths keeps exactly.

    Never faster than a GIF plays and never slower than a frame in ten seconds, whatever the number of frames.
    """
    hundredths = min(max(2, round(100 * turn_s / frames)), 1000)
    return 100 / hundredths


def _maker(scene: Scene, format: str, look: Look) -> Callable[[], bytes]:
    """Makes the file when its button is pressed; stops when nobody waits for it any more."""
    waits, whose = session_waits(), person()

    def make() -> bytes:
        return in_turns(lambda progress: encode(scene, format, look=look, progress=progress), waits, person=whose)

    return make


def _theme_shown() -> str:
    return "dark" if st.context.theme.type == "dark" else "light"
