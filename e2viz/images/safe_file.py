"""Open a picture file within bounds: whatever it claims, reading it ends in a second and in little memory.

Three things bound it. What the file claims is checked before anything is decoded. Decoders that read as they go are
stopped by their own file when their time is over. Decoders that do everything in one call get small pictures only.
"""

import io
import struct
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from e2viz.images.picture import PictureError

# Pillow warns of what is refused or mended here. Once and for all: filters are the whole process's, so that two threads
# that set them for a while would leave each other's behind.
warnings.filterwarnings("ignore", module=r"PIL\.")

MAX_BYTES = 20_000_000
MAX_PIXELS = 16_000_000
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "AVIF")
SAVE_AS = "save the picture as PNG or JPEG and try again"
# Of the processor, not of the clock. A picture of 16 million pixels takes a third of it.
DECODING_S = 0.8
# JPEGs above MAX_PIXELS are decoded at an eighth to a half of their size, which JPEG offers; phones send 24 to 50.
MAX_JPEG_PIXELS = 64_000_000
JPEG_LONGEST = 1024  # of the result at least, where an eighth is not larger still
# A JPEG in several scans is held as a whole, and every scan passes over all of it.
READ_BYTES = 1 << 14
SCAN = b"\xff\xda"
MAX_SCANNED_PIXELS, MAX_PASSED, MAX_PASSES = 25_000_000, 300_000_000, 1000
# AVIF decodes slowly, and in one call, which nothing can stop.
MAX_AVIF_PIXELS, MAX_AVIF_BYTES = 9_000_000, 4_000_000
# Bytes 4 to 12 of the containers that phones write and Pillow does not read.
HEIC_BRANDS = (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypheim", b"ftyphevx")
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Everything else in a PNG is text, colour profiles and the like, which may unpack to far more than the picture.
PNG_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"eXIf", b"acTL", b"fcTL", b"fdAT")


class TooSlow(Exception):
    """The decoder's time is over."""


class TimedFile(io.BytesIO):
    """A file in memory that is read only for so long, in seconds of this thread's processor time."""

    def __init__(self, content: bytes, seconds: float = DECODING_S) -> None:
        super().__init__(content)
        self.end_s = time.thread_time() + seconds

    def read(self, size: int | None = -1, /) -> bytes:
        if time.thread_time() > self.end_s:
            raise TooSlow
        return super().read(size)


def read_file(path: Path) -> bytes:
    """The file's bytes.

    Raises:
        PictureError: there is no such file, it is too large, or may not be read.
    """
    try:
        if not path.is_file():
            raise PictureError(f"There is no file {str(path)[:200]}; check the name.")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
            size = max(len(content), path.stat().st_size)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name is no file's name"
        raise PictureError(f"The file {str(path)[:200]} cannot be opened ({reason}); check the name.") from error
    if size > MAX_BYTES:
        raise PictureError(_too_many_bytes(size))
    return content


def open_image(content: bytes) -> tuple[Image.Image, tuple[int, int]]:
    """The image in a file, not yet decoded, and the size it claims; a large JPEG is set to be decoded at a part of it.

    Raises:
        PictureError: it is no picture, or more than is read here; the message says what to do.
        Exception: whatever a decoder makes of a damaged file.
    """
    _refuse_early(content)
    if content.startswith(PNG_SIGNATURE):
        content = without_extras(content)
    try:
        image = Image.open(TimedFile(content), formats=FORMATS)
    except Image.DecompressionBombError:
        raise PictureError(too_many_pixels()) from None
    except UnidentifiedImageError:
        raise PictureError(f"This file is not a picture that can be read; {SAVE_AS}.") from None
    claimed = image.size
    _refuse_large(image, content)
    if image.format in ("JPEG", "MPO"):
        # Scans of a few bytes each are decoded in one call as far as one read reaches.
        image.decodermaxblock = READ_BYTES
        if image.width * image.height > MAX_PIXELS:
            shorter = JPEG_LONGEST * min(claimed) // max(claimed)
            wanted = (JPEG_LONGEST, shorter) if image.width > image.height else (shorter, JPEG_LONGEST)
            image.draft(image.mode, (max(1, wanted[0]), max(1, wanted[1])))
    return image, claimed


def without_extras(content: bytes) -> bytes:
    """A PNG file without text, colour profile and all else that is not the picture."""
    kept = [PNG_SIGNATURE]
    for kind, start, end in png_chunks(content):
        if kind in PNG_CHUNKS:
            kept.append(content[start:end])
    return b"".join(kept)


def png_texts(content: bytes) -> dict[str, str]:
    """The plain texts of a PNG file; packed ones are not looked at."""
    found = {}
    for kind, start, end in png_chunks(content):
        if kind == b"tEXt":
            key, _, text = content[start + 8 : end - 4].partition(b"\0")
            found[key.decode("latin-1")] = text.decode("latin-1")
    return found


def png_chunks(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of each chunk of a PNG file, its length and checksum included."""
    start = len(PNG_SIGNATURE)
    while start + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, start)
        end = min(start + 12 + length, len(content))
        yield kind, start, end
        start = end


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


def _refuse_large(image: Image.Image, content: bytes) -> None:
    pixels = image.width * image.height
    kind = "JPEG" if image.format == "MPO" else str(image.format)
    most = {"JPEG": MAX_JPEG_PIXELS, "AVIF": MAX_AVIF_PIXELS}.get(kind, MAX_PIXELS)
    if pixels > most:
        raise PictureError(too_many_pixels(image.size, most, kind))
    if kind == "AVIF" and len(content) > MAX_AVIF_BYTES:
        raise PictureError(
            f"An AVIF picture may have at most {MAX_AVIF_BYTES // 10**6} MB, got {len(content) / 10**6:.1f}; "
            "save it as JPEG and try again."
        )
    if kind == "JPEG":
        _refuse_many_passes(pixels, content)


def _refuse_many_passes(pixels: int, content: bytes) -> None:
    # Counted in all of the file: a thumbnail counts too, which does no harm.
    passes = content.count(SCAN)
    if _is_in_one_pass(content) or (pixels <= MAX_SCANNED_PIXELS and passes <= min(MAX_PASSES, MAX_PASSED // pixels)):
        return
    raise PictureError(
        f"This JPEG is stored in {passes} passes over {pixels / 1e6:.1f} million pixels, which takes too long to read; "
        "save it without “progressive”, or smaller, and try again."
    )


def _is_in_one_pass(content: bytes) -> bool:
    """Whether a JPEG is baseline with all of its components in one scan, and can be decoded as it is read."""
    start, components = 2, None
    while start + 4 <= len(content) and content[start] == 0xFF:
        marker, length = content[start + 1], int.from_bytes(content[start + 2 : start + 4])
        if marker == 0xFF:
            start += 1
            continue
        if marker in (0xC0, 0xC1) and components is None:
            components = content[start + 9 : start + 10]
        elif marker == 0xDA:
            return components == content[start + 4 : start + 5] != b""
        start += 2 + length
    return False


def _too_many_bytes(count: int) -> str:
    return f"A picture may have at most {MAX_BYTES // 10**6} MB, got {count / 10**6:.1f}; make it smaller."


def too_many_pixels(size: tuple[int, ...] | None = None, most: int = MAX_PIXELS, kind: str = "") -> str:
    """The sentence that refuses a picture of that width and height."""
    found = f", got {size[0]}×{size[1]}" if size else ""
    what = f"A {kind} picture" if kind == "JPEG" else "An AVIF picture" if kind == "AVIF" else "A picture"
    return f"{what} may have at most {most // 10**6} million pixels{found}; make it smaller."
