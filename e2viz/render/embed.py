"""The recipe inside an exported file, where each format keeps comments, and how to get it back."""

import html
import io
import re
from pathlib import Path

from PIL import Image, PngImagePlugin, UnidentifiedImageError

from e2viz.render.recipe import Recipe

KEY = "e2viz-recipe"
CSV_PREFIX = f"# {KEY}: "
# EXIF ImageDescription: the one text field that Pillow writes and reads in WebP.
_EXIF_DESCRIPTION = 0x010E
# ffmpeg takes the comment as one command-line argument, which Linux limits to 128 KiB.
MP4_COMMENT_MAX_CHARACTERS = 100_000


def image_options(recipe: Recipe | None, format: str) -> dict[str, object]:
    """Options of Pillow's `save` that put the recipe into a GIF, PNG or WebP."""
    if recipe is None:
        return {}
    text = recipe.to_json()
    if format == "gif":
        return {"comment": f"{KEY}: {text}".encode("ascii")}
    if format == "webp":
        exif = Image.Exif()
        exif[_EXIF_DESCRIPTION] = f"{KEY}: {text}"
        return {"exif": exif.tobytes()}
    info = PngImagePlugin.PngInfo()
    info.add_text(KEY, text)
    return {"pnginfo": info}


def mp4_options(recipe: Recipe | None) -> list[str]:
    """Arguments of ffmpeg that put the recipe into the comment of an MP4.

    Raises:
        ValueError: a recipe whose embedded picture is too large.
    """
    if recipe is None:
        return []
    text = recipe.to_json()
    if len(text) > MP4_COMMENT_MAX_CHARACTERS:
        raise ValueError(
            f"a recipe in an MP4 must be at most {MP4_COMMENT_MAX_CHARACTERS} characters, got {len(text)}; "
            "embed a smaller picture"
        )
    return ["-metadata", f"comment={KEY}: {text}"]


def read_recipe(source: bytes | str | Path) -> Recipe:
    """The recipe of a file that e2viz wrote, or of a recipe's own JSON.

    Args:
        source: the file's bytes, or its path.

    Raises:
        ValueError: a file that holds no recipe, or a broken one.
        OSError: a path that cannot be read.
    """
    content = source if isinstance(source, bytes) else Path(source).read_bytes()
    text = _find(content)
    if text is None:
        raise ValueError(f"the file must hold a recipe written by e2viz, got {len(content)} bytes without one")
    return Recipe.from_json(text)


def _find(content: bytes) -> str | None:
    if content.lstrip()[:1] == b"{":
        return content.decode("utf-8", errors="replace")
    if content.startswith(CSV_PREFIX.encode("ascii")):
        return content.split(b"\n", 1)[0].decode("utf-8").removeprefix(CSV_PREFIX)
    if content[4:8] == b"ftyp":
        return _after_key(_mp4_comment(content))
    if content.lstrip()[:5] in (b"<svg ", b"<?xml"):
        found = re.search(rf'<metadata id="{KEY}">(.*?)</metadata>', content.decode("utf-8"), re.DOTALL)
        return html.unescape(found[1]) if found else None
    return _from_image(content)


def _from_image(content: bytes) -> str | None:
    try:
        with Image.open(io.BytesIO(content), formats=("GIF", "PNG", "WEBP")) as image:
            if image.format == "PNG":
                return image.info.get(KEY)
            if image.format == "WEBP":
                return _after_key(str(image.getexif().get(_EXIF_DESCRIPTION, "")))
            return _after_key(bytes(image.info.get("comment", b"")).decode("utf-8", errors="replace"))
    except UnidentifiedImageError:
        return None


def _after_key(text: str) -> str | None:
    return text.removeprefix(f"{KEY}: ") if text.startswith(f"{KEY}: ") else None


def _mp4_comment(content: bytes) -> str:
    """The payload of the `©cmt` atom: its size and name, then a `data` atom with a header of 16 bytes."""
    at = content.find(b"\xa9cmt")
    if at < 4 or content[at + 8 : at + 12] != b"data":
        return ""
    size = int.from_bytes(content[at + 4 : at + 8], "big")
    return content[at + 20 : at + 4 + size].decode("utf-8", errors="replace")
