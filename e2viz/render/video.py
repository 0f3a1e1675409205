"""MP4 that slides and phones play: H.264, 4:2:0, even sides, colours tagged as BT.709, playable before it is loaded."""

import contextlib
import subprocess
import tempfile
from pathlib import Path
from typing import IO

import imageio_ffmpeg
import numpy as np
from PIL import Image

from e2viz.render.draw import draw
from e2viz.render.job import Job
from e2viz.render.marked import KEY, after_key
from e2viz.render.timeline import even_rate

# The conversion and the tags say the same: a player that is told nothing guesses, and is up to 12 levels off.
_CONVERTED = "scale=in_range=pc:out_range=tv:out_color_matrix=bt709:flags=accurate_rnd+full_chroma_int"
_TAGGED = "setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709"
COLOR = ["-vf", f"{_CONVERTED},{_TAGGED}"]
TAGS = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"]
QUALITY = ["-c:v", "libx264", "-crf", "16", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-profile:v", "high"]


def mp4(job: Job) -> bytes:
    """The animation as an MP4.

    Raises:
        ValueError: a clear page, which a video does not have.
        RuntimeError: ffmpeg failed.
    """
    if job.look.theme == "transparent":
        raise ValueError("an mp4 must have a background: theme must be light or dark, got 'transparent'")
    fps, repeats = even_rate(job.moments)
    width, height = (side + side % 2 for side in job.size_px)
    with tempfile.TemporaryDirectory() as folder:
        path, facts = Path(folder) / "scene.mp4", Path(folder) / "facts.txt"
        facts.write_text(_metadata(job), encoding="utf-8")
        raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", f"{fps:g}", "-i", "-"]
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *raw, "-i", str(facts), "-map", "0:v"]
        command += ["-map_metadata", "1", *COLOR, *QUALITY, *TAGS, "-movflags", "+faststart", "-y", str(path)]
        with (Path(folder) / "errors.txt").open("w+b") as errors:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=errors)
            assert process.stdin is not None
            try:
                _feed(process.stdin, job, repeats)
                process.stdin.close()
                failed = process.wait() != 0
            except BrokenPipeError:
                failed = True
            finally:
                if process.poll() is None:
                    process.kill()
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.close()
                process.wait()
            if failed:
                errors.seek(0)
                raise RuntimeError(f"ffmpeg could not write the video: {errors.read(2000).decode(errors='replace')}")
        return path.read_bytes()


def _feed(pipe: IO[bytes], job: Job, repeats: list[int]) -> None:
    for done, (moment, times) in enumerate(zip(job.moments, repeats, strict=True), start=1):
        pixels = even(draw(job.scene, moment.frame, **job.look.drawing)).tobytes()
        for _ in range(times):
            pipe.write(pixels)
        job.progress(done, len(job.moments))


def even(image: Image.Image) -> np.ndarray:
    """Pixels [height width 3] with even sides, as 4:2:0 video needs; an odd edge is doubled."""
    pixels = np.asarray(image)
    odd = ((0, pixels.shape[0] % 2), (0, pixels.shape[1] % 2), (0, 0))
    return np.ascontiguousarray(np.pad(pixels, odd, mode="edge"))


def _metadata(job: Job) -> str:
    """A file of ffmpeg's metadata format: a command line would limit how long a recipe may be."""
    lines = [";FFMETADATA1", f"title={_escaped(job.scene.title)}"]
    if job.recipe_text:
        lines.append(f"comment={_escaped(f'{KEY}: {job.recipe_text}')}")
    return "\n".join([*lines, ""])


def _escaped(text: str) -> str:
    for sign in ("\\", "=", ";", "#", "\n"):
        text = text.replace(sign, "\\" + sign)
    return text


def read_mp4(content: bytes) -> str | None:
    """The recipe in the `©cmt` atom: its size and name, then a `data` atom with a header of 16 bytes."""
    if content[4:8] != b"ftyp":
        return None
    at = content.find(b"\xa9cmt")
    if at < 4 or content[at + 8 : at + 12] != b"data":
        return None
    size = int.from_bytes(content[at + 4 : at + 8], "big")
    return after_key(content[at + 20 : at + 4 + size].decode("utf-8", errors="replace"))
