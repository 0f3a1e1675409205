"""A prepared picture as a PNG file, and back without preparing it again: how a recipe carries somebody's picture."""

import io

import numpy as np
import torch
from einops import rearrange
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from e2viz.images.decode import decode
from e2viz.images.picture import Picture, PictureError

_BACKGROUND = "e2viz-background"


def to_png(picture: Picture) -> bytes:
    """The values in 256 steps, grey or RGB, with the background beside them.

    `from_png` gives a picture within half a step of this one; written again, it is the same file.
    """
    steps = np.rint(picture.values.clamp(0, 1).numpy() * 255).astype(np.uint8)
    image = Image.fromarray(steps[0] if len(steps) == 1 else rearrange(steps, "channel h w -> h w channel"))
    note = PngInfo()
    note.add_text(_BACKGROUND, repr(round(float(picture.background), 6)))
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True, pnginfo=note)
    return file.getvalue()


def from_png(png: bytes, name: str = "picture") -> Picture:
    """Inverse of `to_png`: the pixels are taken as they are, nothing is cropped, inverted or centred.

    Raises:
        PictureError: a file that is no picture, too large, or not square.
    """
    pixels, _ = decode(png)
    if pixels.shape[0] != pixels.shape[1]:
        raise PictureError(f"a prepared picture is square, got {pixels.shape[1]}×{pixels.shape[0]} pixels")
    values = torch.from_numpy(np.ascontiguousarray(pixels))
    grey = bool((values == values[..., :1]).all())
    planes = rearrange(values[..., :1] if grey else values[..., :3], "h w channel -> channel h w")
    return Picture(values=planes.clone(), background=_background(png), steps=("already prepared",), name=name)


def _background(png: bytes) -> float:
    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        text = image.info.get(_BACKGROUND, "0")
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0
