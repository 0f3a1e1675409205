"""Which trained models cannot be used, and why: damage takes out one model alone, never those beside it.

A card is read and its weights are compared with the checksum once, and again when either file changes; what only
shows when the network is built is remembered from the first attempt on.
"""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path

from e2viz.zoo.card import Card

Stamp = tuple[int, int] | None
_FAILED: dict[tuple[Path, Stamp, Stamp], str] = {}


def problem(card_path: Path) -> str:
    """Why the model of a card cannot be used; "" where nothing is known against it."""
    weights = card_path.with_name(f"{card_path.stem}.safetensors")
    key = (card_path, _stamp(card_path), _stamp(weights))
    return _FAILED.get(key) or _looked_at(*key)


def looked_through(folder: Path) -> dict[Path, str]:
    """Every card of a folder in alphabetical order, and its problem: as ``problem`` says, in one look at the folder.

    Pages ask at every run, several times; a folder that is not there has none.
    """
    stamps: dict[str, Stamp] = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith((".json", ".safetensors")) and not entry.name.startswith("."):
                    stamps[entry.name] = _of(entry.stat())
    except OSError:
        return {}
    found = {}
    for name in sorted(each for each in stamps if each.endswith(".json")):
        key = (folder / name, stamps[name], stamps.get(f"{name.removesuffix('.json')}.safetensors"))
        found[key[0]] = _FAILED.get(key) or _looked_at(*key)
    return found


def remember(card_path: Path, why: str) -> None:
    """Keep what was found when the model was opened, until one of its files changes."""
    weights = card_path.with_name(f"{card_path.stem}.safetensors")
    _FAILED[card_path, _stamp(card_path), _stamp(weights)] = why


def read_card(path: Path) -> Card:
    """The card of a file, of this name.

    Raises:
        ValueError: if it is no card, or another model's.
        OSError: if it cannot be read.
    """
    card = Card.read(path)
    if card.name != path.stem:
        raise ValueError(f"it must be the card of {path.stem}, got that of {card.name!r}")
    return card


@functools.lru_cache(maxsize=512)
def _looked_at(card_path: Path, card_stamp: Stamp, weights_stamp: Stamp) -> str:
    again = "Check out weights/ again."
    try:
        card = read_card(card_path)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        return f"the card {card_path.name} cannot be read: {error}. {again}"
    weights = card_path.with_name(f"{card_path.stem}.safetensors")
    if weights_stamp is None:
        return f"{weights.name} cannot be read: there is no such file. {again}"
    try:
        with weights.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"{weights.name} cannot be read: {error.strerror}. {again}"
    if found != card.weights_checksum:
        return (
            f"{weights.name} does not have the checksum on its card "
            f"({found[:16]}, expected {card.weights_checksum[:16]}). {again}"
        )
    return ""


def _stamp(path: Path) -> Stamp:
    """What changes when a file changes; None where there is none."""
    try:
        return _of(path.stat())
    except OSError:
        return None


def _of(status: os.stat_result) -> Stamp:
    return status.st_mtime_ns, status.st_size
