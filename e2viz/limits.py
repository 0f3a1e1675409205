"""How much a link, a recipe, a card or a file name may ask for.

What arrives from outside is checked where it is read, against the numbers here, and refused in one sentence: one link
must not keep everybody else waiting, or fill the memory. Code that calls the library is not limited by them.
"""

from __future__ import annotations

import io
import json
import math
import os
import reprlib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

MOST_MODELS = 12
"""Models in one figure: with more, rings and cards are too small to read."""
MOST_ANGLES = 720
LARGEST_GROUP = 32
"""Elements of a group that is asked for by name: each is one more view, or one more plane, of every angle."""
LARGEST_PICTURE_SIDE = 1024
"""Pixels of a prepared picture that comes with a link or a recipe; the screen shows a third of it."""
LARGEST_SHEET_WIDTH = 4096
LARGEST_SHEET_PIXELS = 64_000_000
"""Of one exported frame, after scaling."""
LARGEST_RECIPE = 8_000_000
"""Characters: a picture of the largest side, in colour, as base64."""
LARGEST_CARD = 4_000_000
LARGEST_CONFIG_NUMBER = 4096
"""Of a network's configuration: widths, sides in pixels, layers, heads."""
LARGEST_NETWORK = 2**26
MOST_NESTING = 8
MOST_SETTINGS = 64
MOST_LIST_ITEMS = 512
LONGEST_SETTING = 1000
LARGEST_NUMBER = 1e9
LONGEST_NAME = 80
LONGEST_QUERY_VALUE = 2000
MOST_DIGITS = 9

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60


def shown(value: object) -> str:
    """A value as an error message may repeat it: never longer than a line."""
    return _SHORT.repr(value)


def at_most(what: str, value: int | float, most: int | float, unit: str = "") -> None:
    """Refuse a number that is too large.

    Raises:
        ValueError: with the rule, then the value.
    """
    if not value <= most:
        raise ValueError(f"{what} must be at most {most:,}{unit and f' {unit}'}, got {value:,}")


def check_models(names: Sequence[str]) -> None:
    """Refuse more models than one figure can show.

    Raises:
        ValueError: too many.
    """
    if len(names) > MOST_MODELS:
        raise ValueError(f"one figure shows at most {MOST_MODELS} models, got {len(names)}; choose fewer")


def whole_number(text: str, low: int, high: int) -> int | None:
    """The number that a link writes; None for anything that is no whole number from `low` to `high`.

    Only a few digits are read: Python refuses thousands of them by an exception of its own.
    """
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.isdecimal() or len(digits) > MOST_DIGITS:
        return None
    return int(text) if low <= int(text) <= high else None


def read_json(text: str | bytes, what: str, most: int) -> Any:
    """What a JSON text says.

    Args:
        text: from a file or a link.
        what: it is, for the message, with its article.
        most: characters.

    Raises:
        ValueError: too long, nested too deeply, or no JSON.
    """
    at_most(f"the length of {what}", len(text), most, "characters")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(f"{what} must not be nested as deeply as this one") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{what} must be JSON: {error}") from error
    except ValueError:  # an integer of thousands of digits
        raise ValueError(f"{what} must not hold numbers of thousands of digits") from None


def read_bytes(path: str | os.PathLike[str], what: str, most: int) -> bytes:
    """A file that is not larger than it may be; nothing is read of one that is.

    Raises:
        ValueError: too large, or no file.
        OSError: it cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{what} must be a file, got the folder {path}")
    at_most(f"the size of {what}", path.stat().st_size, most, "bytes")
    return path.read_bytes()


def check_zip(file: io.BufferedIOBase, most: int) -> None:
    """Refuse a zip whose list of members is too long, before it is read: each entry becomes half a kilobyte.

    Raises:
        ValueError: with both sizes.
    """
    end = zipfile._EndRecData(file)  # type: ignore[attr-defined]  # where zipfile itself finds the list
    if end:
        at_most("the list of a zip's members", end[zipfile._ECD_SIZE], most, "bytes")  # type: ignore[attr-defined]


def check_setting(name: str, value: object) -> None:
    """Refuse a setting that no page could have written.

    Raises:
        ValueError: text, a list or a number out of bounds, or another type.
    """
    items = value if isinstance(value, (list, tuple)) else (value,)
    at_most(f"the length of setting {shown(name)}", len(items), MOST_LIST_ITEMS, "items")
    for item in items:
        if isinstance(item, str) and len(item) <= LONGEST_SETTING:
            continue
        if isinstance(item, (int, float)) and abs(item) <= LARGEST_NUMBER:  # false for NaN too
            continue
        raise ValueError(
            f"setting {shown(name)} must be text of at most {LONGEST_SETTING} characters, a number within "
            f"{LARGEST_NUMBER:,.0f}, a truth value or a list of these, got {shown(value)}"
        )


def check_config(config: Mapping[str, Any]) -> None:
    """Refuse a network's configuration with numbers, lists or nesting that no network of ours has.

    The three largest numbers bound layers × width × width, so that a small file cannot ask for gigabytes.

    Raises:
        ValueError: with the rule, then the numbers.
    """
    numbers = sorted(_numbers(config), reverse=True)
    if numbers and not numbers[0] <= LARGEST_CONFIG_NUMBER:
        raise ValueError(
            f"a number of a configuration must be within {LARGEST_CONFIG_NUMBER:,}, got {shown(numbers[0])}"
        )
    if math.prod(numbers[:3]) > LARGEST_NETWORK:
        raise ValueError(
            f"the three largest numbers of a configuration must have a product of at most {LARGEST_NETWORK:,}, "
            f"got {numbers[:3]}"
        )


def _numbers(value: object, depth: int = 0) -> Iterator[float]:
    """The size of every number in a configuration; at least 1."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        if depth > MOST_NESTING or len(value) > MOST_LIST_ITEMS:
            raise ValueError(f"a configuration must nest at most {MOST_NESTING} lists of {MOST_LIST_ITEMS} items")
        for item in value:
            yield from _numbers(item, depth + 1)
    elif isinstance(value, (int, float)):
        yield max(1, abs(value)) if value == value else math.inf
