"""Bring a picture in as it is, and make it ready for a model as the model's data set asks."""

from dataclasses import replace
from pathlib import Path

import torch

from e2viz.images.crop import levels, prepare_crop
from e2viz.images.decode import Source, decode
from e2viz.images.digit import SWITCHES, prepare_digit
from e2viz.images.layers import brightness, compose
from e2viz.images.picture import Background, Cut, Picture, Step, Wishes
from e2viz.images.workbench import as_bytes

PREPARATIONS = ("digit", "crop")
LARGEST_SIDE = 512


def bring(
    source: Source, *, name: str | None = None, label: int | None = None, wishes: Wishes | None = None
) -> Picture:
    """Read a picture and keep it as it was brought: in colour, with its transparency, at most 1024 pixels long.

    Args:
        source: a path, a file's bytes, a PIL image, or an array as a drawing pad gives it.
        name: shown on screen; the file's name when not given.
        label: place of the true class, if known.
        wishes: how the person wants it prepared.

    Raises:
        PictureError: the picture cannot be used; the message says what to do.
    """
    decoded = decode(source)
    shown = as_bytes(compose(decoded.values, decoded.alpha, torch.ones(())))
    history = [Step(name="read", taken=True, why=decoded.note, before=shown, after=shown)]
    height, width = decoded.values.shape[1:]
    if decoded.size != (height, width):
        history.append(Step(name="keep", taken=True, why=f"kept at {width}×{height}", before=shown, after=shown))
    return Picture(
        values=decoded.values,
        alpha=decoded.alpha,
        luminance=decoded.luminance,
        steps=tuple(f"{step.name}: {step.why}" for step in history),
        history=tuple(history),
        name=name or (Path(source).stem if isinstance(source, str | Path) else "picture"),
        label=label,
        preparation="none",
        wishes=wishes or Wishes(),
    )


def prepare(picture: Picture, preparation: str, background: Background = 0.0, *, size: int | None = None) -> Picture:
    """Make a picture square and ready to be turned, as the person wishes it; asked for again, it costs nothing.

    A picture that is ready already is given back as it is. One that was made ready in another way is made anew from
    the picture as it was brought, where that is known.

    Args:
        picture: in any state.
        preparation: "digit" finds ink and draws it as MNIST was made; "crop" cuts a square.
        background: of the data set, one number or one per channel; "digit" has its own, black.
        size: side of the result in pixels, for "crop" the largest; 112 and 256 when not given.

    Raises:
        PictureError: no drawing was found.
        ValueError: an unknown preparation, or a size that is not from 1 to 512.
    """
    if preparation not in PREPARATIONS:
        raise ValueError(f"preparation must be one of {', '.join(PREPARATIONS)}, got {preparation!r}")
    if size is not None and not 1 <= size <= LARGEST_SIDE:
        raise ValueError(f"size must be from 1 to {LARGEST_SIDE} pixels, got {size}")
    if picture.preparation in ("any", preparation):
        return picture
    for each in picture.ready:
        if each.preparation == preparation:
            return each
    if picture.preparation != "none":
        return picture if picture.original is None else prepare(picture.original, preparation, background, size=size)
    key = (preparation, background if preparation == "crop" else None, size)
    if key not in picture._prepared:
        made = prepare_digit(picture, size) if preparation == "digit" else prepare_crop(picture, background, size)
        picture._prepared[key] = made
    return picture._prepared[key]


def read_picture(
    source: Source,
    preparation: str = "digit",
    *,
    background: Background = 0.0,
    flatten: bool = True,
    contrast: bool = True,
    single: bool = True,
    crop: bool = True,
    invert: bool = True,
    center: bool = True,
    thicken: bool = True,
    cut: Cut | None = None,
    drawing: tuple[float, float] | None = None,
    size: int | None = None,
    name: str | None = None,
    label: int | None = None,
) -> Picture:
    """Read a picture and prepare it; `Picture.history` shows every step, `Picture.original` is what was brought.

    Args:
        source: a path, a file's bytes, a PIL image, or an array as a drawing pad gives it.
        preparation: "digit" or "crop", see `prepare`.
        background: of the data set, for "crop".
        flatten, contrast, single, crop, invert, center, thicken: steps of "digit", see `prepare_digit`; without `crop`,
            "crop" adds background until the picture is square.
        cut: the square that "crop" cuts out; the middle one when not given.
        drawing: a point on the drawing that is meant, where "digit" finds several; in shares of width and height.
        size: side of the prepared picture in pixels.
        name: shown on screen; the file's name when not given.
        label: the true class, if known.

    Raises:
        PictureError: the picture cannot be used; the message says what to do.
    """
    asked = dict(zip(SWITCHES, (flatten, contrast, single, crop, invert, center, thicken), strict=True))
    off = frozenset(switch for switch, wanted in asked.items() if not wanted)
    brought = bring(source, name=name, label=label, wishes=Wishes(cut=cut or Cut(), off=off, drawing=drawing))
    return prepare(brought, preparation, background, size=size)


def with_channels(picture: Picture, channels: int) -> Picture:
    """The picture in grey (1 channel) or in colour (3), and said in its steps; itself if it is so already."""
    if picture.channels == channels:
        return picture
    if channels not in (1, 3):
        raise ValueError(f"channels must be 1 or 3, got {channels}")
    if channels == 3:
        values, words = picture.values.expand(3, -1, -1).contiguous(), "grey: the same in all three channels"
    else:
        values, words = brightness(*picture.values)[None], "grey: made grey"
    background = tuple(levels(picture.background, channels).tolist())
    background = background[0] if len(set(background)) == 1 else background
    return replace(picture, values=values, background=background, steps=(*picture.steps, words))
