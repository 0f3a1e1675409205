"""How a recipe is drawn and played: size, theme, rate, easing, the part of the turn, and where it rests.

It is the half of a recipe that changes nothing that was measured. A file carries it, so that the same file is made
again without a flag.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from e2viz.render.palette import THEMES

Number = float | int

# Relative time in [0, 1) -> place in the turn in [0, 1). The measurement is never eased, only the playing of it.
EASINGS: dict[str, Callable[[float], float]] = {
    "linear": lambda time: time,
    "smooth": lambda time: (1 - math.cos(math.pi * time)) / 2,
    "quarters": lambda time: (math.floor(4 * time) + min(1.0, 1.6 * (4 * time % 1))) / 4,
}
LOOPS = ("loop", "back", "once")

# What one person may ask a shared machine to draw; a 4K slide of the widest sheet stays below.
MIN_WIDTH, MAX_WIDTH = 240, 4000
MAX_PIXELS = 24_000_000
MAX_FRAMES = 2_000
# Frames times pixels: 72 frames of 16:9 at 4K is 0.6 thousand million.
MAX_WORK = 2_000_000_000


def checked_number(what: str, value: object, low: Number, high: Number) -> Number:
    """The value if it is a number between the limits.

    Raises:
        ValueError: anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{what} must be a number from {low:g} to {high:g}, got {str(value)[:40]}")
    return value


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a scene becomes a file.

    Args:
        width: of the sheet in logical pixels; the height follows.
        scale: pixels for each logical pixel.
        theme: "light", "dark" or "transparent".
        fps: angles a second, before easing and holds.
        easing: a key of EASINGS.
        loop: begin again, play there and back, or stop at the end.
        hold_s: how long each quarter turn rests, beyond its frame.
        start_deg: first angle shown.
        end_deg: the turn ends before this angle.
        every: only each n-th angle is shown, for as long as the ones left out.
        angle_deg: of a still.
        colors: of the colour table of a GIF or an APNG, at most 256.
        dpi: pixels for each inch of paper, which a still says; 0 leaves it to the reader, as screens do.

    Raises:
        ValueError: a value that cannot be drawn.
    """

    width: int = 900
    scale: Number = 1.0
    theme: str = "light"
    fps: Number = 20
    easing: str = "linear"
    loop: str = "loop"
    hold_s: Number = 0.0
    start_deg: Number = 0.0
    end_deg: Number = 360.0
    every: int = 1
    angle_deg: Number = 0.0
    colors: int = 256
    dpi: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.width, int) or isinstance(self.width, bool):
            raise ValueError(f"width must be a whole number of pixels, got {str(self.width)[:40]}")
        checked_number("width", self.width, MIN_WIDTH, MAX_WIDTH)
        checked_number("scale", self.scale, 0.25, 8)
        checked_number("fps", self.fps, 0.05, 60)
        checked_number("hold_s", self.hold_s, 0, 10)
        for name in ("start_deg", "end_deg", "angle_deg"):
            checked_number(name, getattr(self, name), -3600, 3600)
        if not isinstance(self.every, int) or isinstance(self.every, bool) or not 1 <= self.every <= 36:
            raise ValueError(f"every must be a whole number from 1 to 36, got {str(self.every)[:40]}")
        if not isinstance(self.colors, int) or isinstance(self.colors, bool) or not 32 <= self.colors <= 256:
            raise ValueError(f"colors must be a whole number from 32 to 256, got {str(self.colors)[:40]}")
        if not isinstance(self.dpi, int) or isinstance(self.dpi, bool) or self.dpi and not 30 <= self.dpi <= 2400:
            raise ValueError(f"dpi must be 0 or a whole number from 30 to 2400, got {str(self.dpi)[:40]}")
        for name, valid in (("theme", tuple(THEMES)), ("easing", tuple(EASINGS)), ("loop", LOOPS)):
            value = getattr(self, name)
            if value not in valid:
                raise ValueError(f"{name} must be one of {', '.join(valid)}, got {str(value)[:40]!r}")

    @property
    def drawing(self) -> dict[str, Any]:
        """What `draw` takes."""
        return {"width": self.width, "theme": self.theme, "scale": self.scale}

    @property
    def css_per_px(self) -> float:
        """CSS pixels, of which 96 make an inch, for each pixel of a still."""
        return 96 / self.dpi if self.dpi else 1.0

    def to_dict(self) -> dict[str, Number | str]:
        """The fields that are not as usual."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        usual = {each.name: each.default for each in fields(self)}
        return {name: value for name, value in values.items() if value != usual[name]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Look":
        """Inverse of `to_dict`.

        Raises:
            ValueError: a field that is unknown or invalid.
        """
        known = [each.name for each in fields(cls)]
        for name in values:
            if name not in known:
                raise ValueError(f"a look has {', '.join(known)}, got {str(name)[:40]!r}")
        return cls(**values)

    def to_text(self) -> str:
        """As it stands in a link: "fps:25,theme:dark"."""
        return ",".join(f"{name}:{value}" for name, value in self.to_dict().items())

    @classmethod
    def from_text(cls, text: str) -> "Look":
        """Inverse of `to_text`.

        Raises:
            ValueError: text that is no look.
        """
        pairs = [pair.partition(":")[::2] for pair in text.split(",") if pair]
        return cls.from_dict({name: _value(value) for name, value in pairs})


def _value(text: str) -> Number | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
