"""Which trained models there are, and one of them by name."""

from __future__ import annotations

import difflib
import functools
from pathlib import Path

from e2viz import places
from e2viz.zoo.card import Card
from e2viz.zoo.weights import Model, read_model
from e2viz.zoo.wrapped import read_learned, wrap, wrapping

WEIGHTS_FOLDER = places.WEIGHTS


def list_models(folder: Path = WEIGHTS_FOLDER, *, wrapped: bool = False) -> list[str]:
    """Names of the trained models, in alphabetical order; also those wrapped by a trained aggregation, if asked."""
    found = sorted(path.stem for path in folder.glob("*.json"))
    return [name for name in found if wrapped or wrapping(name) is None]


def is_model(name: str, folder: Path = WEIGHTS_FOLDER) -> bool:
    """Whether ``load`` knows the name: one that has a file, or wrapped by a method that learns nothing."""
    names, wanted = list_models(folder, wrapped=True), wrapping(name)
    return name in names or (wanted is not None and not wanted.learns and wanted.base in names)


def card(name: str, folder: Path = WEIGHTS_FOLDER) -> Card:
    """The card of a trained model, without opening its weights; of a wrapped one, with.

    Raises:
        LookupError: if there is no such model, with the nearest names.
    """
    if wrapping(name) and name not in list_models(folder, wrapped=True):
        return load(name, folder).card
    return Card.read(_card_path(name, folder))


@functools.lru_cache(maxsize=32)
def load(name: str, folder: Path = WEIGHTS_FOLDER) -> Model:
    """The trained model of that name: strict, checksummed, in eval mode, read once and kept.

    The network is shared by all who ask for it, so nobody may change it; ``copy.deepcopy`` it first. A name such as
    "vit.rotmnist+mean_c4" gives vit.rotmnist made equivariant after the fact (e2viz.zoo.wrapped).

    Raises:
        LookupError: if there is no such model, with the nearest names.
        WeightsError: if its files are damaged or do not fit together.
    """
    wanted = wrapping(name)
    if wanted is None:
        return read_model(_card_path(name, folder))
    if wanted.learns:
        _card_path(name, folder)
        return read_learned(load(wanted.base, folder), wanted, folder)
    return wrap(load(wanted.base, folder), wanted.method, wanted.group)


def _card_path(name: str, folder: Path) -> Path:
    names = list_models(folder, wrapped=True)
    if name not in names:
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.3) or names
        raise LookupError(f"no model is called {name!r}; nearest: {', '.join(near) or 'there are none yet'}")
    return folder / f"{name}.json"


_HEADER = (
    "| model | group | parameters | upright | rotated | right at all 36 angles | flip rate | epochs | training |\n"
    "|---|---|---:|---:|---:|---:|---:|---:|---:|"
)


def markdown_table(folder: Path = WEIGHTS_FOLDER) -> str:
    """The README's table of trained models, made from the cards. Intervals are 95 %."""
    return "\n".join([_HEADER, *(_row(card(name, folder)) for name in list_models(folder))])


def _row(card: Card) -> str:
    measured = card.measured
    figures = (
        (str(measured.upright), str(measured.rotated), str(measured.worst_case), f"{100 * measured.flip_rate:.2f} %")
        if measured
        else ("not measured",) * 4
    )
    cells = (
        f"`{card.name}`",
        card.group.upper() or "none",
        f"{card.parameters:,}",
        *figures,
        f"{card.best_epoch} of {card.epochs}",
        f"{card.training_seconds / 60:.0f} min",
    )
    return f"| {' | '.join(cells)} |"


def text_table(folder: Path = WEIGHTS_FOLDER) -> str:
    """One line for each trained model: accuracy turned and upright, flip rate, checksum."""
    names = list_models(folder)
    wide = max(map(len, ["model", *names])) + 2
    lines = [f"{'model':{wide}}{'rotated':32}{'upright':32}{'flip rate':12}checksum"]
    for name in names:
        found = card(name, folder)
        measured = found.measured
        figures = (
            f"{str(measured.rotated):32}{str(measured.upright):32}{f'{100 * measured.flip_rate:.2f} %':12}"
            if measured
            else f"{'not measured':76}"
        )
        lines.append(f"{name:{wide}}{figures}{found.weights_checksum[:16]}")
    return "\n".join(lines)
