"""The gallery: figures and animations of the study as recipes, and what is made of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from e2viz import places, scenes
from e2viz.render.budget import BUDGETS, fitted
from e2viz.render.embed import read_recipe
from e2viz.render.scene import AnyRecipe

FOLDER = places.ASSETS / "gallery"
BUDGET = BUDGETS["3mb"]


@dataclass(frozen=True, kw_only=True)
class Item:
    """One figure of the gallery.

    Attributes:
        name: of its files.
        title: what is seen.
        about: one sentence.
        figure: of the study that it shows again; "" for none.
        folder: where its files lie.
    """

    name: str
    title: str
    about: str
    figure: str = ""
    folder: Path = FOLDER

    @property
    def recipe(self) -> AnyRecipe:
        """How to make it."""
        return read_recipe(self.folder / f"{self.name}.json")

    @property
    def gif(self) -> Path:
        """Where its animation lies, if it was made."""
        return self.folder / f"{self.name}.gif"


def items(folder: Path = FOLDER) -> list[Item]:
    """What is in the gallery, in its order."""
    found = json.loads((folder / "gallery.json").read_text(encoding="utf-8"))
    return [Item(**each, folder=folder) for each in found]


def make(item: Item, out: Path | None = None) -> str:
    """Make an item's GIF, below 3 MB; returns what was done.

    Args:
        item: what to make.
        out: folder to write to; beside the recipe by default.
    """
    recipe = item.recipe
    made = fitted(scenes.make(recipe), "gif", recipe.look, BUDGET)
    path = item.gif if out is None else out / item.gif.name
    path.write_bytes(made.content)
    return f"{path.name}: {made.words}"


def make_all(out: Path | None = None, only: tuple[str, ...] = (), tell: Callable[[str], None] = print) -> None:
    """Make every GIF of the gallery.

    Raises:
        LookupError: a name that the gallery does not have.
    """
    known = {item.name: item for item in items()}
    for name in only:
        if name not in known:
            raise LookupError(f"the gallery has no {name!r}; there are {', '.join(known)}")
    for name in only or known:
        tell(make(known[name], out))
