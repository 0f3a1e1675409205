"""The recipe inside an exported file: the words that mark it, and how images and archives are asked for it."""

import io
import zipfile

from PIL import Image, UnidentifiedImageError

from e2viz import limits

KEY = "e2viz-recipe"
# A recipe holds at most one picture; what is larger was not written by e2viz.
MAX_RECIPE_BYTES = 8_000_000
MAX_FILE_BYTES = 256_000_000
MAX_ZIP_LIST_BYTES = 1_000_000
MOST_PIXELS = 90_000_000


def after_key(text: str) -> str | None:
    """The recipe of a comment that begins with the key."""
    return text.removeprefix(f"{KEY}: ") if text.startswith(f"{KEY}: ") else None


def image_facts(content: bytes, kind: str) -> Image.Image | None:
    """An image of this kind, opened but not decoded: its header and its texts are read, no pixel is.

    Raises:
        ValueError: a header that announces more pixels than any picture of ours has.
    """
    try:
        image = Image.open(io.BytesIO(content), formats=(kind,))
    except Image.DecompressionBombError:
        image = None
    except (UnidentifiedImageError, OSError, SyntaxError, EOFError):
        return None
    if image is None or image.width * image.height > MOST_PIXELS:
        raise ValueError("an image must have at most 90 million pixels, got a header that announces more")
    return image


def comment_recipe(content: bytes) -> str | None:
    """The recipe in a GIF's comment."""
    if content[:4] != b"GIF8":
        return None
    image = image_facts(content, "GIF")
    return None if image is None else after_key(bytes(image.info.get("comment", b"")).decode("utf-8", "replace"))


def zip_text(content: bytes, name: str) -> str | None:
    """A small text file of a ZIP; None where the ZIP has none of that name, or one that is too large.

    Raises:
        ValueError: a ZIP of more members than any file of ours has.
    """
    if content[:2] != b"PK":
        return None
    limits.check_zip(io.BytesIO(content), MAX_ZIP_LIST_BYTES)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if name not in archive.namelist() or archive.getinfo(name).file_size > MAX_RECIPE_BYTES:
                return None
            return archive.read(name).decode("utf-8", errors="replace")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError):
        return None
