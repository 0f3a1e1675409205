"""Every training run. What is not in these tables was not done."""

from __future__ import annotations

import difflib
from dataclasses import replace

import torch

from e2viz.data.table import DATA_SETS, data_set, list_data
from e2viz.train.colour_recipes import COLOUR
from e2viz.train.device import CPU
from e2viz.train.digit_recipes import DIGITS
from e2viz.train.further_recipes import FURTHER
from e2viz.train.long_recipes import LONG_DIGITS
from e2viz.train.own_recipes import KINDS, own_recipe
from e2viz.train.recipe import Recipe

__all__ = ["FURTHER", "LONG", "RECIPES", "Recipe", "further_recipe", "recipe"]

RECIPES: dict[str, Recipe] = {each.name: each for each in (*DIGITS, *COLOUR)}
LONG: dict[str, Recipe] = {each.name: each for each in LONG_DIGITS}


def recipe(name: str, where: torch.device = CPU) -> Recipe:
    """The recipe of the weights called ``name``; of a person's own data set, "vit.mine", the one that trained it.

    Args:
        name: of the weights.
        where: the device to train on; on a GPU a longer recipe takes the place of one that was made for a processor.

    Raises:
        LookupError: if there is none, with the nearest names.
    """
    kind, _, tag = name.partition(".")
    if name in LONG and (where.type == "cuda" or name not in RECIPES):
        return LONG[name]
    if name not in RECIPES and kind in KINDS and tag in list_data() and tag not in DATA_SETS:
        return own_recipe(kind, data_set(tag))
    if name not in RECIPES:
        names = [*RECIPES, *LONG]
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.3) or names
        raise LookupError(f"no recipe is called {name!r}; nearest: {', '.join(near)}")
    return RECIPES[name]


def further_recipe(name: str, where: torch.device = CPU) -> Recipe:
    """The recipe that goes on from the shipped weights called ``name``: one made for that, else their own.

    Raises:
        LookupError: if there is none, with the nearest names.
    """
    if name in FURTHER and where.type == "cpu":
        return FURTHER[name]
    return replace(recipe(name, where), start=name)
