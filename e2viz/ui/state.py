"""What is looked at: models, picture, angles and rotation, in the session and in the address bar.

The address bar uses a recipe's words (`Recipe.to_query`), so that a link from a page, from an exported file and
from the command line are the same link. The sidebar owns these parameters; a page's own settings are widgets with
`bind="query-params"`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st

from e2viz.data.table import DEFAULT
from e2viz.groups import group
from e2viz.images.picture import Picture
from e2viz.limits import LONGEST_NAME, MOST_MODELS, shown
from e2viz.render.recipe import METHODS, Recipe, Setting
from e2viz.zoo.wrapped import wrapping

ANGLES = (24, 36, 72, 120)
PARAMETERS = ("models", "picture", "angles", "method")
PRESENTER = "presenter"
BROUGHT = "brought"
"""In place of a picture that is too large for a link: whoever opens the link is told, and never shown another as it."""
_SELECTION = "_selection"
_WRITTEN = "_written_parameters"


@dataclass(frozen=True, kw_only=True, eq=False)
class Selection:
    """What the sidebar says, for every page.

    Args:
        models: names in the catalogue, in the order shown.
        picture: the prepared picture.
        data: name of the data set that the picture is of.
        reference: how a recipe names it: a sample, or a PNG as a data URL.
        angles: number of equispaced angles in a turn.
        method: "fair" or "naive" rotation.
        presenter: large type, for the back row.
    """

    models: tuple[str, ...]
    picture: Picture
    reference: str
    data: str = DEFAULT
    angles: int = 72
    method: str = "fair"
    presenter: bool = False

    @property
    def angles_deg(self) -> np.ndarray:
        """[frame] the angles of the turn, counter-clockwise from upright."""
        return np.arange(self.angles) * (360.0 / self.angles)

    @property
    def fits_in_link(self) -> bool:
        """False for a picture that is too large for the address bar."""
        return "picture" in self.recipe("any").to_query()

    def recipe(self, page: str, **settings: Setting) -> Recipe:
        """The recipe of a page at this selection."""
        return Recipe(
            page=page,
            models=self.models,
            picture=self.reference,
            angles=self.angles,
            method=self.method,
            settings=settings,
        )


def current() -> Selection:
    """The selection of this run; the sidebar has set it before the page begins.

    Raises:
        LookupError: a page that is run without app.py.
    """
    if _SELECTION not in st.session_state:
        raise LookupError("the sidebar must be drawn before a page asks for the selection")
    return st.session_state[_SELECTION]


def remember(selection: Selection) -> None:
    """Keep the selection for the page, and write it into the address bar."""
    st.session_state[_SELECTION] = selection
    wanted = selection.recipe("any").to_query()
    if "picture" not in wanted:
        wanted["picture"] = BROUGHT
    if selection.presenter:
        wanted[PRESENTER] = "true"
    for name in (*PARAMETERS, PRESENTER):
        if name in wanted and st.query_params.get(name) != wanted[name]:
            st.query_params[name] = wanted[name]
        elif name not in wanted and name in st.query_params:
            del st.query_params[name]
    st.session_state[_WRITTEN] = wanted


def link_asked_for(
    models: list[str], samples: list[str], damaged: Mapping[str, str]
) -> tuple[dict[str, object], list[str]]:
    """What the address bar asks for and the session does not know yet: on arrival, or when the link was edited.

    Returns:
        Values for "models", "picture", "angles", "method" and "presenter"; only those that are valid. A link that
        asks for something unknown is answered with the rest of it. And a sentence for each thing that is left out.
    """
    query = {name: _joined(name) for name in (*PARAMETERS, PRESENTER) if name in st.query_params}
    # Another page of the app is reached without parameters; that asks for nothing.
    if not query or query == st.session_state.get(_WRITTEN):
        return {}, []
    return valid_parameters(query, models, samples), refused(query, models, samples, damaged)


def valid_parameters(query: Mapping[str, str], models: list[str], samples: list[str]) -> dict[str, object]:
    """The parameters that can be obeyed, as values; ``refused`` says what cannot."""
    found: dict[str, object] = {}
    known = tuple(dict.fromkeys(name for name in query.get("models", "").split(",") if name in models))
    if known:
        found["models"] = known[:MOST_MODELS]
    picture = _picture(query.get("picture", ""))
    if picture.startswith("data:") or picture in samples:
        found["picture"] = picture
    if query.get("angles", "") in map(str, ANGLES):
        found["angles"] = int(query["angles"])
    if query.get("method") in METHODS:
        found["method"] = query["method"]
    if PRESENTER in query:
        found[PRESENTER] = query[PRESENTER] == "true"
    return found


def refused(query: Mapping[str, str], models: list[str], samples: list[str], damaged: Mapping[str, str]) -> list[str]:
    """A sentence for everything in a link that is left out, and why.

    Args:
        query: parameters as in the address bar.
        models, samples: the names that are known.
        damaged: why each damaged model is none of the known ones.
    """
    asked = list(dict.fromkeys(filter(None, query.get("models", "").split(","))))
    said = [_why_not(name, damaged) for name in asked[:MOST_MODELS] if name not in models]
    if len(asked) > MOST_MODELS:
        said.append(f"One figure shows at most {MOST_MODELS} models; the link asks for {len(asked)}.")
    picture = query.get("picture", "")
    if picture == BROUGHT:
        said.append("The picture of this link was brought by somebody and is too large for a link: bring it again.")
    elif picture and picture not in samples and not _picture(picture).startswith("data:"):
        said.append(f"There is no sample called {shown(picture)}.")
    if "angles" in query and query["angles"] not in map(str, ANGLES):
        *most, last = map(str, ANGLES)
        said.append(f"A turn has {', '.join(most)} or {last} angles, not {shown(query['angles'])}.")
    if "method" in query and query["method"] not in METHODS:
        said.append(f"A picture is turned {' or '.join(METHODS)}, not {shown(query['method'])}.")
    return said


def _why_not(name: str, damaged: Mapping[str, str]) -> str:
    if name in damaged:
        return f"{name} is left out: {damaged[name]}"
    wanted = wrapping(name) if len(name) <= LONGEST_NAME else None
    if wanted is not None:
        try:
            group(wanted.group)
        except ValueError as error:
            return f"{shown(name)} is left out: {error}."
    return f"There is no model called {shown(name)}."


def _picture(text: str) -> str:
    try:
        return Recipe.from_query("any", {"picture": text}).picture
    except ValueError:
        return ""


def _joined(name: str) -> str:
    """A repeated parameter is read as a list, `?models=a&models=b` like `?models=a,b`.

    A plus in a link that was written by hand arrives as a space; no model's name holds one.
    """
    joined = ",".join(st.query_params.get_all(name))
    return joined.replace(" ", "+") if name == "models" else joined


def frame_in_link(angles_deg: np.ndarray, name: str = "angle") -> int:
    """The frame nearest to the angle that the address bar asks for; 0 when it asks for none."""
    try:
        asked_deg = float(st.query_params.get(name, "0"))
    except ValueError:
        return 0
    if not np.isfinite(asked_deg):
        return 0
    away = np.abs((np.asarray(angles_deg) - asked_deg + 180.0) % 360.0 - 180.0)
    return int(away.argmin())


def remember_frame(angles_deg: np.ndarray, frame: int | None, name: str = "angle") -> None:
    """Write the angle of the frame that the player reported into the address bar."""
    if frame is None:
        return
    text = f"{float(angles_deg[frame]):g}"
    if st.query_params.get(name) != text:
        st.query_params[name] = text
