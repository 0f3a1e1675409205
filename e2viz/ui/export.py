"""The export menu: files from the scene that is on screen, made when they are asked for, and the view's link."""

import streamlit as st

from e2viz.render.encode import FORMATS, encode
from e2viz.render.scene import Scene
from e2viz.ui.browser import source
from e2viz.ui.gate import GATE

# Format -> what its button says; animations first.
BUTTONS = {
    "gif": "GIF",
    "mp4": "MP4",
    "webp": "WebP",
    "csv": "CSV",
    "png": "PNG, this angle",
    "svg": "SVG, this angle",
}
THEMES = ("light", "dark", "transparent")
SECONDS = {"fast": 3.6, "usual": 6.0, "slow": 12.0}

_copy = st.components.v2.component("e2viz.copy_link", js=source("copy.js"), css=source("copy.css"))


def export_menu(scene: Scene, frame: int = 0, *, key: str = "export") -> None:
    """A popover with a download button for each format.

    A file is made when its button is pressed, one at a time in the whole process, and holds the recipe.

    Args:
        scene: what is on screen.
        frame: the angle of the stills.
        key: name of this menu on the page.
    """
    frame = min(frame, scene.frames - 1)
    with st.popover("Export"):
        theme = st.segmented_control("Background", THEMES, default=_theme_shown(), required=True, key=f"{key}_theme")
        pace = st.segmented_control("Turn", list(SECONDS), default="usual", required=True, key=f"{key}_pace")
        columns = st.columns(2, gap="small")
        for place, (format, words) in enumerate(BUTTONS.items()):
            no_background = format == "mp4" and theme == "transparent"
            columns[place % 2].download_button(
                words,
                data=_maker(scene, format, frame, theme, _fps(scene.frames, SECONDS[pace])),
                file_name=file_name(scene, format, frame),
                mime=FORMATS[format].mime,
                on_click="ignore",
                key=f"{key}_{format}",
                disabled=no_background,
                help="A video needs a background." if no_background else None,
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
    if format in ("png", "svg"):
        parts.append(f"{scene.angles_deg[frame]:g}deg")
    return "-".join(filter(None, parts)) + FORMATS[format].suffix


def _fps(frames: int, turn_s: float) -> float:
    """Frames a second that a GIF's clock of hundredths can keep exactly, for a turn of about this long."""
    hundredths = max(2, round(100 * turn_s / frames))
    return 100 / hundredths


def _maker(scene: Scene, format: str, frame: int, theme: str, fps: float):
    def make() -> bytes:
        with GATE.enter():
            return encode(scene, format, fps=fps, theme=theme, frame=frame)

    return make


def _theme_shown() -> str:
    return "dark" if st.context.theme.type == "dark" else "light"
