"""A picture as a PNG file, and back without preparing it again: how a recipe carries somebody's picture."""

import base64
import binascii
import io
from collections.abc import Collection
from dataclasses import replace

import numpy as np
import torch
from einops import rearrange
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from e2viz.images.crop import cut_out
from e2viz.images.decode import decode
from e2viz.images.intake import LARGEST_SIDE, PREPARATIONS, prepare
from e2viz.images.picture import Background, Picture, PictureError
from e2viz.images.safe_file import png_texts

_BACKGROUND, _PREPARATION, _READY = "e2viz-background", "e2viz-preparation", "e2viz-ready"


def portable(picture: Picture, preparations: Collection[str] = ("digit",)) -> Picture:
    """What a recipe carries of a picture: enough for models of those preparations, and no more.

    For drawings that is the prepared drawing; for photographs the square that was cut out, with its transparency;
    for both the square, and the prepared drawing with it.

    Args:
        picture: in any state; one that is ready for every model is given back as it is.
        preparations: "digit", "crop" or both.

    Raises:
        PictureError: no drawing was found.
    """
    if picture.preparation == "any":
        return picture
    drawing = prepare(picture, "digit") if "digit" in preparations else None
    brought = picture.original or picture
    if drawing is not None and ("crop" not in preparations or brought.preparation != "none"):
        return drawing
    if brought.preparation != "none":
        return brought
    square = cut_out(brought)[0]
    return _with_ready(square, drawing)


def to_png(picture: Picture) -> bytes:
    """The values in 256 steps, grey or RGB, with the background and how it was prepared beside them.

    `from_png` gives a picture within half a step of this one; written again, it is the same file.
    """
    planes = picture.values if picture.alpha is None else torch.cat([picture.values, picture.alpha[None]])
    steps = np.rint(planes.clamp(0, 1).numpy() * 255).astype(np.uint8)
    image = Image.fromarray(steps[0] if len(steps) == 1 else rearrange(steps, "channel h w -> h w channel"))
    note = PngInfo()
    note.add_text(_BACKGROUND, _written(picture.background))
    if picture.preparation != "any":
        note.add_text(_PREPARATION, picture.preparation)
    for each in picture.ready:
        note.add_text(_READY, base64.b64encode(to_png(each)).decode("ascii"))
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True, pnginfo=note)
    return file.getvalue()


def from_png(png: bytes, name: str = "picture") -> Picture:
    """Inverse of `to_png`: the pixels are taken as they are, nothing is cropped, inverted or centred.

    Raises:
        PictureError: a file that is no picture, too large, or not square.
    """
    decoded = decode(png)
    height, width = decoded.size
    if height != width:
        raise PictureError(f"a prepared picture is square, got {width}×{height} pixels")
    if height > LARGEST_SIDE:
        raise PictureError(f"a prepared picture has at most {LARGEST_SIDE} pixels a side, got {height}")
    texts = png_texts(png)
    stated = texts.get(_PREPARATION, "any")
    preparation = stated if stated in ("none", *PREPARATIONS) else "any"
    picture = Picture(
        values=decoded.values,
        alpha=decoded.alpha if preparation == "none" else None,
        background=_background(texts.get(_BACKGROUND, "")),
        steps=("already prepared",),
        name=name,
        preparation=preparation,
    )
    return _with_ready(picture, _ready(texts.get(_READY, ""), name) if preparation == "none" else None)


def _with_ready(picture: Picture, drawing: Picture | None) -> Picture:
    return picture if drawing is None else replace(picture, ready=(drawing,))


def _ready(text: str, name: str) -> Picture | None:
    """The prepared drawing that travels with a square; its own text could hold another, which is not looked at."""
    try:
        drawing = from_png(base64.b64decode(text, validate=True), name) if text else None
    except (binascii.Error, ValueError, RecursionError) as error:
        raise PictureError("the prepared drawing that comes with the picture is damaged") from error
    return None if drawing is None or drawing.preparation != "digit" else drawing


def _written(background: Background) -> str:
    numbers = background if isinstance(background, tuple) else (background,)
    return " ".join(repr(round(float(number), 6)) for number in numbers)


def _background(text: str) -> Background:
    try:
        numbers = tuple(min(max(float(number), 0.0), 1.0) for number in text.split())
    except ValueError:
        return 0.0
    if any(number != number for number in numbers) or len(numbers) not in (1, 3):
        return 0.0
    return numbers if len(numbers) == 3 else numbers[0]
