"""A file that was exported here, dropped onto the app, restores the view or the figure that it was made of."""

import streamlit as st

from e2viz.render.embed import read_recipe
from e2viz.render.figure import Figure
from e2viz.render.recipe import Recipe
from e2viz.ui.browser import source
from e2viz.ui.composing import set_figure
from e2viz.ui.computing import in_one_go
from e2viz.ui.navigation import found
from e2viz.ui.pictures import hold_reference

# Scenes that stand on the page of another.
HOSTS = {"rules": "equivariance_error", "broken": "equivariance_error"}
TYPES = ["gif", "mp4", "webp", "apng", "png", "svg", "pdf", "html", "zip", "csv", "json"]
_TAKEN = "_restored_file"
_drop = st.components.v2.component("e2viz.drop", js=source("drop.js"), css=source("drop.css"))


def page_of(name: str) -> str | None:
    """The file of the page of a recipe; None for one that there is not."""
    wanted = HOSTS.get(name, name)
    paths = [path for section in found().values() for path in section if path.stem == wanted]
    return str(paths[0]) if paths else None


def restore(recipe: Recipe | Figure) -> None:
    """Go to the view of a recipe, or to the studio with its figure.

    Raises:
        ValueError: a page that there is not.
        PictureError: a picture that cannot be used.
    """
    if isinstance(recipe, Figure):
        set_figure(recipe)
        st.switch_page(page_of("studio") or "")
    page = page_of(recipe.page)
    if page is None:
        raise ValueError(f"the file's page must be one of this app's, got {recipe.page!r}")
    query = recipe.to_query()
    query.pop("look", None)
    if recipe.picture and "picture" not in query:
        hold_reference(recipe.picture)  # too large for a link: straight into the session
    if recipe.look.angle_deg:
        query["angle"] = f"{recipe.look.angle_deg:g}"
    st.switch_page(page, query_params=query)


def offer_restoring() -> None:
    """A place for an exported file, in the sidebar; dropped anywhere on the app it goes there too."""
    _drop(key="drop_anywhere")
    with st.expander("Open a file made here"):
        file = st.file_uploader(
            "A picture, animation, table or recipe that e2viz wrote", type=TYPES, key="restore", max_upload_size=50
        )
        if file is None or st.session_state.get(_TAKEN) == file.file_id:
            return
        st.session_state[_TAKEN] = file.file_id
        try:
            restore(in_one_go(lambda: read_recipe(file.getvalue()), "Reading the file"))
        except (ValueError, LookupError) as error:
            st.toast("No view can be restored from this file.")
            st.error(f"No view can be restored from this file. {error}. A picture to look at goes to Upload.")
