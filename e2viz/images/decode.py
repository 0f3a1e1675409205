"""Turn what somebody brought (a path, bytes, a PIL image, an array) into pixels, safely."""

import io
import warnings
from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped
from PIL import Image, ImageOps, UnidentifiedImageError

from e2viz.images.picture import PictureError

MAX_BYTES = 10_000_000
MAX_PIXELS = 16_000_000
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "AVIF")
SAVE_AS = "save the picture as PNG or JPEG and try again"
# Bytes 4 to 12 of the containers that phones write and Pillow does not read.
HEIC_BRANDS = (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypmif1", b"ftypmsf1")

Source = str | Path | bytes | bytearray | Image.Image | np.ndarray
Pixels = Float[np.ndarray, "height width 3"]


def decode(source: Source) -> tuple[Pixels, str]:
    """Decode a picture to RGB in [0, 1], upright, without transparency, and say what was done.

    A small file may claim a huge picture: the size is checked from the header, before decoding. The camera's
    rotation mark is obeyed, transparency is laid on white, 16-bit greys are scaled instead of clipped, and
    of an animation the first frame is taken.

    Args:
        source: path, the file's bytes, PIL image, or array [height width] or [height width 1|3|4] of
            uint8, or of floats in [0, 1].

    Raises:
        PictureError: it cannot be used; the message says what to do.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        return _from_image(source)
    content = _read(Path(source)) if isinstance(source, str | Path) else bytes(source)
    _refuse_early(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(content), formats=FORMATS)
        return _from_image(image)
    except Image.DecompressionBombError:
        raise PictureError(_too_many_pixels()) from None
    except UnidentifiedImageError:
        raise PictureError(f"This file is not a picture that can be read; {SAVE_AS}.") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise PictureError(f"The picture is damaged or incomplete ({error}); {SAVE_AS}.") from error


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise PictureError(f"There is no file {path}; check the name.")
    if path.stat().st_size > MAX_BYTES:
        raise PictureError(_too_many_bytes(path.stat().st_size))
    return path.read_bytes()


def _refuse_early(content: bytes) -> None:
    if not content:
        raise PictureError(f"The file is empty; {SAVE_AS}.")
    if len(content) > MAX_BYTES:
        raise PictureError(_too_many_bytes(len(content)))
    if content[4:12] in HEIC_BRANDS:
        raise PictureError(
            "HEIC photographs cannot be read; export the picture as JPEG or PNG "
            "(on an iPhone: Settings, Camera, Formats, Most Compatible)."
        )


def _too_many_bytes(count: int) -> str:
    return f"A picture may have at most {MAX_BYTES // 10**6} MB, got {count / 10**6:.1f}; make it smaller."


def _too_many_pixels(size: tuple[int, int] | None = None) -> str:
    found = f", got {size[0]}×{size[1]}" if size else ""
    return f"A picture may have at most {MAX_PIXELS // 10**6} million pixels{found}; make it smaller."


def _from_image(image: Image.Image) -> tuple[Pixels, str]:
    if image.width * image.height > MAX_PIXELS:
        raise PictureError(_too_many_pixels(image.size))
    notes = [f"{image.format or 'image'} {image.width}×{image.height}"]
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        image.seek(0)
        notes.append(f"first of {frames} frames")
    image.load()
    upright = ImageOps.exif_transpose(image)
    if upright.size != image.size or image.getexif().get(0x0112, 1) != 1:
        notes.append("turned as the camera says")
    if upright.mode.startswith(("I", "F")):
        notes.append("16-bit greys scaled")
        return _grey_to_rgb(_scaled(np.asarray(upright, dtype=np.float64))), ", ".join(notes)
    if upright.has_transparency_data:
        layer = upright.convert("RGBA")
        if np.asarray(layer.getchannel("A")).min() < 255:
            notes.append("transparency laid on white")
        white = Image.new("RGBA", layer.size, "white")
        upright = Image.alpha_composite(white, layer)
    return np.asarray(upright.convert("RGB"), dtype=np.float32) / 255, ", ".join(notes)


def _scaled(values: Float[np.ndarray, "height width"]) -> Float[np.ndarray, "height width"]:
    """Bring greys of more than 8 bits to [0, 1]; Pillow's own conversion would clip them to white."""
    if not np.isfinite(values).all() or values.min() < 0:
        raise PictureError(f"The picture holds values that are no greys; {SAVE_AS}.")
    top = next((top for top in (1, 255, 65535) if values.max() <= top), values.max())
    return values / top


def _from_array(array: Shaped[np.ndarray, "*shape"]) -> tuple[Pixels, str]:
    expected = "An array must be [height width] or [height width 1, 3 or 4]"
    if array.ndim not in (2, 3) or array.ndim == 3 and array.shape[2] not in (1, 3, 4) or 0 in array.shape:
        raise PictureError(f"{expected}, got {list(array.shape)}.")
    if array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise PictureError(_too_many_pixels(array.shape[1::-1]))
    if array.dtype == np.uint8:
        values = array.astype(np.float32) / 255
    elif array.dtype.kind in "fb":
        values = array.astype(np.float32)
    else:
        raise PictureError(f"An array must hold uint8 or floats in [0, 1], got {array.dtype}.")
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 1:
        raise PictureError(f"Floats must lie in [0, 1], got {values.min():.3g} to {values.max():.3g}.")
    note = f"drawing {array.shape[1]}×{array.shape[0]}"
    values = values[..., None] if values.ndim == 2 else values
    if values.shape[2] == 4:
        alpha = values[..., 3:]
        values = values[..., :3] * alpha + 1 - alpha
        note += ", transparency laid on white" if alpha.min() < 1 else ""
    return (values if values.shape[2] == 3 else _grey_to_rgb(values[..., 0])), note


def _grey_to_rgb(grey: Float[np.ndarray, "height width"]) -> Pixels:
    return np.repeat(grey.astype(np.float32)[..., None], 3, axis=2)
