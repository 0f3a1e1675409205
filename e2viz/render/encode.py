"""Write a scene to a file: what was on screen, with the recipe that makes it again inside."""

import csv
import io
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
from PIL import Image

from e2viz.render.draw import draw
from e2viz.render.embed import CSV_PREFIX, image_options, mp4_options
from e2viz.render.indexed import CLEAR, indexed_frames
from e2viz.render.scene import Column, Number, Scene
from e2viz.render.svg import svg

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Format:
    """A kind of file: how browsers call it and whether it moves."""

    mime: str
    suffix: str
    animated: bool


FORMATS: dict[str, Format] = {
    "gif": Format("image/gif", ".gif", True),
    "mp4": Format("video/mp4", ".mp4", True),
    "webp": Format("image/webp", ".webp", True),
    "apng": Format("image/apng", ".apng", True),
    "png": Format("image/png", ".png", False),
    "svg": Format("image/svg+xml", ".svg", False),
    "csv": Format("text/csv", ".csv", False),
}

# Relative time in [0, 1) -> place in the turn in [0, 1). The measurement is never eased, only the playing of it.
EASINGS: dict[str, Callable[[float], float]] = {
    "linear": lambda time: time,
    "smooth": lambda time: (1 - math.cos(math.pi * time)) / 2,
    "quarters": lambda time: (math.floor(4 * time) + min(1.0, 1.6 * (4 * time % 1))) / 4,
}


def frame_order(frames: int, easing: str = "linear") -> list[int]:
    """Which frame is shown at each of `frames` equal moments of one turn.

    Raises:
        ValueError: an unknown easing.
    """
    if easing not in EASINGS:
        raise ValueError(f"easing must be one of {', '.join(EASINGS)}, got {easing!r}")
    ease = EASINGS[easing]
    return [min(frames - 1, int(ease(moment / frames) * frames + 1e-9)) for moment in range(frames)]


def encode(
    scene: Scene,
    format: str,
    *,
    fps: Number = 20,
    width: int = 900,
    theme: str = "light",
    scale: Number = 1.0,
    loop: bool = True,
    frame: int = 0,
    easing: str = "linear",
    progress: Progress | None = None,
) -> bytes:
    """A scene as a file.

    Args:
        scene: what is shown.
        format: a key of FORMATS.
        fps: frames a second of an animation; a GIF counts in hundredths of a second, so 20 and 25 are exact.
        width: of the sheet in logical pixels.
        theme: "light", "dark" or "transparent".
        scale: pixels for each logical pixel.
        loop: whether a GIF, WebP or APNG begins again.
        frame: the angle of a still (PNG, SVG).
        easing: a key of EASINGS, for animations.
        progress: called with the frames done and the frames in all; may raise to cancel.

    Returns:
        The file's bytes.

    Raises:
        ValueError: a format, theme, fps or frame that does not exist or does not fit the format.
    """
    if format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {format!r}")
    if format == "csv":
        return csv_bytes(scene)
    if format == "svg":
        return svg(scene, frame, width=width, theme=theme).encode("utf-8")
    if format == "png":
        return _png(scene, draw(scene, frame, width=width, theme=theme, scale=scale))
    if not 1 <= fps <= 60 or (format == "gif" and fps > 50):
        raise ValueError(f"fps must be from 1 to {50 if format == 'gif' else 60} for {format}, got {fps}")
    look: dict[str, Any] = {"width": width, "theme": theme, "scale": scale}
    order = frame_order(scene.frames, easing)
    if format == "mp4":
        return _mp4(scene, order, fps, look, progress)
    return _animation(scene, format, order, fps, loop, look, progress)


def durations_ms(frames: int, fps: Number, step_ms: int = 1) -> list[int]:
    """How long each frame stays, in whole steps of the format's clock, without drifting from `fps`."""
    ends = [step_ms * round(1000 * (i + 1) / fps / step_ms) for i in range(frames)]
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


def _told(frames: Iterator[Image.Image], total: int, progress: Progress | None) -> Iterator[Image.Image]:
    for done, image in enumerate(frames, start=1):
        yield image
        if progress is not None:
            progress(done, total)


def _png(scene: Scene, image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", **image_options(scene.recipe, "png"))
    return file.getvalue()


def _animation(
    scene: Scene,
    format: str,
    order: list[int],
    fps: Number,
    loop: bool,
    look: dict[str, Any],
    progress: Progress | None,
) -> bytes:
    clear = look["theme"] == "transparent"
    if format == "webp" or (format == "apng" and clear):  # a palette has no soft edges on a clear page
        frames: Iterator[Image.Image] = (draw(scene, each, **look) for each in order)
    else:
        frames = indexed_frames(scene, order, **look)
    frames = _told(frames, len(order), progress)
    first = next(frames)
    options: dict[str, object] = {
        "save_all": True,
        "append_images": list(frames) if format == "apng" else frames,  # Pillow goes through an APNG's twice
        "duration": durations_ms(len(order), fps, 10 if format == "gif" else 1),
        **image_options(scene.recipe, format),
    }
    if format == "gif":
        options |= {"optimize": False, "disposal": 2 if clear else 1} | ({"loop": 0} if loop else {})
        options |= {"transparency": CLEAR} if clear else {}
    elif format == "webp":
        options |= {"quality": 82, "method": 1, "loop": 0 if loop else 1}
    else:
        options |= {"loop": 0 if loop else 1, "compress_level": 6}
    file = io.BytesIO()
    first.save(file, "PNG" if format == "apng" else format.upper(), **options)
    return file.getvalue()


def _mp4(scene: Scene, order: list[int], fps: Number, look: dict[str, Any], progress: Progress | None) -> bytes:
    if look["theme"] == "transparent":
        raise ValueError("an mp4 must have a background: theme must be light or dark, got 'transparent'")
    first = _even(draw(scene, order[0], **look))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scene.mp4"
        writer = imageio_ffmpeg.write_frames(
            str(path),
            (first.shape[1], first.shape[0]),
            fps=fps,
            codec="libx264",
            pix_fmt_out="yuv420p",
            quality=None,
            macro_block_size=2,
            output_params=["-crf", "18", "-preset", "veryfast", "-movflags", "+faststart", *mp4_options(scene.recipe)],
            ffmpeg_log_level="error",
        )
        writer.send(None)
        try:
            for done, each in enumerate(order, start=1):
                writer.send(_even(draw(scene, each, **look)))
                if progress is not None:
                    progress(done, len(order))
        finally:
            writer.close()
        return path.read_bytes()


def _even(image: Image.Image) -> np.ndarray:
    """Pixels [height width 3] with even sides, as 4:2:0 video needs; an odd edge is doubled."""
    pixels = np.asarray(image)
    odd = ((0, pixels.shape[0] % 2), (0, pixels.shape[1] % 2), (0, 0))
    return np.ascontiguousarray(np.pad(pixels, odd, mode="edge"))


def numbers_of(scene: Scene) -> Mapping[str, Column]:
    """The scene's own table, or else what its rings, bars and curves show at each angle."""
    if scene.numbers:
        return scene.numbers
    table: dict[str, Column] = {"angle_deg": scene.angles_deg}
    for ring in scene.rings:
        table |= {f"{ring.label}: class": ring.classes, f"{ring.label}: probability": ring.probability}
    for bars in scene.bars:
        for i, name in enumerate(bars.class_names):
            table[f"{bars.label}: p({name})"] = bars.probability[:, i]
    for curve in scene.curves:
        table[f"{curve.label}: {curve.quantity}"] = curve.values
    return table


def csv_bytes(scene: Scene) -> bytes:
    """The numbers as UTF-8 CSV; the recipe and the title are comment lines at the top."""
    table = numbers_of(scene)
    file = io.StringIO()
    if scene.recipe is not None:
        file.write(f"{CSV_PREFIX}{scene.recipe.to_json()}\n")
    for line in scene.title.splitlines():
        file.write(f"# {line}\n")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(table)
    for values in zip(*table.values(), strict=True):
        writer.writerow([f"{value:.6g}" if isinstance(value, float | np.floating) else value for value in values])
    return file.getvalue().encode("utf-8")
