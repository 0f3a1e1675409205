"""The navigation: what lies in pages/<section>/, in the order of one small table."""

from pathlib import Path

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from e2viz import places

PAGES = places.PAGES
SECTIONS = ("turn", "inside", "compare", "make")
# File -> title, short enough for one line across the top. A page that is not listed comes after these, under its
# file's name. No icons: the icon of a page becomes the browser's, which would fetch it from another server.
TITLES = {
    "rotation": "Turn",
    "attention": "Attention",
    "latents": "Feature maps",
    "orbits": "Orbits",
    "equivariance_error": "Equivariance error",
    "positional_encodings": "Positions",
    "steerability": "Steerability",
    "post_hoc": "Post-hoc",
    "efficiency": "Efficiency",
    "your_model": "Your model",
    "studio": "Studio",
    "gallery": "Gallery",
    "lessons": "Lessons",
}


def found(folder: Path = PAGES) -> dict[str, list[Path]]:
    """Files of the pages by section, sections and pages in the order of the tables above."""
    sections: dict[str, list[Path]] = {}
    order = list(TITLES)
    for path in folder.glob("*/*.py"):
        if not path.name.startswith("_"):
            sections.setdefault(path.parent.name, []).append(path)

    def place(path: Path) -> tuple[int, str]:
        return (order.index(path.stem) if path.stem in order else len(order), path.stem)

    known = [name for name in SECTIONS if name in sections]
    others = sorted(set(sections) - set(known))
    return {name: sorted(sections[name], key=place) for name in [*known, *others]}


def titles(folder: Path = PAGES) -> dict[str, str]:
    """The title of each page by the name that its address has; the first one's address is the root."""
    return {path.stem: title_of(path.stem) for section in found(folder).values() for path in section}


def title_of(name: str) -> str:
    """What a page is called."""
    return TITLES.get(name, name.replace("_", " ").capitalize())


def navigation(folder: Path = PAGES) -> "st.Page":
    """The page that the address bar names; the first one found is the home page.

    All links stand across the top, so that the sidebar belongs to the picture and the models. Under section headings
    they would be hidden in menus.
    """
    paths = [path for section in found(folder).values() for path in section]
    pages = [st.Page(path, title=title_of(path.stem), default=path is paths[0]) for path in paths]
    mistaken = bool(PagesManager.uses_pages_directory)
    page = st.navigation(pages, position="top")
    if mistaken:
        _close_wrong_dialog()
    return page


def _close_wrong_dialog() -> None:
    """Close Streamlit's "Page not found" over a page that was found.

    The first run of a server beside a folder called pages/ goes by that folder's own files before it reads app.py; it
    finds none there and says so in a dialog. Later runs do not.
    """
    st.html(
        """<script>
        const wrong = () => [...document.querySelectorAll("[role=dialog]")].find((each) =>
          each.innerText.startsWith("Page not found"));
        let tries = 40;
        const close = setInterval(() => {
          wrong()?.querySelector("button")?.click();
          if (!--tries) clearInterval(close);
        }, 50);
        </script>""",
        unsafe_allow_javascript=True,
    )
