"""A picture as somebody brought it, or prepared for a model, with a record of what was done to it."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

Background = float | int | tuple[float, ...]


class PictureError(Exception):
    """A picture cannot be used; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the preparation: what it did, and the picture before and after it.

    `taken` is False for a step that was switched off or had nothing to do; `why` then says which.
    """

    name: str
    taken: bool
    why: str
    before: UInt8[np.ndarray, "height_before width_before *channel_before"] = field(repr=False)
    after: UInt8[np.ndarray, "height width *channel"] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Cut:
    """The square that is cut out of a picture, in shares of it; it is moved to lie inside.

    Args:
        x, y: its centre, in shares of the width and of the height, from the upper left.
        side: in shares of the shorter side; 1 is the largest square.

    Raises:
        ValueError: a share outside [0, 1], or a side of 0.
    """

    x: float | int = 0.5
    y: float | int = 0.5
    side: float | int = 1.0

    def __post_init__(self) -> None:
        if not (0 <= self.x <= 1 and 0 <= self.y <= 1 and 0 < self.side <= 1):
            raise ValueError(f"a cut is given in shares from 0 to 1, got {self.x}, {self.y}, {self.side}")

    def pixels(self, height: int, width: int) -> tuple[int, int, int]:
        """Top, left and side in whole pixels, at least one, inside a picture of that height and width."""
        shorter = min(height, width)
        side = min(shorter, max(1, round(self.side * shorter)))
        top = min(max(0, round(self.y * height - side / 2)), height - side)
        left = min(max(0, round(self.x * width - side / 2)), width - side)
        return top, left, side


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle in a picture, in shares of its width and height, from the upper left."""

    left: float
    top: float
    right: float
    bottom: float

    def holds(self, x: float, y: float) -> bool:
        """Whether a point lies in it."""
        return self.left <= x <= self.right and self.top <= y <= self.bottom

    def distance(self, x: float, y: float) -> float:
        """From a point to the box, and within it a little for the distance to its middle."""
        across = max(self.left - x, x - self.right, 0.0)
        down = max(self.top - y, y - self.bottom, 0.0)
        middle = abs(x - (self.left + self.right) / 2) + abs(y - (self.top + self.bottom) / 2)
        return across + down + 1e-3 * middle

    def encloses(self, other: "Box") -> bool:
        """Whether the other one lies inside, and this one is larger by half in both directions."""
        inside = self.holds(other.left, other.top) and self.holds(other.right, other.bottom)
        wider = self.right - self.left >= 1.5 * (other.right - other.left)
        return inside and wider and self.bottom - self.top >= 1.5 * (other.bottom - other.top)


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """How the person wants the picture prepared; the defaults ask for nothing.

    Args:
        cut: the square that is cut out ("crop").
        off: steps of the preparation that are switched off ("digit").
        drawing: a point on the drawing that is meant, where there are several, in shares ("digit").
    """

    cut: Cut = Cut()
    off: frozenset[str] = frozenset()
    drawing: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """A picture in [0, 1] at the best resolution available: as it was brought, or square and ready to be turned.

    Args:
        values: grey or red, green, blue; where `alpha` is 0 they mean nothing.
        background: what lies outside, one number or one per channel.
        steps: in words, what was done; `history` holds the same steps with their images, for showing.
        label: place of its true class, if known.
        data: name of the data set whose classes `label` counts; "" where that is not said.
        name: shown on screen.
        preparation: what it went through: "none" for a picture as it was brought; otherwise it is square and ready,
            by the preparation of that name, or "any", which every model takes as it is.
        alpha: opacity, where some of the picture is transparent.
        luminance: the whole picture in grey, laid on white, reduced from its full resolution; what "digit" reads.
        wishes: how the person wants it prepared.
        drawings: the drawings that were found, the one that was taken first ("digit").
        original: the picture that this one was prepared from.
        ready: the same picture, prepared already: what a recipe carries beside this one.
    """

    values: Float[Tensor, "channel height width"] = field(repr=False)
    background: Background = 0.0
    steps: tuple[str, ...] = ()
    label: int | None = None
    data: str = ""
    name: str = "picture"
    history: tuple[Step, ...] = field(default=(), repr=False)
    preparation: str = "any"
    alpha: Float[Tensor, "height width"] | None = field(default=None, repr=False)
    luminance: Float[Tensor, "height_small width_small"] | None = field(default=None, repr=False)
    wishes: Wishes = Wishes()
    drawings: tuple[Box, ...] = ()
    original: "Picture | None" = field(default=None, repr=False)
    ready: tuple["Picture", ...] = field(default=(), repr=False)
    # What `prepare` made of it: asked for at every run of a page, by every model, and gone with the picture.
    _prepared: dict[tuple, "Picture"] = field(default_factory=dict, init=False, repr=False)

    @property
    def channels(self) -> int:
        """1 for grey, 3 for colour."""
        return len(self.values)

    @cached_property
    def checksum(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of all that decides what models see."""
        digest = hashlib.sha256(repr((tuple(self.values.shape), self.background)).encode())
        digest.update(self.values.detach().contiguous().numpy().tobytes())
        for plane in (self.alpha, self.luminance):
            if plane is not None:
                digest.update(plane.detach().contiguous().numpy().tobytes())
        if self.preparation == "none":
            digest.update(repr((self.wishes.cut, sorted(self.wishes.off), self.wishes.drawing)).encode())
        for each in self.ready:
            digest.update((each.preparation + each.checksum).encode())
        return digest.hexdigest()[:16]
