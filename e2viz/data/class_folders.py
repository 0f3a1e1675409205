"""Read labelled pictures from class folders: in a directory, a zip or a tar, whose members are never written to disk.

``train/cat/1.jpg`` is a picture of class "cat" in the part "train"; ``cat/1.jpg`` one in no part. Nothing is ever
downloaded. What was decoded is kept as one file of bytes, so that the next start takes no time.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from e2viz import limits, places, whole
from e2viz.data.data_set import DataSet
from e2viz.data.idx import DataError
from e2viz.images.safe_file import FORMATS, MAX_BYTES, MAX_PIXELS

PARTS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".avif")
MOST_PICTURES = 500_000
DIRECTORY_BYTES = 128 << 20  # of a zip's list of members, which is held whole and tenfold
NAMED_AT_MOST = 5
HOW_TO = (
    "Give a folder, a .zip or a .tar (also .gz, .xz) that holds one folder of pictures for each class, within train/ "
    "and test/ or without. e2viz never downloads data itself."
)


@dataclass(frozen=True)
class LabelledPictures:
    """Pictures of one size, their labels, and the part each belongs to: "train", "val", "test" or ""."""

    images: UInt8[Tensor, "image channel size size"]
    labels: Int64[Tensor, "image"]
    parts: tuple[str, ...]

    def of_part(self, part: str) -> tuple[UInt8[Tensor, "image channel size size"], Int64[Tensor, "image"]]:
        chosen = torch.tensor([each == part for each in self.parts], dtype=torch.bool)
        return self.images[chosen], self.labels[chosen]


@dataclass(frozen=True)
class Member:
    """One picture file by its name inside the source."""

    name: str
    part: str
    class_name: str
    content: bytes


def members(source: Path, directory_bytes: int = DIRECTORY_BYTES) -> Iterator[Member]:
    """Every picture of the source, in no promised order, a file at a time.

    Args:
        source: directory, zip or tar.
        directory_bytes: most that the list of a zip's members may take.

    Raises:
        DataError: the source is missing or damaged, holds too much, or a name points out of it.
    """
    found = 0
    try:
        for name, content in _contents(source, directory_bytes):
            place = part_and_class(name)
            if place is None:
                continue
            found += 1
            if found > MOST_PICTURES:
                raise DataError(f"{source} must hold at most {MOST_PICTURES:,} pictures; split it.")
            yield Member(name, *place, content)
    except FileNotFoundError:
        raise DataError(f"{source} does not exist. {HOW_TO}") from None
    except (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise DataError(f"{source} cannot be read ({error}); copy it again. {HOW_TO}") from error
    except RuntimeError as error:  # zipfile's word for a password
        raise DataError(f"{source} cannot be opened ({error}); give it without a password.") from error
    if not found:
        raise DataError(f"{source} holds no class folders of pictures. {HOW_TO}")


def part_and_class(name: str) -> tuple[str, str] | None:
    """Part and class of a member; None of what is no picture in a class folder."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or (path.parts and ":" in path.parts[0]):
        raise DataError(f"a name must stay inside its archive, got {name[:200]!r}")
    inside = [part for part in path.parts if part != "."]
    if len(inside) < 2 or any(part.startswith((".", "__MACOSX")) for part in inside):
        return None
    if path.suffix.lower() not in SUFFIXES or inside[-2].lower() in PARTS:
        return None
    part = PARTS.get(inside[-3].lower(), "") if len(inside) > 2 else ""
    return part, inside[-2]


def _contents(source: Path, directory_bytes: int) -> Iterator[tuple[str, bytes]]:
    if source.is_dir():
        yield from _of_folder(source)
    elif zipfile.is_zipfile(source):
        try:
            with source.open("rb") as file:
                limits.check_zip(file, directory_bytes)
        except ValueError as error:
            raise DataError(f"{source.name} holds too many files: {error}; split it.") from error
        with zipfile.ZipFile(source) as archive:
            for entry in archive.infolist():
                if not entry.is_dir() and entry.filename.lower().endswith(SUFFIXES):
                    with archive.open(entry) as file:
                        yield entry.filename, _bounded(file, entry.filename)
    else:
        with tarfile.open(source, "r|*") as archive:  # a stream: members are read as they come
            for member in archive:
                if member.isreg() and member.name.lower().endswith(SUFFIXES):
                    content = archive.extractfile(member)
                    assert content is not None
                    yield member.name, _bounded(content, member.name)


def _of_folder(source: Path) -> Iterator[tuple[str, bytes]]:
    for folder, inner, files in os.walk(source):
        inner.sort()
        for name in sorted(files):
            path = Path(folder) / name
            if path.suffix.lower() in SUFFIXES and path.is_file() and not path.is_symlink():
                with path.open("rb") as file:
                    yield path.relative_to(source).as_posix(), _bounded(file, name)


def _bounded(file, name: str) -> bytes:
    """What a member holds; one that unpacks to more than a picture may have is not read to its end."""
    content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise DataError(f"a picture may have at most {MAX_BYTES // 10**6} MB, {name[:200]} has more")
    return content


def folder_name(name: str) -> str:
    """How the name of a class and that of its folder are compared."""
    return " ".join(name.lower().replace("_", " ").replace("-", " ").split())


def read(source: Path, found: DataSet, *, keep: bool = True) -> LabelledPictures:
    """All pictures of a data set, at its size and with its channels, sorted by part, class and name.

    A picture of another shape loses the ends of its longer side; one of another size is enlarged or reduced.

    Args:
        source: directory, zip or tar of class folders.
        found: names the classes; a folder that is none of them is refused.
        keep: whether the decoded pictures are kept on disk for the next time.

    Raises:
        DataError: the source or a picture in it is missing or damaged, or a class folder is unknown.
    """
    kept = _kept_path(source, found) if keep else None
    if kept is not None and kept.exists():
        # A damaged one is made again.
        with contextlib.suppress(*whole.DAMAGE), kept.open("rb") as content, np.load(content) as file:
            parts = tuple(file["parts"].tolist())
            return LabelledPictures(torch.from_numpy(file["images"]), torch.from_numpy(file["labels"]), parts)
    numbers = {folder_name(name): index for index, name in enumerate(found.class_names)}
    waiting = []
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:  # decoders let go of Python's lock
        for member in members(source):
            label = numbers.get(folder_name(member.class_name))
            if label is None:
                raise DataError(
                    f"each folder must be one of the classes {', '.join(found.class_names[:20])}, "
                    f"got {member.class_name!r} ({member.name[:200]})"
                )
            waiting.append(((member.part, label, member.name), pool.submit(_pixels, member.content, found)))
    rows, broken = [], []
    for place, decoded in waiting:
        try:
            rows.append((place, decoded.result()))
        except Exception as error:  # a damaged picture makes decoders raise whatever it led them into
            broken.append(f"{place[2][:200]} ({error})")
    if broken:
        more = f" and {len(broken) - NAMED_AT_MOST} more" if len(broken) > NAMED_AT_MOST else ""
        raise DataError(
            f"these pictures cannot be read; mend or remove them: {'; '.join(broken[:NAMED_AT_MOST])}{more}"
        )
    rows.sort(key=lambda row: row[0])
    images = np.stack([pixels for _, pixels in rows])
    labels = np.array([label for (_, label, _), _ in rows], dtype=np.int64)
    parts = tuple(part for (part, _, _), _ in rows)
    if kept is not None:
        _keep(kept, images, labels, parts)
    return LabelledPictures(torch.from_numpy(images), torch.from_numpy(labels), parts)


def _pixels(content: bytes, found: DataSet) -> UInt8[np.ndarray, "channel size size"]:
    try:
        image: Image.Image = Image.open(io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError:
        raise ValueError("no picture that can be read") from None
    if image.width * image.height > MAX_PIXELS:
        raise ValueError(f"at most {MAX_PIXELS:,} pixels, got {image.width}×{image.height}")
    image = ImageOps.exif_transpose(image).convert("L" if found.grey else "RGB")
    if image.size != (found.size, found.size):
        image = ImageOps.fit(image, (found.size, found.size), Image.Resampling.LANCZOS)
    pixels = np.asarray(image)
    return pixels[None] if found.grey else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _kept_path(source: Path, found: DataSet) -> Path:
    """Tied to the source as it is now, and to what is made of it."""
    facts = [str(source.resolve()), str(found.size), str(found.channels), *found.class_names]
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.suffix.lower() in SUFFIXES:
                state = path.stat(follow_symlinks=False)
                facts.append(f"{path.relative_to(source)} {state.st_size} {state.st_mtime_ns}")
    elif source.exists():
        state = source.stat()
        facts.append(f"{state.st_size} {state.st_mtime_ns}")
    tied = hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]
    return places.runs() / "decoded" / f"{found.name}-{tied}.npz"


def _keep(path: Path, images: np.ndarray, labels: np.ndarray, parts: tuple[str, ...]) -> None:
    """At once or not at all; a disk that is full or may not be written to only costs the next start its time."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        whole.write(path, lambda file: np.savez(file, images=images, labels=labels, parts=np.array(parts)))
