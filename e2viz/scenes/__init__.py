"""One module a page: from a recipe to its scene. The page and `python -m e2viz render` call the same function."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from e2viz.images.picture import Picture
from e2viz.measure.sweep import Sweep
from e2viz.render import notebook as notebook  # scenes play in notebooks
from e2viz.render.figure import Figure
from e2viz.render.parts import compose
from e2viz.render.recipe import Recipe
from e2viz.render.scene import AnyRecipe, Scene
from e2viz.scenes import (
    attention,
    broken,
    efficiency,
    equivariance_error,
    latents,
    orbits,
    over_data,
    positional_encodings,
    post_hoc,
    rotation,
    rule_lines,
    steerability,
)

SCENES: dict[str, Callable[[Recipe], Scene]] = {
    "rotation": rotation.make,
    "attention": attention.make,
    "latents": latents.make,
    "equivariance_error": equivariance_error.make,
    "positional_encodings": positional_encodings.make,
    "orbits": orbits.make,
    "steerability": steerability.make,
    "post_hoc": post_hoc.make,
    "efficiency": efficiency.make,
    "rules": rule_lines.make,
    "broken": broken.make,
    "over_data": over_data.make,
}


def make(recipe: AnyRecipe) -> Scene:
    """The scene of a view's recipe, or of a composed figure, computed.

    Raises:
        LookupError: for a page that has no scene, a model that is not in the catalogue or an unknown sample.
    """
    if isinstance(recipe, Figure):
        return compose(recipe, make)
    if recipe.page not in SCENES:
        near = difflib.get_close_matches(recipe.page, SCENES) or list(SCENES)
        raise LookupError(f"no page is called {recipe.page!r}; there are {', '.join(near)}")
    return SCENES[recipe.page](recipe)


def scene(what: Recipe | Sweep, picture: Picture | None = None, *, labels: dict[str, str] | None = None) -> Scene:
    """What is seen of a recipe, computed; or of a sweep: the turning picture, a ring and bars for each model.

    Args:
        what: a recipe, or a sweep of any models, in the catalogue or not.
        picture: the one that was swept; a recipe names its own.
        labels: what the models of a sweep are called; by default the shortest names that tell them apart.

    Raises:
        LookupError: as ``make``.
        ValueError: for a sweep without its picture.
    """
    if isinstance(what, Recipe):
        return make(what)
    if picture is None or picture.checksum != what.picture:
        given = "none" if picture is None else f"another one, {picture.name}"
        raise ValueError(f"the scene of a sweep needs the picture that was swept, got {given}")
    return rotation.compose(None, what, picture, labels)
