"""The gallery: figures and animations of the study as recipes, and what is made of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from e2viz import places, scenes
from e2viz.data import data_set
from e2viz.data.local_samples import local_names
from e2viz.render.budget import BUDGETS, fitted
from e2viz.render.embed import read_recipe
from e2viz.render.figure import Figure
from e2viz.render.recipe import Recipe
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
        data: the data set that its picture is read from, where that may not be shipped: the item is only there with a
            data folder that holds it, and its animation lies in the person's own folder.
        folder: where its files lie.
    """

    name: str
    title: str
    about: str
    figure: str = ""
    data: str = ""
    folder: Path = FOLDER

    @property
    def recipe(self) -> AnyRecipe:
        """How to make it."""
        return read_recipe(self.folder / f"{self.name}.json")

    @property
    def gif(self) -> Path:
        """Where its animation lies, if it was made."""
        folder = places.home() / "gallery" if self.data else self.folder
        return folder / f"{self.name}.gif"

    @property
    def view(self) -> Recipe:
        """The view that it opens: its own, or that of its first part."""
        recipe = self.recipe
        return recipe.cells[0].recipe if isinstance(recipe, Figure) else recipe


def items(folder: Path = FOLDER) -> list[Item]:
    """What is in the gallery, in its order; of data that may not be shipped, what the data folder has pictures of."""
    found = json.loads((folder / "gallery.json").read_text(encoding="utf-8"))
    known = [Item(**each, folder=folder) for each in found]
    return [item for item in known if not item.data or item.view.picture in local_names(data_set(item.data))]


def make(item: Item, out: Path | None = None) -> str:
    """Make an item's GIF, below 3 MB; returns what was done.

    Args:
        item: what to make.
        out: folder to write to; beside the recipe by default.
    """
    recipe = item.recipe
    made = fitted(scenes.make(recipe), "gif", recipe.look, BUDGET)
    path = item.gif if out is None else out / item.gif.name
    path.parent.mkdir(parents=True, exist_ok=True)
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
