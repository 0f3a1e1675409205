"""Turn what somebody brought (a path, bytes, a PIL image, an array) into pixels, safely."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped
from PIL import Image
from torch import Tensor

from e2viz.images.layers import Layers
from e2viz.images.picture import PictureError
from e2viz.images.safe_file import MAX_PIXELS, SAVE_AS, TooSlow, open_image, read_file, too_many_pixels

Source = str | Path | bytes | bytearray | Image.Image | np.ndarray
# What the camera's mark asks for, to see the picture upright.
ORIENTATION_TAG = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Decoded:
    """A picture's pixels, and what was done to read them.

    Args:
        values: grey or red, green, blue, in [0, 1], at most 1024 pixels long.
        alpha: opacity, if any of it is less than 1.
        luminance: grey, on white, at most 768 pixels long, made from the full resolution.
        size: height and width before anything was reduced.
        note: in words.
    """

    values: Float[Tensor, "channel height width"]
    alpha: Float[Tensor, "height width"] | None
    luminance: Float[Tensor, "height_small width_small"]
    size: tuple[int, int]
    note: str


def decode(source: Source) -> Decoded:
    """Decode a picture to [0, 1], upright, in its own colours, and say what was done.

    A small file may claim a huge picture: the size is checked from the header, before decoding. The camera's
    rotation mark is obeyed, transparency is kept, 16-bit greys are scaled instead of clipped, and of an animation
    the first frame is taken.

    Args:
        source: path, the file's bytes, PIL image, or array [height width] or [height width 1|3|4] of
            uint8, or of floats in [0, 1].

    Raises:
        PictureError: it cannot be used; the message says what to do.
    """
    if isinstance(source, np.ndarray):
        return _decoded(*_from_array(source))
    try:
        if isinstance(source, Image.Image):
            if source.width * source.height > MAX_PIXELS:
                raise PictureError(too_many_pixels(source.size))
            return _decoded(*_from_image(source, source.size))
        content = read_file(Path(source)) if isinstance(source, str | Path) else bytes(source)
        return _decoded(*_from_image(*open_image(content)))
    except PictureError:
        raise
    except TooSlow:
        raise PictureError(f"The picture takes too long to read; make it smaller, or {SAVE_AS}.") from None
    # A damaged file makes decoders raise whatever it led them into: struct.error, OverflowError, MemoryError, ...
    except Exception as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise PictureError(f"The picture is damaged or incomplete ({reason}); {SAVE_AS}.") from error


def _decoded(layers: Layers, note: str) -> Decoded:
    grey = layers.is_grey()
    values, alpha = layers.kept(grey)
    return Decoded(values, alpha, layers.luminance(grey), (layers.height, layers.width), note)


def _from_image(image: Image.Image, claimed: tuple[int, int]) -> tuple[Layers, str]:
    """Decode the first frame, upright, and say what was done.

    Args:
        image: opened, perhaps set to be decoded at a part of its size.
        claimed: the size that the file states.
    """
    notes = [f"{image.format or 'image'} {claimed[0]}×{claimed[1]}"]
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        image.seek(0)
        notes.append(f"first of {frames} frames")
    image.load()
    if image.size != claimed:
        notes.append(f"decoded at {image.width}×{image.height}")
    turn = UPRIGHT.get(_orientation(image))
    upright = image if turn is None else image.transpose(turn)
    if turn is not None:
        notes.append("turned as the camera says")
    if upright.mode.startswith(("I", "F")):
        notes.append("16-bit greys scaled")
        return Layers(upright, _top_level(upright)), ", ".join(notes)
    return Layers(upright), ", ".join(notes)


def _orientation(image: Image.Image) -> int:
    """The camera's mark; where it is damaged the picture is still good."""
    try:
        return int(image.getexif().get(ORIENTATION_TAG, 1))
    except Exception:
        return 1


def _top_level(image: Image.Image) -> float:
    """What greys of more than 8 bits are divided by; Pillow's own conversion would clip them to white."""
    values = np.asarray(image)
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)) or low < 0:
        raise PictureError(f"The picture holds values that are no greys; {SAVE_AS}.")
    return next((float(top) for top in (1, 255, 65535) if high <= top), high)


def _from_array(array: Shaped[np.ndarray, "*shape"]) -> tuple[Layers, str]:
    expected = "An array must be [height width] or [height width 1, 3 or 4]"
    if array.ndim not in (2, 3) or array.ndim == 3 and array.shape[2] not in (1, 3, 4) or 0 in array.shape:
        raise PictureError(f"{expected}, got {list(array.shape)}.")
    if array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise PictureError(too_many_pixels(array.shape[1::-1]))
    if array.dtype != np.uint8 and array.dtype.kind not in "fb":
        raise PictureError(f"An array must hold uint8 or floats in [0, 1], got {array.dtype}.")
    top = 255 if array.dtype == np.uint8 else 1
    low, high = float(array.min()), float(array.max())
    if not (low >= 0 and high <= top):
        raise PictureError(f"Floats must lie in [0, 1], got {low:.3g} to {high:.3g}.")
    return Layers(array[..., None] if array.ndim == 2 else array), f"drawing {array.shape[1]}×{array.shape[0]}"
