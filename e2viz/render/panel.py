"""One small picture on screen, for every frame, and the rows in which such pictures stand.

Values are 8-bit with a colour table and limits fixed over the whole sweep: frames can be compared.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

Array = np.ndarray
# A row with this label is shown small, beside the picture.
ASIDE_LABEL = "what the model sees"
Number = float | int


def quantise(values: Float[Array, "*shape"], low: Number, high: Number) -> UInt8[Array, "*shape"]:
    """Map [low, high] linearly onto 0..255, rounded to the nearest step and clipped outside.

    Args:
        values: finite measurements, in the unit that `low` and `high` are in.
        low: value shown with the first colour.
        high: value shown with the last colour, greater than `low`.

    Returns:
        Steps of the colour table; `low + step / 255 * (high - low)` is within half a step of the value.

    Raises:
        ValueError: limits that are not finite and increasing, or values that are not finite.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"limits must be finite and low < high, got {low} and {high}")
    if not np.isfinite(values).all():
        raise ValueError(f"values must be finite, got {int((~np.isfinite(values)).sum())} that are not")
    scaled = (np.asarray(values, dtype=np.float32) - low) * (255.0 / (high - low))
    return np.rint(np.clip(scaled, 0.0, 255.0)).astype(np.uint8)


def picture_pixels(
    picture: Float[Array, "frame channel height width"],
) -> UInt8[Array, "frame height width"] | UInt8[Array, "frame height width 3"]:
    """The pixels of a picture in [0, 1]: grey where it has one channel or three equal ones, else RGB.

    Raises:
        ValueError: a number of channels that is neither 1 nor 3.
    """
    if picture.shape[1] not in (1, 3):
        raise ValueError(f"a picture must have 1 or 3 channels, got {picture.shape[1]}")
    steps = quantise(picture, 0.0, 1.0)
    if steps.shape[1] == 1 or (steps == steps[:, :1]).all():
        return np.ascontiguousarray(steps[:, 0])
    return np.ascontiguousarray(np.moveaxis(steps, 1, -1))


def _check_track(name: str, track: Array | None, frames: int, columns: int) -> None:
    if track is not None and (track.ndim != 2 or track.shape[1] != columns or track.shape[0] not in (1, frames)):
        raise ValueError(f"{name} must be [frame {columns}] with 1 or {frames} frames, got shape {track.shape}")


@dataclass(frozen=True, eq=False)
class Panel:
    """One small picture on screen, for every frame; one frame alone means that it never changes.

    Args:
        title: label above the pixels.
        values: uint8, [frame height width] for a palette panel or [frame height width 3] for RGB.
        palette: name of a colour table of palette.py; not used by an RGB panel.
        low: value that step 0 stands for.
        high: value that step 255 stands for.
        probe: dotted name of the probe it shows, set in mono; "" for none.
        caption: a fact below the pixels.
        color: the model's colour, or "".
        marker: [frame 2], row and column of a point, in pixels of the panel (0, 0 = centre of the first one).
        outline: [frame 4], row, column, height and width of a box, in pixels of the panel.
        under: uint8 [frame height width], or with 3 channels last, a picture that shows through the map; see
            `over_picture`.
    """

    title: str
    values: UInt8[Array, "frame height width"] | UInt8[Array, "frame height width 3"]
    palette: str = "grey"
    low: Number = 0.0
    high: Number = 1.0
    probe: str = ""
    caption: str = ""
    color: str = ""
    marker: Array | None = None
    outline: Array | None = None
    under: UInt8[Array, "frame height width"] | UInt8[Array, "frame height width 3"] | None = None

    def __post_init__(self) -> None:
        shape = self.values.shape
        if self.values.dtype != np.uint8:
            raise ValueError(f"panel values must be uint8, got {self.values.dtype}; see Panel.from_values")
        if len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] != 3) or 0 in shape:
            raise ValueError(f"panel values must be [frame height width] or [frame height width 3], got {shape}")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"panel limits must be finite and low < high, got {self.low} and {self.high}")
        for name, columns in (("marker", 2), ("outline", 4)):
            track = getattr(self, name)
            _check_track(name, track, len(track) if track is not None and self.frames == 1 else self.frames, columns)
        under = self.under
        if under is not None and (self.is_rgb or under.shape not in (shape, (*shape, 3)) or under.dtype != np.uint8):
            raise ValueError(f"a picture under a map must be uint8 {shape}, got {under.dtype} {under.shape}")

    @classmethod
    def from_values(
        cls,
        title: str,
        values: Float[Array, "frame height width"],
        palette: str = "viridis",
        *,
        low: Number | None = None,
        high: Number | None = None,
        symmetric: bool = False,
        **labels: Any,
    ) -> "Panel":
        """Quantise measurements once, with limits fixed over all frames.

        Args:
            title: label above the pixels.
            values: finite measurements.
            palette: name of a colour table.
            low: lower limit; the smallest value when None.
            high: upper limit; the largest value when None.
            symmetric: make the limits -m and m, so that zero is the middle of a diverging palette.
            labels: the remaining fields of Panel.
        """
        low = float(np.min(values)) if low is None else float(low)
        high = float(np.max(values)) if high is None else float(high)
        if symmetric:
            high = max(abs(low), abs(high))
            low = -high
        if low == high:
            low, high = low - 0.5, high + 0.5  # a constant map is shown in the middle of its palette
        return cls(title, quantise(values, low, high), palette, low, high, **labels)

    @classmethod
    def from_picture(cls, title: str, picture: Float[Array, "frame channel height width"], **labels: Any) -> "Panel":
        """A picture as it looks: grey as steps of the grey palette, in colour as RGB.

        Args:
            title: label above the pixels.
            picture: values in [0, 1] with one channel or three.
            labels: the remaining fields of Panel.
        """
        return cls(title, picture_pixels(picture), "grey", 0.0, 1.0, **labels)

    @property
    def frames(self) -> int:
        """Number of frames held: 1 when the panel never changes."""
        return self.values.shape[0]

    @property
    def is_rgb(self) -> bool:
        """True when the values are colours and not steps of a palette."""
        return self.values.ndim == 4

    @property
    def is_mixed(self) -> bool:
        """True when its colours are not those of its palette: RGB, or a picture shows through."""
        return self.is_rgb or self.under is not None

    def at(self, frame: int) -> UInt8[Array, "height width *rgb"]:
        """The pixels of one frame."""
        return self.values[frame if self.frames > 1 else 0]


@dataclass(frozen=True, eq=False)
class Row:
    """Panels that stand side by side under one label, usually one model's.

    With `halves` the second half of the panels belongs beside the first: on a narrow screen it begins a new line.
    `columns` panels stand on one line where there is room, six of them when it is 0. Without `scale` no colour bar says
    what the colours mean.
    """

    label: str
    panels: tuple[Panel, ...]
    color: str = ""
    halves: bool = False
    columns: int = 0
    scale: bool = True

    @property
    def aside(self) -> bool:
        """Shown small, beside the picture."""
        return self.label.strip().lower() == ASIDE_LABEL

    def __post_init__(self) -> None:
        if not self.panels:
            raise ValueError(f"a row must hold at least one panel, got none in {self.label!r}")
