"""The recipe inside an exported file, got back: what restores a view when a file is dropped on the app."""

import json
from pathlib import Path
from typing import Any

from e2viz.render.figure import Figure
from e2viz.render.formats import FORMATS
from e2viz.render.marked import MAX_FILE_BYTES, MAX_RECIPE_BYTES
from e2viz.render.recipe import Recipe, json_object
from e2viz.render.scene import AnyRecipe


def read_recipe(source: bytes | str | Path) -> AnyRecipe:
    """The recipe of a file that e2viz wrote, or of a recipe's own JSON.

    Args:
        source: the file's bytes, or its path.

    Raises:
        ValueError: a file that holds no recipe, or a broken one.
        OSError: a path that cannot be read.
    """
    text = recipe_text(source if isinstance(source, bytes) else _content(Path(source)))
    return recipe_from_json(text)


def recipe_text(content: bytes) -> str:
    """The recipe's JSON inside a file.

    Raises:
        ValueError: a file that holds none.
    """
    if content.lstrip()[:1] == b"{":
        return _own_json(content)
    for format in FORMATS.values():
        text = format.read(content)
        if text is not None:
            return text
    raise ValueError(f"the file must hold a recipe written by e2viz, got {len(content):,} bytes without one")


def recipe_from_json(text: str) -> AnyRecipe:
    """A view's recipe, or a figure's.

    Raises:
        ValueError: text that is neither.
    """
    values = json_object(text)
    return Figure.from_dict(values) if "cells" in values else Recipe.from_dict(values)


def _own_json(content: bytes) -> str:
    """A recipe's file, or the JSON of a scene's numbers with its recipe inside."""
    if len(content) > MAX_FILE_BYTES:
        raise ValueError(f"a file must have at most {MAX_FILE_BYTES:,} bytes, got {len(content):,}")
    text = content.decode("utf-8", errors="replace")
    if b'"numbers"' not in content[: 2 * MAX_RECIPE_BYTES]:
        return text
    values: dict[str, Any] = json_object(text, most=MAX_FILE_BYTES)
    if "recipe" in values and "page" not in values:
        if not isinstance(values["recipe"], dict):
            raise ValueError("the file must hold a recipe written by e2viz, got numbers without one")
        return json.dumps(values["recipe"])
    return text


def _content(path: Path) -> bytes:
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise ValueError(f"a file must have at most {MAX_FILE_BYTES:,} bytes, got {size:,}")
    return path.read_bytes()
