"""Names of classes and the usual normalisations: what a file that somebody brings may not say about itself."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

IMAGENET = "imagenet"
_IMAGENET_FILE = Path(__file__).with_name("imagenet_classes.txt")
MOST_FILE_BYTES = 1_000_000
MOST_NAME = 80

# Mean and standard deviation of each channel, on values in [0, 1].
NORMALISATIONS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "ImageNet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "0 to 1": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "−1 to 1": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "CIFAR-10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "0 to 255": ((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)),
}


@functools.cache
def imagenet() -> tuple[str, ...]:
    """ImageNet's 1,000 class names; the file says whose they are."""
    lines = _IMAGENET_FILE.read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if not line.startswith("#"))


def from_text(content: bytes | str) -> tuple[str, ...]:
    """Class names of a text file, one a line; a number and a separator in front of each are left out.

    Raises:
        ValueError: if it is no text, or holds fewer than two names.
    """
    if isinstance(content, bytes):
        if len(content) > MOST_FILE_BYTES:
            raise ValueError(f"a file of class names may have {MOST_FILE_BYTES:,} bytes, got {len(content):,}")
        try:
            content = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ValueError("a file of class names must be text in UTF-8, one name a line") from None
    lines = [" ".join(line.split()) for line in content.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    numbers = [line.partition(" ")[0].rstrip(":,;") for line in lines]
    if len(lines) > 1 and numbers == [str(k) for k in range(len(lines))]:
        lines = [line.partition(" ")[2] or line for line in lines]
    if len(lines) < 2:
        raise ValueError(f"a file of class names must hold at least two, one a line, got {len(lines)}")
    return different(lines)


def different(names: Sequence[str]) -> tuple[str, ...]:
    """The names, short, and told apart by a number where two are the same."""
    found: dict[str, int] = {}
    result = []
    for each in names:
        name = " ".join(str(each).split())[:MOST_NAME] or "?"
        found[name] = found.get(name, 0) + 1
        result.append(name if found[name] == 1 else f"{name} ({found[name]})")
    return tuple(result) if len(set(result)) == len(result) else tuple(f"{k} {n}" for k, n in enumerate(result))


def class_names(wanted: Sequence[str] | str | None, count: int) -> tuple[tuple[str, ...], str]:
    """Names for so many classes, and in words where they come from.

    Args:
        wanted: names; "imagenet"; the path of a text file, one a line; None for ImageNet's where there are 1,000, and
            for numbers otherwise.
        count: of the scores.

    Raises:
        ValueError: if there are not as many names as scores.
    """
    if wanted is None:
        if count == 1000:
            return imagenet(), "taken for ImageNet's, since there are 1,000"
        return tuple(f"class {k}" for k in range(count)), "by number"
    if isinstance(wanted, str):
        names = imagenet() if wanted == IMAGENET else from_text(Path(wanted).read_bytes())
    else:
        names = different(wanted)
    if len(names) != count:
        raise ValueError(f"there must be as many class names as scores, got {len(names)} and {count}")
    return names, "given"


def normalisation(
    mean: Sequence[float] | float | str | None, std: Sequence[float] | float | None, channels: int
) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Mean and standard deviation of each channel; None if neither is given.

    Args:
        mean: numbers, or a name of ``NORMALISATIONS`` in any case.
        std: numbers.
        channels: of the image; a preset of three is averaged for one.

    Raises:
        ValueError: if there are not as many numbers as channels, or a deviation is not above 0.
        LookupError: for an unknown name.
    """
    if isinstance(mean, str):
        wanted = mean.lower().replace("−", "-")
        chosen = next((name for name in NORMALISATIONS if name.lower().replace("−", "-") == wanted), None)
        if chosen is None:
            raise LookupError(f"no normalisation is called {mean!r}; there are {', '.join(NORMALISATIONS)}")
        means, stds = NORMALISATIONS[chosen]
    elif mean is None and std is None:
        return None
    else:
        means = _spread(0.0 if mean is None else mean, channels)
        stds = _spread(1.0 if std is None else std, channels)
    if channels == 1 and len(means) == 3:
        means, stds = (sum(means) / 3,), (sum(stds) / 3,)
    if not len(means) == len(stds) == channels or min(stds) <= 0:
        raise ValueError(f"mean and std need {channels} numbers each, std above 0, got {means} and {stds}")
    return means, stds


def _spread(values: Sequence[float] | float, channels: int) -> tuple[float, ...]:
    numbers = tuple(float(v) for v in values) if isinstance(values, Sequence) else (float(values),)
    return numbers * channels if len(numbers) == 1 else numbers
