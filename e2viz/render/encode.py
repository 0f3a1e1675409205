"""Write a scene to a file: what was on screen, with the recipe that makes it again inside."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from e2viz.render.formats import FORMATS, format_of
from e2viz.render.job import Job, Progress, untold
from e2viz.render.look import Look, Number
from e2viz.render.scene import Scene


def encode(
    scene: Scene,
    format: str,
    *,
    look: Look | None = None,
    fps: Number | None = None,
    width: int | None = None,
    theme: str | None = None,
    scale: Number | None = None,
    loop: bool | str | None = None,
    frame: int | None = None,
    easing: str | None = None,
    progress: Progress | None = None,
) -> bytes:
    """A scene as a file.

    Args:
        scene: what is shown.
        format: a key of FORMATS.
        look: how it is drawn and played; as the scene's recipe says by default. What follows changes parts of it.
        fps: angles a second; a GIF counts in hundredths of a second, so 20 and 25 are exact.
        width: of the sheet in logical pixels.
        theme: "light", "dark" or "transparent".
        scale: pixels for each logical pixel.
        loop: whether an animation begins again; or "loop", "back" or "once".
        frame: which frame a still shows, instead of the look's angle.
        easing: a key of EASINGS, for animations.
        progress: called with the frames done and the frames in all; may raise to cancel.

    Returns:
        The file's bytes.

    Raises:
        ValueError: a format, theme, fps or frame that does not exist or does not fit the format, or a file that
            would be larger than may be made.
    """
    if format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, got {format!r}")
    if look is None:
        look = Look() if scene.recipe is None else scene.recipe.look
    if frame is not None and not 0 <= frame < scene.frames:
        raise ValueError(f"frame must be from 0 to {scene.frames - 1}, got {frame}")
    changes: dict[str, Any] = {
        "fps": fps, "width": width, "theme": theme, "scale": scale, "easing": easing,
        "loop": {True: "loop", False: "once"}.get(loop, loop) if isinstance(loop, bool) else loop,
        "angle_deg": None if frame is None else float(scene.angles_deg[frame]),
    }  # fmt: skip
    look = replace(look, **{name: value for name, value in changes.items() if value is not None})
    return FORMATS[format].write(Job(scene, look, progress or untold))


def save(scene: Scene, path: str | Path, **look: Any) -> Path:
    """Write a scene to a file of the kind that its suffix says; the same bytes as ``encode`` gives.

    Args:
        scene: what is shown.
        path: such as "turn.gif"; an existing file is replaced.
        look: as ``encode`` takes it: width, theme, fps, ...

    Returns:
        The path.

    Raises:
        ValueError: no format has that suffix, or the look does not fit it.
    """
    path = Path(path)
    path.write_bytes(encode(scene, format_of(path), **look))
    return path
