"""A person's picture, made ready as a data set asks."""

from __future__ import annotations

from typing import Any

from e2viz.data.data_set import DataSet
from e2viz.data.table import data_set
from e2viz.images import intake
from e2viz.images.decode import Source
from e2viz.images.picture import Cut, Picture


def read_picture(
    source: Source,
    data: str | DataSet = "digits",
    *,
    cut: Cut | None = None,
    name: str | None = None,
    label: int | None = None,
    **options: Any,
) -> Picture:
    """Read a picture and prepare it as that data set asks.

    It stays known as it was brought (`Picture.original`), so that models of other data sets see it in their own way.

    Args:
        source: a path, a file's bytes, a PIL image, or an array as a drawing pad gives it.
        data: a data set or its name: for "digits" the ink is found and drawn as MNIST was made, for "photos" a
            square is cut out in colour.
        cut: the square that is cut out of a photograph; the middle one when not given.
        name: shown on screen; the file's name when not given.
        label: place of the true class, if known.
        options: steps of the preparation to switch off, such as `invert=False`, and `size`, the side of the
            prepared picture in pixels; see `e2viz.images.intake.read_picture`.

    Raises:
        PictureError: the picture cannot be used; the message says what to do.
        LookupError: an unknown data set.
        TypeError: an unknown option.
    """
    known = data if isinstance(data, DataSet) else data_set(data)
    background = known.background[0] if known.grey else known.background
    return intake.read_picture(
        source, known.preparation, background=background, cut=cut, name=name, label=label, **options
    )
