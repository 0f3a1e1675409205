"""A composed figure as a recipe: parts of any views on a grid, with their words and how they are drawn."""

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from e2viz import limits
from e2viz.limits import shown as brief
from e2viz.render.look import Look
from e2viz.render.recipe import DATA_URL_PREFIX, VERSION, Recipe, check_version, json_object, look_of

PAGE = "figure"
MAX_CELLS = 24
MAX_WORDS = 600
# A link longer than this is cut by mail programs.
MAX_LINK = 6000


def _words(what: str, text: object) -> None:
    if not isinstance(text, str) or len(text) > MAX_WORDS:
        raise ValueError(f"{what} must be text of at most {MAX_WORDS} characters, got {brief(text)}")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One place of the grid.

    Args:
        recipe: of the view that the part is of.
        part: a key of `e2viz.render.parts.parts_of`; "all" is the whole view.
        title: above it; the part's own when empty.
        caption: below it.
        columns: how many columns it takes.
    """

    recipe: Recipe
    part: str = "all"
    title: str = ""
    caption: str = ""
    columns: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.part, str) or len(self.part) > 40:
            raise ValueError(f"part must be a short name, got {brief(self.part)}")
        _words("title", self.title)
        _words("caption", self.caption)
        if isinstance(self.columns, bool) or not isinstance(self.columns, int) or not 1 <= self.columns <= 4:
            raise ValueError(f"columns of a cell must be from 1 to 4, got {brief(self.columns)}")


@dataclass(frozen=True, kw_only=True)
class Figure:
    """How to make a figure again.

    Args:
        cells: in reading order.
        title: above the grid.
        caption: below it.
        columns: of the grid.
        height: of the sheet in logical pixels; 0 for as high as it needs. What is left over is shared above and below.
        budget: name of the size that it must fit; "" for any.
        color_bars: whether maps say what their colours mean.
        look: how it is drawn and played.

    Raises:
        ValueError: a field that does not hold what is described here.
    """

    cells: tuple[Cell, ...] = ()
    title: str = ""
    caption: str = ""
    columns: int = 2
    height: int = 0
    budget: str = ""
    color_bars: bool = True
    look: Look = field(default_factory=Look)

    def __post_init__(self) -> None:
        if len(self.cells) > MAX_CELLS or not all(isinstance(cell, Cell) for cell in self.cells):
            raise ValueError(f"a figure must have at most {MAX_CELLS} cells, got {len(self.cells)}")
        _words("title", self.title)
        _words("caption", self.caption)
        for name, most in (("columns", 4), ("height", 4000)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
                raise ValueError(f"{name} must be a whole number up to {most}, got {brief(value)}")
        if self.columns < 1:
            raise ValueError(f"columns must be at least 1, got {self.columns}")
        _words("budget", self.budget)
        if not isinstance(self.color_bars, bool):
            raise ValueError(f"color_bars must be true or false, got {brief(self.color_bars)}")

    @property
    def page(self) -> str:
        """The page that it belongs to."""
        return PAGE

    @property
    def picture(self) -> str:
        """The first cell's picture: what its file is named after."""
        return self.cells[0].recipe.picture if self.cells else ""

    def __hash__(self) -> int:
        return hash(self.to_json())

    def to_dict(self) -> dict[str, object]:
        """The fields as JSON knows them; a picture that several cells show is written once."""
        pictures: list[str] = []
        cells = [_cell_to_dict(cell, pictures) for cell in self.cells]
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in ("cells", "look")}
        usual = {each.name: each.default for each in fields(self)}
        values = {name: value for name, value in values.items() if value != usual[name]}
        look = self.look.to_dict()
        shared = {"pictures": pictures} if pictures else {}
        drawn = {"look": look} if look else {}
        return {"version": VERSION, "page": PAGE, "cells": cells, **values, **shared, **drawn}

    def to_json(self) -> str:
        """One line of ASCII JSON, the same for equal figures."""
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Figure":
        """Inverse of `to_dict`.

        Raises:
            ValueError: a field that is unknown, missing or invalid.
        """
        check_version(values)
        known = [each.name for each in fields(cls)]
        given = {name: value for name, value in values.items() if name not in ("version", "page", "pictures")}
        for name in given:
            if name not in known:
                raise ValueError(f"a figure has {', '.join(known)}, got {brief(name)}")
        cells, pictures = values.get("cells", []), values.get("pictures", [])
        if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
            raise ValueError(f"cells must be a list of objects, got {brief(cells)}")
        if not isinstance(pictures, list) or not all(isinstance(each, str) for each in pictures):
            raise ValueError(f"pictures must be a list of data URLs, got {brief(pictures)}")
        if len(cells) > MAX_CELLS:
            raise ValueError(f"a figure must have at most {MAX_CELLS} cells, got {len(cells)}")
        read = tuple(_cell_from_dict(cell, pictures) for cell in cells)
        return cls(**{**given, "cells": read, "look": look_of(values)})

    def to_link(self) -> str:
        """The figure as one parameter of a link; "" where it is too long for one."""
        text = base64.urlsafe_b64encode(zlib.compress(self.to_json().encode("ascii"), 9)).decode("ascii").rstrip("=")
        return text if len(text) <= MAX_LINK else ""

    @classmethod
    def from_link(cls, text: str) -> "Figure":
        """Inverse of `to_link`.

        Raises:
            ValueError: text that is no figure.
        """
        try:
            packed = base64.urlsafe_b64decode(text[:MAX_LINK] + "=" * (-len(text[:MAX_LINK]) % 4))
            content = zlib.decompressobj().decompress(packed, limits.LARGEST_RECIPE)
        except (binascii.Error, ValueError, zlib.error) as error:
            raise ValueError(f"the figure of a link must be packed JSON: {error}") from error
        return cls.from_dict(json_object(content))


def _cell_to_dict(cell: Cell, pictures: list[str]) -> dict[str, object]:
    recipe = cell.recipe.to_dict()
    recipe.pop("version", None)
    recipe.pop("look", None)
    picture = cell.recipe.picture
    if picture.startswith(DATA_URL_PREFIX):
        if picture not in pictures:
            pictures.append(picture)
        recipe["picture"] = f"#{pictures.index(picture)}"
    words = {name: getattr(cell, name) for name in ("title", "caption") if getattr(cell, name)}
    wide = {"columns": cell.columns} if cell.columns != 1 else {}
    return {"recipe": recipe, "part": cell.part, **words, **wide}


def _cell_from_dict(values: Mapping[str, Any], pictures: list[str]) -> Cell:
    for name in values:
        if name not in ("recipe", "part", "title", "caption", "columns"):
            raise ValueError(f"a cell has recipe, part, title, caption and columns, got {brief(name)}")
    recipe = values.get("recipe")
    if not isinstance(recipe, dict):
        raise ValueError(f"a cell must have a recipe, got {brief(recipe)}")
    picture = recipe.get("picture", "")
    if isinstance(picture, str) and picture.startswith("#"):
        place = int(picture[1:]) if picture[1:].isdecimal() and len(picture) < 4 else len(pictures)
        if place >= len(pictures):
            raise ValueError(f"a cell's picture must be one of {len(pictures)}, got {brief(picture)}")
        recipe = {**recipe, "picture": pictures[place]}
    return Cell(**{**values, "recipe": replace(Recipe.from_dict(recipe), look=Look())})
