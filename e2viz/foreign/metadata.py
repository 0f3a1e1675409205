"""Class names, normalisation and size from the free words that exporters leave in a file's metadata."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any

NAMES = ("class_names", "classes", "labels", "names", "id2label", "categories")
MEANS = ("mean", "image_mean", "input_mean", "pixel_mean")
STDS = ("std", "image_std", "input_std", "pixel_std")
SIZES = ("size", "image_size", "imgsz", "input_size", "crop_size")
MOST_CHARACTERS = 1_000_000
MOST_NAME = 80


def words_of(metadata: Mapping[str, str]) -> dict[str, Any]:
    """What of class names, mean, std and size can be read; what cannot is left out, never guessed.

    Args:
        metadata: words by key, as torch, Hugging Face, Ultralytics and others write them: JSON, a Python literal, or
            names one a line.
    """
    lower = {key.lower().rpartition(".")[2]: value for key, value in metadata.items() if len(value) <= MOST_CHARACTERS}
    found: dict[str, Any] = {}
    for kind, keys, reader in (
        ("classes", NAMES, class_names), ("mean", MEANS, _numbers), ("std", STDS, _numbers), ("size", SIZES, _size),
    ):  # fmt: skip
        read = next((value for key in keys if key in lower and (value := reader(_value(lower[key]))) is not None), None)
        if read is not None:
            found[kind] = read
    return found


def _value(text: str) -> Any:
    """JSON, else a Python literal, else the text itself. A literal holds data alone: nothing is called."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if len(text) < 200_000 and text.lstrip()[:1] in "[({":
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return None
    return text


def class_names(value: Any) -> list[str] | None:
    """Names from a list, from {index: name}, or from lines; None if they are none of these."""
    if isinstance(value, str):
        value = value.splitlines() if "\n" in value else value.split(",")
    if isinstance(value, dict):
        try:
            value = [value[key] for key in sorted(value, key=int)]
        except (ValueError, TypeError):
            return None
    if not isinstance(value, list | tuple) or len(value) < 2:
        return None
    names = [" ".join(str(each).split())[:MOST_NAME] for each in value]
    return names if all(names) else None


def _numbers(value: Any) -> list[float] | None:
    if isinstance(value, str):
        value = value.split(",")
    try:
        read = [float(each) for each in (value if isinstance(value, list | tuple) else [value])]
    except (ValueError, TypeError):
        return None
    return read if len(read) in (1, 3) else None


def _size(value: Any) -> int | None:
    if isinstance(value, dict):
        value = value.get("height", value.get("shortest_edge"))
    if isinstance(value, list | tuple):
        value = value[-1] if value else None
    try:
        read = int(value)
    except (ValueError, TypeError):
        return None
    return read if 8 <= read <= 1024 else None
