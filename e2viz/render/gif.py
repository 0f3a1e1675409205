"""GIF with one colour table for all frames, of which only what changed is stored.

Pillow compresses each changed rectangle; the container is written here, since Pillow's repeats the colour table in
every frame. Every frame decodes to its indexed picture exactly.
"""

import io
import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image

from e2viz.render.indexed import CLEAR, indexed_frames
from e2viz.render.job import Job
from e2viz.render.marked import KEY, comment_recipe
from e2viz.render.timeline import durations_ms

MAX_FPS = 50  # browsers play anything faster at ten frames a second
_KEEP, _TO_BACKGROUND = 1, 2


def gif(job: Job) -> bytes:
    """The animation as a GIF.

    Raises:
        ValueError: a rate that a GIF's clock of hundredths of a second does not know.
    """
    if job.look.fps > MAX_FPS:
        raise ValueError(f"fps must be from 0.05 to {MAX_FPS} for gif, got {job.look.fps}")
    clear = job.look.theme == "transparent"
    hundredths = [each // 10 for each in durations_ms(job.moments, 10)]
    order = [each.frame for each in job.moments]
    parts: list[bytes] = []
    before: np.ndarray | None = None
    for done, image in enumerate(indexed_frames(job.scene, order, **job.look.drawing, colors=job.look.colors), start=1):
        index = np.asarray(image)
        if before is None:
            parts.append(_head(image, job))
        # A clear pixel cannot be painted over what is there: on a clear page every frame begins anew.
        data = _frame(index, None if clear else before, hundredths[done - 1], _TO_BACKGROUND if clear else _KEEP)
        parts.append(data)
        before = index
        job.progress(done, len(order))
    return b"".join([*parts, b";"])


def _head(image: Image.Image, job: Job) -> bytes:
    palette = bytes(image.getpalette() or []).ljust(768, b"\0")
    screen = b"GIF89a" + struct.pack("<HHBBB", *image.size, 0xF7, 0, 0) + palette
    again = b"" if job.look.loop == "once" else b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
    comment = f"{KEY}: {job.recipe_text}".encode("ascii") if job.recipe_text else b""
    return screen + again + (b"!\xfe" + _blocks(comment) if comment else b"")


def _blocks(content: bytes) -> bytes:
    """Sub-blocks of at most 255 bytes."""
    pieces = [content[at : at + 255] for at in range(0, len(content), 255)]
    return b"".join(bytes([len(piece)]) + piece for piece in pieces) + b"\0"


def _frame(index: np.ndarray, before: np.ndarray | None, hundredths: int, disposal: int) -> bytes:
    """The rectangle that changed, its unchanged pixels left out where that is shorter."""
    left, top, right, bottom = _changed(index, before)
    part = index[top:bottom, left:right]
    data = min(_compressed(part, before, left, top), key=len)
    control = b"!\xf9\x04" + struct.pack("<BHBB", disposal << 2 | 1, hundredths, CLEAR, 0)
    place = b"," + struct.pack("<HHHHB", left, top, right - left, bottom - top, 0)
    return control + place + data


def _changed(index: np.ndarray, before: np.ndarray | None) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what differs from the frame before; one pixel where nothing does."""
    if before is None:
        return 0, 0, index.shape[1], index.shape[0]
    differs = index != before
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    if not rows.size:
        return 0, 0, 1, 1
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _compressed(part: np.ndarray, before: np.ndarray | None, left: int, top: int) -> Iterator[bytes]:
    yield _lzw(part)
    if before is not None:
        under = before[top : top + part.shape[0], left : left + part.shape[1]]
        same = part == under
        yield _lzw(np.where(same, CLEAR, part).astype(np.uint8))
        yield _lzw(np.where(same & _in_long_run(part, same), CLEAR, part).astype(np.uint8))


def _in_long_run(part: np.ndarray, same: np.ndarray, least: int = 12) -> np.ndarray:
    """True where at least `least` unchanged pixels lie beside each other: shorter gaps break up patterns."""
    padded = np.pad(same, ((0, 0), (1, 1))).astype(np.int8)
    steps = np.diff(padded, axis=1)
    starts, ends = np.argwhere(steps == 1), np.argwhere(steps == -1)
    lengths = ends[:, 1] - starts[:, 1]
    marks = np.zeros((part.shape[0], part.shape[1] + 1), dtype=np.int32)
    long = lengths >= least
    np.add.at(marks, (starts[long, 0], starts[long, 1]), 1)
    np.add.at(marks, (ends[long, 0], ends[long, 1]), -1)
    return marks.cumsum(axis=1)[:, :-1] > 0


def _lzw(part: np.ndarray) -> bytes:
    """The image data of a GIF of this part alone, from its code size to its last sub-block."""
    image = Image.frombytes("P", part.shape[::-1], np.ascontiguousarray(part).tobytes())
    image.putpalette(bytes(768))
    file = io.BytesIO()
    image.save(file, "GIF", optimize=False, interlace=0)
    content = file.getvalue()
    return content[_image_data(content) : -1]


def _image_data(content: bytes) -> int:
    """Where the image data begins: after the header, the colour tables, the extensions and the descriptor."""
    at = 13 + _table_size(content[10])
    while content[at] == 0x21:
        at += 2
        while content[at]:
            at += 1 + content[at]
        at += 1
    assert content[at] == 0x2C
    return at + 10 + _table_size(content[at + 9])


def _table_size(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def read_gif(content: bytes) -> str | None:
    """The recipe in the comment."""
    return comment_recipe(content)
