"""What a model sees of a picture: its square, its channels, its background, as its data set asks."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol, runtime_checkable

from e2viz.data.data_set import DataSet
from e2viz.data.table import DATA_SETS
from e2viz.images.intake import prepare, with_channels
from e2viz.images.picture import Background, Picture, PictureError

SEEN_KEY = "sees"


@runtime_checkable
class Card(Protocol):
    """Whatever names a data set."""

    @property
    def data_set(self) -> DataSet: ...


def sees(picture: Picture, card: DataSet | Card) -> Picture:
    """The square picture, before it is turned, as a model of that data set sees it; asked for again, it costs nothing.

    One picture may be seen in several ways at once: a photograph of a digit by a model of digits and by one of
    photographs. What was done is in the result's steps, grey made of colour and the reverse too.

    Args:
        picture: as it was brought, or ready already.
        card: of the model, or its data set.
    """
    found = card if isinstance(card, DataSet) else card.data_set
    key = (SEEN_KEY, found.preparation, found.channels, found.background)
    if key not in picture._prepared:
        picture._prepared[key] = _seen(picture, found)
    return picture._prepared[key]


def _seen(picture: Picture, found: DataSet) -> Picture:
    background = _background(found)
    if picture.preparation == "any" and picture.values.shape[1] == picture.values.shape[2]:
        ready = picture
    else:
        ready = _ready(picture, found, background)
    seen = with_channels(ready, found.channels)
    if found.preparation == "crop" and seen.background != background:
        seen = replace(seen, background=background)
    return seen


def _ready(picture: Picture, found: DataSet, background: Background) -> Picture:
    raw = replace(picture, preparation="none") if picture.preparation == "any" else picture
    try:
        return prepare(raw, found.preparation, background)
    except PictureError as error:
        if found.preparation != "digit":
            raise
        # A model of digits beside one of photographs: it sees the same square in grey, and that is said.
        plain = prepare(replace(raw, wishes=replace(raw.wishes, off=frozenset())), "crop", background)
        return replace(plain, steps=(*plain.steps, f"no {found.noun} was cut out: {error}"))


def _background(found: DataSet) -> Background:
    """As pictures hold it: one number for grey."""
    return found.background[0] if found.grey else found.background


def label_in(picture: Picture, card: DataSet | Card) -> int | None:
    """Place of the picture's true class among those of a data set; None where it is not known there.

    Args:
        picture: its label may be of another data set; then the class is looked up by its name.
        card: of the model, or its data set.
    """
    found = card if isinstance(card, DataSet) else card.data_set
    if picture.label is None:
        return None
    if picture.data in ("", found.name) or picture.data not in DATA_SETS:
        same = picture.data in ("", found.name)
        return picture.label if same and picture.label < found.classes else None
    named = DATA_SETS[picture.data].class_names[picture.label]
    return found.class_names.index(named) if named in found.class_names else None
