"""What a person's own class folders hold: how many of what, in which sizes, what is broken, what is there twice."""

from __future__ import annotations

import hashlib
import io
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from e2viz.data.class_folders import NAMED_AT_MOST, folder_name, members, part_and_class
from e2viz.data.data_set import DataSet
from e2viz.data.idx import DataError
from e2viz.images.safe_file import FORMATS, MAX_PIXELS

LEAST_CLASSES, LEAST_PICTURES = 2, 10
# Pictures smaller than this at their middle are trained at the first size, all others at the second.
SMALL_BELOW, SMALL, LARGE = 48, 32, 64
PARTS = ("train", "val", "test", "")
# (pictures looked at)
Report = Callable[[int], None]


@dataclass(frozen=True)
class Inspection:
    """What was found in a source.

    Args:
        source: the folder or archive.
        counts: pictures by (part, class); the part is "" where there are none.
        sizes: (width, height) of every picture that can be read.
        grey: how many of them have no colour.
        broken: name and reason of each that cannot be read.
        twice: groups of names with the same bytes.
    """

    source: Path
    counts: dict[tuple[str, str], int]
    sizes: tuple[tuple[int, int], ...]
    grey: int
    broken: tuple[tuple[str, str], ...]
    twice: tuple[tuple[str, ...], ...]

    @property
    def class_names(self) -> tuple[str, ...]:
        """All classes, in alphabetical order."""
        return tuple(sorted({name for _, name in self.counts}, key=lambda name: (name.lower(), name)))

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(part for part in PARTS if any(found == part for found, _ in self.counts))

    @property
    def across(self) -> tuple[tuple[str, ...], ...]:
        """Groups of the same picture in more than one part, or anywhere where parts will be made by chance."""
        if self.parts == ("",):
            return self.twice
        return tuple(names for names in self.twice if len({_part_of(name) for name in names}) > 1)

    def of_part(self, part: str) -> int:
        return sum(count for (found, _), count in self.counts.items() if found == part)


def _part_of(name: str) -> str:
    place = part_and_class(name)
    return place[0] if place else ""


def inspect(source: Path, report: Report | None = None) -> Inspection:
    """Look at every picture of a source.

    Args:
        source: directory, zip or tar of class folders.
        report: told of progress.

    Raises:
        DataError: the source is missing or damaged, or holds no class folders.
    """
    counts: Counter[tuple[str, str]] = Counter()
    sizes, broken, grey = [], [], 0
    by_content: dict[str, list[str]] = defaultdict(list)
    for number, member in enumerate(members(source), start=1):
        counts[member.part, member.class_name] += 1
        by_content[hashlib.sha256(member.content).hexdigest()].append(member.name)
        try:
            size, colourless = _looked_at(member.content)
            sizes.append(size)
            grey += colourless
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            broken.append((member.name, str(error)))
        if report is not None:
            report(number)
    twice = tuple(tuple(sorted(names)) for names in by_content.values() if len(names) > 1)
    return Inspection(source, dict(counts), tuple(sizes), grey, tuple(sorted(broken)), tuple(sorted(twice)))


def _looked_at(content: bytes) -> tuple[tuple[int, int], bool]:
    """Size of a picture, and whether it has no colour; it is decoded whole, since damage may lie at its end."""
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError:
        raise ValueError("no picture that can be read") from None
    if image.width * image.height > MAX_PIXELS:
        raise ValueError(f"at most {MAX_PIXELS:,} pixels, got {image.width}×{image.height}")
    size = image.size
    if image.mode in ("1", "L", "I", "F", "I;16", "LA"):
        image.load()
        return size, True
    pixels = np.asarray(image.convert("RGB"))
    return size, bool((pixels == pixels[..., :1]).all())


def described(found: Inspection, name: str, size: int | None = None) -> DataSet:
    """A data set of what was found; its mean and deviation are still to be measured.

    Args:
        found: what ``inspect`` gave.
        name: of the data set.
        size: side at which pictures are trained on, in pixels; chosen from their sizes when not given.

    Raises:
        DataError: if pictures are broken, or there are too few classes or pictures.
        ValueError: if the name or the size is out of range.
    """
    if found.broken:
        more = f" and {len(found.broken) - NAMED_AT_MOST} more" if len(found.broken) > NAMED_AT_MOST else ""
        listed = "; ".join(f"{name} ({why})" for name, why in found.broken[:NAMED_AT_MOST])
        raise DataError(f"these pictures cannot be read; mend or remove them: {listed}{more}")
    if len(found.class_names) < LEAST_CLASSES or len(found.sizes) < LEAST_PICTURES:
        raise DataError(
            f"training needs at least {LEAST_CLASSES} classes and {LEAST_PICTURES} pictures, "
            f"got {len(found.class_names)} and {len(found.sizes)}"
        )
    if len({folder_name(each) for each in found.class_names}) < len(found.class_names):
        raise DataError(f"classes must differ by more than case and dashes, got {', '.join(found.class_names)}")
    if size is not None and (size % 8 or not 16 <= size <= 128):
        raise ValueError(f"size must be a multiple of 8 from 16 to 128, got {size}")
    middle = sorted(min(each) for each in found.sizes)[len(found.sizes) // 2]
    channels = 1 if found.grey == len(found.sizes) else 3
    return DataSet(
        name=name, title=name, class_names=found.class_names, channels=channels,
        size=size or (SMALL if middle < SMALL_BELOW else LARGE), mean=(0.5,) * channels, std=(0.25,) * channels,
        background=(0.5,) * channels, files=(found.source.name,), source=f"class folders in {found.source.name}",
    )  # fmt: skip


def in_words(found: Inspection) -> str:
    """The inspection as lines of text: a table of counts, sizes, what is broken, and what is there twice."""
    parts, wide = found.parts, max(len(name) for name in (*found.class_names, "all"))
    lines = [f"{found.source}: {len(found.class_names)} classes, {sum(found.counts.values()):,} pictures"]
    lines.append(f"  {'class':{wide}}" + "".join(f"{part or 'pictures':>10}" for part in parts))
    for name in found.class_names:
        lines.append(f"  {name:{wide}}" + "".join(f"{found.counts.get((part, name), 0):>10,}" for part in parts))
    lines.append(f"  {'all':{wide}}" + "".join(f"{found.of_part(part):>10,}" for part in parts))
    if parts == ("",):
        lines.append("  no train/ and test/: split by a fixed seed when it is trained on, 72 % / 8 % / 20 %")
    if found.sizes:
        sides = sorted(max(size) for size in found.sizes)
        common, times = Counter(found.sizes).most_common(1)[0]
        lines.append(
            f"  longer side {sides[0]} to {sides[-1]} pixels, {sides[len(sides) // 2]} in the middle; "
            f"most often {common[0]}×{common[1]} ({times:,}); {found.grey:,} without colour"
        )
    lines.append(f"  broken: {len(found.broken) or 'none'}")
    lines += [f"    {name}: {why}" for name, why in found.broken]
    if found.parts == ("",):
        lines.append(f"  the same picture twice: {len(found.twice) or 'none'}")
    else:
        inside = len(found.twice) - len(found.across)
        lines.append(
            f"  the same picture in two parts: {len(found.across) or 'none'}; twice in one: {inside or 'none'}"
        )
    lines += [f"    {' = '.join(names)}" for names in found.across]
    return "\n".join(lines)
