"""What every page begins and ends with: configuration, and one answer to every failure."""

import contextlib
import logging
import time
from collections.abc import Iterator

import streamlit as st

from e2viz import places
from e2viz.images.picture import PictureError
from e2viz.ui.gate import Cancelled
from e2viz.zoo.weights import WeightsError

HEAD_START_S = 1.0
HELD_BACK = "_player_had_its_head_start"
ICON = places.ASSETS / "icon.png"


def configure(title: str) -> None:
    """Title, icon and width. A PNG on disk: an icon by name would make each browser ask another server for a font."""
    st.set_page_config(
        page_title=f"{title} · e2viz",
        page_icon=str(ICON) if ICON.is_file() else None,
        layout="wide",
        menu_items={"Get help": None, "Report a bug": None, "About": "See what equivariance does inside a ViT."},
    )
    whole_width()


def whole_width() -> None:
    """Give the page to what is looked at: less empty space above and below, and all pages named in one line.

    What stands on a button in the accent's colour is dark on a dark page, where the accent is light.

    The player's dial stays in view below the header, whose height it learns here.
    """
    st.html(
        "<style>:root { --e2viz-top: 60px; } .stMainBlockContainer { padding-top: 4.25rem; padding-bottom: 3rem; } "
        "[data-testid=stTopNavLink] { padding-inline: 3px; } [data-testid=stTopNavLink] * { font-size: 13px; } "
        "[data-testid^=stBaseButton-primary]:not(:disabled) * { color: light-dark(#ffffff, #0d1014); }"
        "</style>"
    )


def presenter_size() -> None:
    """Make all type large enough for the back row; everything on a page is measured in the root's font size."""
    st.html("<style>html { font-size: 19px; }</style>")


def whole_screen() -> None:
    """Nothing but the page itself, in large type: for whoever stands in front of a class."""
    hidden = "[data-testid=stSidebar], [data-testid=stHeader], [data-testid=stExpandSidebarButton] { display: none; }"
    wide = ".stMainBlockContainer { max-width: none; padding: 2rem 3rem 1rem; }"
    large = ":root { --e2viz-top: 0px; } html { font-size: clamp(20px, 1.5vw, 40px); }"
    st.html(f"<style>{large} {hidden} {wide}</style>")


def readable_choices() -> None:
    """Write what is chosen in the page's own ink: in the accent's colour on its tint it has a contrast of 4 to 1."""
    chosen = ":is([data-variant=pills], [data-variant=segmented_control]):is([aria-pressed=true], [aria-checked=true])"
    st.html(f"<style>{chosen} {{ color: inherit !important; font-weight: 500; }}</style>")


def whole_names() -> None:
    """Let a model's long name take two lines of the sidebar instead of ending in dots."""
    chip = "[data-testid=stSidebar] [data-variant=pills]"
    st.html(f"<style>{chip}, {chip} * {{ white-space: normal; height: auto; text-align: left; }}</style>")


def player_first() -> None:
    """Hold the rest of a page back until the browser has drawn the player; once a session, before the first chart.

    Charts and tables make the browser load 6 MB of scripts, and while it reads them it draws nothing: the player
    would stand empty for another two seconds.
    """
    if HELD_BACK not in st.session_state:
        time.sleep(HEAD_START_S)
        st.session_state[HELD_BACK] = True


@contextlib.contextmanager
def answered() -> Iterator[None]:
    """Turn a failure inside into a sentence on the page; what nobody expected goes to the log with its traceback.

    Streamlit stops and reruns scripts by exceptions that are no `Exception`: they pass.
    """
    try:
        yield
    except (PictureError, WeightsError) as error:
        st.error(str(error))
    except Cancelled:
        st.info("Stopped: nothing was computed.")
    except OSError as error:
        logging.getLogger(__name__).exception("a page could not read or write")
        st.error(f"The server could not read or write a file: {error.strerror or error}. Tell whoever runs it.")
    except (ValueError, LookupError) as error:
        logging.getLogger(__name__).exception("a page failed")
        st.error(f"This view cannot be shown: {error}. Choose another picture or model in the sidebar.")
