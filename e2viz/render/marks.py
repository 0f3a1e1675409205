"""Marks: the few shapes that a scene is drawn with, in logical pixels. Raster and vector output share them.

A mark's colour is "#rrggbb" or the name of a theme's colour: "text", "muted", "rule", "track", "background".
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from PIL import ImageFont

from e2viz import places
from e2viz.render.scene import Number, Panel

FONT_FILES = {
    "regular": "FiraSans-Regular.ttf",
    "medium": "FiraSans-Medium.ttf",
    "semibold": "FiraSans-SemiBold.ttf",
    "mono": "FiraMono-Regular.ttf",
}

TITLE_SIZE, LABEL_SIZE, SMALL_SIZE = 22, 15, 12


@lru_cache(maxsize=64)
def font(weight: str, size_px: Number) -> ImageFont.FreeTypeFont:
    """A shipped font. The basic layout gives the same pixels on every machine, with or without Raqm."""
    path = places.FONTS / FONT_FILES[weight]
    return ImageFont.truetype(str(path), size_px, layout_engine=ImageFont.Layout.BASIC)


def text_width(text: str, size: int, weight: str = "regular") -> float:
    """Width in logical pixels, measured large so that it does not depend on the scale."""
    return font(weight, size * 8).getlength(text) / 8


def shorten(text: str, size: int, weight: str, width: Number, *, at_end: bool = True) -> str:
    """The text, or as much of its start (of its end, unless `at_end`) as fits, with an ellipsis."""
    if text_width(text, size, weight) <= width:
        return text
    while text and text_width(text + "…", size, weight) > width:
        text = text[:-1] if at_end else text[1:]
    if not text:
        return ""
    return text.rstrip() + "…" if at_end else "…" + text


def wrap(text: str, size: int, weight: str, width: Number) -> list[str]:
    """Lines that fit the width, broken between words."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, weight) <= width:
            lines[-1] = longer
        else:
            lines.append(shorten(word, size, weight, width))
    return lines


@dataclass(frozen=True)
class Text:
    """One line of text; `anchor` is "l", "m" or "r" of its baseline at x, y."""

    x: Number
    y: Number
    text: str
    size: int = LABEL_SIZE
    color: str = "text"
    weight: str = "regular"
    anchor: str = "l"


@dataclass(frozen=True)
class Box:
    """A filled rectangle."""

    x: Number
    y: Number
    width: Number
    height: Number
    color: str


@dataclass(frozen=True, eq=False)
class Line:
    """A polyline [point 2] of x, y, round at its joints."""

    points: np.ndarray
    color: str
    thickness: Number = 1.0
    dash: Number = 0.0


@dataclass(frozen=True)
class Dot:
    """A disc with an optional edge in a second colour."""

    x: Number
    y: Number
    radius: Number
    color: str
    edge: str = ""
    edge_thickness: Number = 0.0


@dataclass(frozen=True, eq=False)
class Arcs:
    """Segments of one stability ring, centred at x, y.

    `angles_deg` are counter-clockwise from 12 o'clock; `alpha` is each segment's opacity. `line` is the model's
    colour, drawn as a hairline along the inner edge.
    """

    x: Number
    y: Number
    inner: Number
    outer: Number
    angles_deg: np.ndarray
    colors: tuple[str, ...]
    alpha: np.ndarray
    line: str


@dataclass(frozen=True, eq=False)
class Pixels:
    """One frame of a panel in a rectangle; `round_` cuts it to a disc, `smooth` interpolates."""

    x: Number
    y: Number
    width: Number
    height: Number
    panel: Panel
    frame: int
    round_: bool = False
    smooth: bool = False


@dataclass(frozen=True, eq=False)
class ColorBar:
    """A colour table from its first to its last step, left to right."""

    x: Number
    y: Number
    width: Number
    height: Number
    palette: str


Mark = Text | Box | Line | Dot | Arcs | Pixels | ColorBar


@dataclass
class Sheet:
    """A laid-out scene: what stays, and what each frame draws over it."""

    width: int
    height: int = 0
    still: list[Mark] = field(default_factory=list)
    moving: list[Callable[[int], Iterable[Mark]]] = field(default_factory=list)

    def marks(self, frame: int) -> list[Mark]:
        """Only what this frame adds to the still marks."""
        return [mark for draw in self.moving for mark in draw(frame)]
