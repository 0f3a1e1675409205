"""Sizes that a figure must fit, met by choices that are measured, and said."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from e2viz.render.formats import FORMATS
from e2viz.render.job import Job, Progress, untold
from e2viz.render.look import Look
from e2viz.render.scene import Scene

MEGABYTE = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Budget:
    """A size.

    Args:
        title: what it is called on screen.
        most_bytes: of the file; 0 for any.
        width: of the sheet in logical pixels; 0 leaves it as it is.
        height: of the sheet; 0 for as high as it needs.
        scale: pixels for each logical pixel; 0 leaves it as it is.
        dpi: pixels for each inch of paper; 0 where it is not for paper.
    """

    title: str
    most_bytes: int = 0
    width: int = 0
    height: int = 0
    scale: float = 0.0
    dpi: int = 0


BUDGETS: dict[str, Budget] = {
    "": Budget(title="as it is"),
    "3mb": Budget(title="under 3 MB", most_bytes=3 * MEGABYTE),
    "1mb": Budget(title="under 1 MB", most_bytes=MEGABYTE),
    "slide": Budget(title="for a slide, 16:9", width=1280, height=720, scale=1.5, most_bytes=20 * MEGABYTE),
    "column": Budget(title="for a column, 8.5 cm at 300 dpi", width=502, scale=2.0, dpi=300),
}

# Tried in this order until the file fits; each is what a reader notices least of what is left.
STEPS: tuple[tuple[str, Callable[[Look], Look]], ...] = (
    ("1 pixel for each logical pixel", lambda look: replace(look, scale=min(look.scale, 1.0))),
    ("128 colours", lambda look: replace(look, colors=128)),
    ("every other angle", lambda look: replace(look, every=2 * look.every)),
    ("80 % of the width", lambda look: _narrower(look, 0.8)),
    ("64 colours", lambda look: replace(look, colors=64)),
    ("every fourth angle", lambda look: replace(look, every=2 * look.every)),
    ("64 % of the width", lambda look: _narrower(look, 0.8)),
    ("half of the width", lambda look: _narrower(look, 0.78)),
)


@dataclass(frozen=True)
class Fitted:
    """A file, how it was made, and what was done to make it fit."""

    content: bytes
    look: Look
    words: str


def _narrower(look: Look, share: float) -> Look:
    return replace(look, scale=max(0.25, round(look.scale * share, 3)))


def sized(look: Look, budget: Budget) -> Look:
    """The look with the width, the scale and the size on paper that the budget asks for."""
    return replace(look, width=budget.width or look.width, scale=budget.scale or look.scale, dpi=budget.dpi or look.dpi)


def fitted(scene: Scene, format: str, look: Look, budget: Budget, progress: Progress = untold) -> Fitted:
    """The file, made smaller step by step until it fits.

    Args:
        scene: what is shown.
        format: a key of FORMATS.
        look: as wished.
        budget: what it must fit.
        progress: told of every attempt's frames.

    Raises:
        ValueError: nothing that may be tried makes it fit.
    """
    look = sized(look, budget)
    if budget.height and scene.sheet_height != budget.height:
        scene = replace(scene, sheet_height=budget.height)
    write = FORMATS[format].write
    content = first = write(Job(scene, look, progress))
    done: list[str] = []
    animated, palette = FORMATS[format].animated, format in ("gif", "apng")
    for words, smaller in STEPS:
        if not budget.most_bytes or len(content) <= budget.most_bytes:
            break
        changed = smaller(look)
        if changed == look or ("angle" in words and not animated) or ("colours" in words and not palette):
            continue
        if "angle" in words and scene.frames // changed.every < 12:
            continue
        look = changed
        content = write(Job(scene, look, progress))
        done.append(words)
    if budget.most_bytes and len(content) > budget.most_bytes:
        least, most = _mb(len(content)), _mb(budget.most_bytes)
        raise ValueError(f"{budget.title}: must be at most {most}, got {least} at the least")
    words = f"{FORMATS[format].title}, {_mb(len(content))}"
    if done:
        words += f": {', '.join(done)}. As wished it was {_mb(len(first))}"
    return Fitted(content, look, words + ".")


def _mb(size: int) -> str:
    return f"{size / MEGABYTE:.2f} MB" if size >= 100_000 else f"{size / 1000:.0f} kB"
