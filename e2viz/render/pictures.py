"""PNG, APNG, WebP, and a ZIP of PNGs: what Pillow writes."""

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

from PIL import Image, PngImagePlugin

from e2viz.render.draw import draw
from e2viz.render.indexed import indexed_frames
from e2viz.render.job import Job
from e2viz.render.marked import KEY, zip_text
from e2viz.render.timeline import durations_ms

# EXIF ImageDescription: the one text field that Pillow writes and reads in WebP.
EXIF_DESCRIPTION = 0x010E
ZIP_RECIPE, ZIP_TIMES = "recipe.json", "frames.json"
ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the same bytes whenever it is made


def png(job: Job) -> bytes:
    """One moment as a PNG."""
    return _png(job.still(), job)


def _png(image: Image.Image, job: Job) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", pnginfo=_text(job), **_paper(job))
    return file.getvalue()


def _paper(job: Job) -> dict[str, Any]:
    """How large the picture is on paper, where the look says it."""
    return {"dpi": (job.look.dpi, job.look.dpi)} if job.look.dpi else {}


def _text(job: Job) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    if job.recipe_text:
        info.add_text(KEY, job.recipe_text)
    return info


def webp(job: Job) -> bytes:
    """The animation as a WebP."""
    exif = Image.Exif()
    if job.recipe_text:
        exif[EXIF_DESCRIPTION] = f"{KEY}: {job.recipe_text}"
    return _animated(job, job.frames(), "WEBP", {"quality": 82, "method": 1, "exif": exif.tobytes()})


def apng(job: Job) -> bytes:
    """The animation as an APNG: every frame exact, a palette picture except on a clear page."""
    frames = job.frames() if job.look.theme == "transparent" else _indexed(job)
    return _animated(job, frames, "PNG", {"compress_level": 6, "pnginfo": _text(job)})


def _indexed(job: Job) -> Iterator[Image.Image]:
    order = [each.frame for each in job.moments]
    for done, image in enumerate(indexed_frames(job.scene, order, **job.look.drawing, colors=job.look.colors), start=1):
        yield image
        job.progress(done, len(order))


def _animated(job: Job, frames: Iterator[Image.Image], kind: str, options: dict[str, Any]) -> bytes:
    first = next(frames)
    options |= {
        "save_all": True,
        "append_images": list(frames) if kind == "PNG" else frames,  # Pillow goes through an APNG's twice
        "duration": durations_ms(job.moments),
        "loop": 1 if job.look.loop == "once" else 0,
    }
    file = io.BytesIO()
    first.save(file, kind, **options)
    return file.getvalue()


def png_sequence(job: Job) -> bytes:
    """Every frame as a PNG, with their times and the recipe, in a ZIP."""
    file = io.BytesIO()
    times = durations_ms(job.moments)
    names: dict[int, str] = {}
    with zipfile.ZipFile(file, "w") as archive:
        for done, moment in enumerate(job.moments, start=1):
            if moment.frame not in names:
                angle = f"{float(job.scene.angles_deg[moment.frame]):05.1f}"
                names[moment.frame] = f"frame_{len(names):03d}_{angle}deg.png"
                image = io.BytesIO()
                draw(job.scene, moment.frame, **job.look.drawing).save(image, "PNG", **_paper(job))
                archive.writestr(zipfile.ZipInfo(names[moment.frame], ZIP_DATE), image.getvalue())
            job.progress(done, len(job.moments))
        shown = [{"file": names[each.frame], "ms": ms} for each, ms in zip(job.moments, times, strict=True)]
        archive.writestr(zipfile.ZipInfo(ZIP_TIMES, ZIP_DATE), json.dumps(shown, indent=1))
        if job.recipe_text:
            archive.writestr(zipfile.ZipInfo(ZIP_RECIPE, ZIP_DATE), job.recipe_text)
    return file.getvalue()


def read_zip(content: bytes) -> str | None:
    """The recipe beside the pictures."""
    return zip_text(content, ZIP_RECIPE)
