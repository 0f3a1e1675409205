"""Every training run. What is not in these tables was not done."""

from __future__ import annotations

import difflib

from e2viz.train.colour_recipes import COLOUR
from e2viz.train.digit_recipes import DIGITS
from e2viz.train.recipe import Recipe

__all__ = ["RECIPES", "Recipe", "recipe"]

RECIPES: dict[str, Recipe] = {each.name: each for each in (*DIGITS, *COLOUR)}


def recipe(name: str) -> Recipe:
    """The recipe of the weights called ``name``.

    Raises:
        LookupError: if there is none, with the nearest names.
    """
    if name not in RECIPES:
        near = difflib.get_close_matches(name, RECIPES, n=3, cutoff=0.3) or list(RECIPES)
        raise LookupError(f"no recipe is called {name!r}; nearest: {', '.join(near)}")
    return RECIPES[name]
