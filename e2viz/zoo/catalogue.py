"""Which trained models there are, and one of them by name."""

from __future__ import annotations

import difflib
import functools
import os
from pathlib import Path

from e2viz import places
from e2viz.groups import group
from e2viz.limits import LONGEST_NAME, shown
from e2viz.zoo import damage
from e2viz.zoo.brought import is_own, own_models
from e2viz.zoo.card import Card
from e2viz.zoo.weights import Model, WeightsError, read_model
from e2viz.zoo.wrapped import read_learned, wrap, wrapping

WEIGHTS_FOLDER = places.WEIGHTS


def folders() -> tuple[Path, ...]:
    """Where trained models lie: those that are shipped, then a person's own."""
    return (WEIGHTS_FOLDER, places.own_weights())


def list_models(folder: Path | None = None, *, wrapped: bool = False) -> list[str]:
    """Names of the trained models, in alphabetical order; also those wrapped by a trained aggregation, if asked.

    Models that whoever asks now has brought (e2viz.zoo.brought) are among them, for nobody else.

    A model whose card or weights are damaged is none of them: ``damaged`` says which and why.

    Args:
        folder: only those that lie there; the shipped ones and a person's own when not given.
        wrapped: whether wrapped models with trained aggregations count.
    """
    found = {path.stem for path, why in _cards(folder).items() if not why}
    held = own_models() if folder is None else None
    found |= set(held.names() if held else ())
    return sorted(name for name in found if wrapped or wrapping(name) is None)


def damaged(folder: Path | None = None) -> dict[str, str]:
    """Why each model that has a card cannot be used, by name; empty when all is well."""
    return {path.stem: why for path, why in _cards(folder).items() if why}


def is_model(name: str, folder: Path | None = None) -> bool:
    """Whether ``load`` knows the name: one that has a file, or wrapped by a method that learns nothing."""
    names, wanted = list_models(folder, wrapped=True), wrapping(name)
    if wanted is None or wanted.learns:
        return name in names
    try:
        group(wanted.group)
    except ValueError:  # more elements than may be asked for
        return False
    held = own_models() if folder is None and is_own(name) else None
    return wanted.base in names and (held is None or held.get(name) is not None)


def card(name: str, folder: Path | None = None) -> Card:
    """The card of a trained model, without opening its weights; of a wrapped one, with.

    Raises:
        LookupError: if there is no such model, with the nearest names.
        WeightsError: if its files are damaged.
    """
    if is_own(name) or (wrapping(name) and name not in list_models(folder, wrapped=True)):
        return load(name, folder).card
    path = _card_path(name, folder)
    return _read_card(path, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _read_card(path: Path, changed: int) -> Card:
    """A card, read again when its file changes: pages ask for all of them at every run."""
    return Card.read(path)


def load(name: str, folder: Path | None = None) -> Model:
    """The trained model of that name: strict, checksummed, in eval mode, read once and kept.

    The network is shared by all who ask for it, so nobody may change it; ``copy.deepcopy`` it first. A name such as
    "vit.rotmnist+mean_c4" gives vit.rotmnist made equivariant after the fact (e2viz.zoo.wrapped).

    Raises:
        LookupError: if there is no such model, with the nearest names.
        WeightsError: if its files are damaged or do not fit together.
        ValueError: if it is wrapped under a group of more elements than may be asked for.
    """
    wanted = wrapping(name)
    if wanted is not None:
        group(wanted.group)
    held = own_models() if folder is None and is_own(name) else None
    if held is not None and (own := held.get(name)) is not None:
        return own
    if wanted is not None and not wanted.learns:
        return _wrapped(name, _card_path(wanted.base, folder))
    return _opened(_card_path(name, folder), None if wanted is None else _card_path(wanted.base, folder))


@functools.lru_cache(maxsize=32)
def _wrapped(name: str, base: Path) -> Model:
    wanted = wrapping(name)
    assert wanted is not None
    return wrap(_opened(base, None), wanted.method, wanted.group)


@functools.lru_cache(maxsize=32)
def _opened(path: Path, base: Path | None) -> Model:
    """The model of a card; one that was learned over another needs that one's card too."""
    wanted = wrapping(path.stem)
    try:
        return read_model(path) if base is None or wanted is None else read_learned(
            _opened(base, None), wanted, path.parent
        )  # fmt: skip
    except WeightsError as error:
        damage.remember(path, str(error))
        raise


def forget() -> None:
    """Drop the models that were read: the next ``load`` reads its files again."""
    for kept in (_wrapped, _opened, _read_card):
        kept.cache_clear()


def _cards(folder: Path | None) -> dict[Path, str]:
    """Every card and what is wrong with it, by folder; a person's own cannot take the name of a shipped one."""
    found: dict[str, tuple[Path, str]] = {}
    for place in folders() if folder is None else (folder,):
        for path, why in damage.looked_through(place).items():
            found.setdefault(path.stem, (path, why))
    return dict(found.values())


def _card_path(name: str, folder: Path | None) -> Path:
    places_of = folders() if folder is None else (folder,)
    if len(name) <= LONGEST_NAME:
        for place in places_of:
            path = place / f"{name}.json"
            if path.parent != place or not os.path.exists(path):  # False too for what can be no file's name
                continue
            if why := damage.problem(path):
                raise WeightsError(why)
            return path
    names = list_models(folder, wrapped=True)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.3) or names
    raise LookupError(f"no model is called {shown(name)}; nearest: {', '.join(near) or 'there are none yet'}")


_HEADER = (
    "| model | group | parameters | upright | rotated | right at all 36 angles | flip rate | epochs | training |\n"
    "|---|---|---:|---:|---:|---:|---:|---:|---:|"
)


def markdown_table(folder: Path | None = None) -> str:
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


def text_table(folder: Path | None = None) -> str:
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
    lines += [f"{name} is left out: {why}" for name, why in damaged(folder).items()]
    return "\n".join(lines)
