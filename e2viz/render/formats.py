"""Every kind of file, one entry each: its name, how it is written, and how its recipe is read back."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from e2viz.render.gif import MAX_FPS, gif, read_gif
from e2viz.render.html import html_file, read_html
from e2viz.render.job import Job
from e2viz.render.marked import KEY, after_key, image_facts
from e2viz.render.numbers import csv_file, json_file, read_csv
from e2viz.render.pdf import pdf, read_pdf
from e2viz.render.pictures import EXIF_DESCRIPTION, apng, png, png_sequence, read_zip, webp
from e2viz.render.svg import read_svg, svg_file
from e2viz.render.video import mp4, read_mp4


@dataclass(frozen=True, kw_only=True)
class Format:
    """A kind of file.

    Args:
        title: what its button says.
        suffix: of its files.
        mime: how browsers call it.
        kind: an animation, a still of one moment, or the numbers.
        write: makes the file.
        read: finds the recipe's JSON in a file; None where there is none, or the file is of another kind.
        clear: whether it can have a transparent page.
        max_fps: fastest rate.
    """

    title: str
    suffix: str
    mime: str
    kind: Literal["animation", "still", "numbers"]
    write: Callable[[Job], bytes]
    read: Callable[[bytes], str | None]
    clear: bool = True
    max_fps: int = 60

    @property
    def animated(self) -> bool:
        """Whether it moves."""
        return self.kind == "animation"


def _read_png(content: bytes) -> str | None:
    image = image_facts(content, "PNG")
    return None if image is None else image.info.get(KEY)


def _read_webp(content: bytes) -> str | None:
    image = image_facts(content, "WEBP")
    return None if image is None else after_key(str(image.getexif().get(EXIF_DESCRIPTION, "")))


def _not_here(content: bytes) -> str | None:
    """A recipe's own JSON is known by its first character, before any format is asked."""
    return None


FORMATS: dict[str, Format] = {
    "gif": Format(
        title="GIF", suffix=".gif", mime="image/gif", kind="animation", write=gif, read=read_gif, max_fps=MAX_FPS
    ),
    "mp4": Format(
        title="MP4", suffix=".mp4", mime="video/mp4", kind="animation", write=mp4, read=read_mp4, clear=False
    ),
    "webp": Format(title="WebP", suffix=".webp", mime="image/webp", kind="animation", write=webp, read=_read_webp),
    "apng": Format(title="APNG", suffix=".apng", mime="image/apng", kind="animation", write=apng, read=_read_png),
    "zip": Format(
        title="PNGs in a ZIP", suffix=".zip", mime="application/zip", kind="animation", write=png_sequence,
        read=read_zip,
    ),
    "html": Format(
        title="HTML", suffix=".html", mime="text/html", kind="animation", write=html_file, read=read_html
    ),
    "png": Format(title="PNG", suffix=".png", mime="image/png", kind="still", write=png, read=_read_png),
    "svg": Format(title="SVG", suffix=".svg", mime="image/svg+xml", kind="still", write=svg_file, read=read_svg),
    "pdf": Format(title="PDF", suffix=".pdf", mime="application/pdf", kind="still", write=pdf, read=read_pdf),
    "csv": Format(title="CSV", suffix=".csv", mime="text/csv", kind="numbers", write=csv_file, read=read_csv),
    "json": Format(
        title="JSON", suffix=".json", mime="application/json", kind="numbers", write=json_file, read=_not_here
    ),
}  # fmt: skip


def format_of(path: Path) -> str:
    """The format, a key of FORMATS, that a file's suffix asks for.

    Raises:
        ValueError: no format has that suffix.
    """
    suffix = path.suffix.lower()
    for name, each in FORMATS.items():
        if each.suffix == suffix:
            return name
    known = ", ".join(each.suffix for each in FORMATS.values())
    raise ValueError(f"the output must end in one of {known}, got {suffix[:20] or 'no suffix'}")
