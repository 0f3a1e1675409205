"""The pixels of a decoded picture, a few rows at a time: a large picture is never held in floats as a whole."""

from dataclasses import dataclass

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, Shaped
from PIL import Image
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

KEPT_LONGEST = 1024
LUMINANCE_LONGEST = 768
LUMINANCE = torch.tensor([0.299, 0.587, 0.114])
# Rows that are looked at together when only their grey or their transparency is asked for.
PIECE_PIXELS = 1_000_000


@dataclass(frozen=True)
class Layers:
    """Pixels of 8 bits in a Pillow image, or an array of floats or bytes.

    Args:
        source: an upright image that is loaded, or an array [height width channel] of uint8 or of floats in [0, 1].
        top: what greys of more than 8 bits are divided by; 0 for pictures of 8 bits.
    """

    source: Image.Image | Shaped[np.ndarray, "height width channel"]
    top: float = 0.0

    @property
    def height(self) -> int:
        return self.source.shape[0] if isinstance(self.source, np.ndarray) else self.source.height

    @property
    def width(self) -> int:
        return self.source.shape[1] if isinstance(self.source, np.ndarray) else self.source.width

    @property
    def may_be_transparent(self) -> bool:
        if isinstance(self.source, np.ndarray):
            return self.source.shape[2] == 4
        return not self.top and self.source.has_transparency_data

    def rows(self, first: int, end: int) -> tuple[Float[np.ndarray, "row width 3"], Float[np.ndarray, "row width"]]:
        """Straight colours and opacity of those rows."""
        if isinstance(self.source, np.ndarray) or self.top:
            values = self._levels(first, end)
            colours = values[..., :3] if values.shape[2] >= 3 else np.repeat(values[..., :1], 3, axis=2)
            opaque = np.ones(colours.shape[:2], dtype=np.float32)
            return colours, values[..., 3] if values.shape[2] == 4 else opaque
        strip = self.source.crop((0, first, self.width, end))
        if not self.may_be_transparent:
            colours = _floats(strip.convert("RGB"))
            return colours, np.ones(colours.shape[:2], dtype=np.float32)
        layer = _floats(strip.convert("RGBA"))
        return layer[..., :3], layer[..., 3]

    def on_white(self, first: int, end: int) -> Float[np.ndarray, "row width 3"]:
        """Colours of those rows, with what is transparent laid on white."""
        if self.may_be_transparent and isinstance(self.source, Image.Image):
            layer = self.source.crop((0, first, self.width, end)).convert("RGBA")
            white = Image.new("RGBA", layer.size, "white")
            return _floats(Image.alpha_composite(white, layer).convert("RGB"))
        colours, alpha = self.rows(first, end)
        if not self.may_be_transparent:
            return colours
        return colours * alpha[..., None] + 1 - alpha[..., None]

    def is_grey(self) -> bool:
        """Whether the channels are equal everywhere, once laid on white."""
        pieces = (self.on_white(*piece) for piece in self._pieces())
        return all(bool((piece == piece[..., :1]).all()) for piece in pieces)

    def is_transparent(self) -> bool:
        """Whether anything is less than opaque."""
        return self.may_be_transparent and any(self.rows(*piece)[1].min() < 1 for piece in self._pieces())

    def luminance(self, grey: bool) -> Float[Tensor, "height_small width_small"]:
        """The picture in grey on white, reduced by averaging to at most 768 pixels: the same bits as in one piece.

        Args:
            grey: what `is_grey` says; the values are then kept exactly, which the weighted sum would round.
        """

        def weighed(first: int, end: int) -> Float[Tensor, "row width"]:
            colours = torch.from_numpy(np.ascontiguousarray(self.on_white(first, end)))
            return colours[..., 0].clone() if grey else colours @ LUMINANCE

        return self._reduced(lambda first, end: weighed(first, end)[None], LUMINANCE_LONGEST)[0]

    def kept(self, grey: bool) -> tuple[Float[Tensor, "channel height width"], Float[Tensor, "height width"] | None]:
        """Colours and opacity at the picture's own resolution, or reduced to 1024 pixels by averaging."""
        transparent = self.is_transparent()

        def channels(first: int, end: int) -> Float[Tensor, "channel row width"]:
            colours, alpha = self.rows(first, end)
            # What is transparent has no colour: it must not weigh in an average.
            colours = colours * alpha[..., None] if transparent and self._is_large else colours
            planes = rearrange(colours[..., :1] if grey else colours, "row width channel -> channel row width")
            return torch.from_numpy(np.concatenate([planes, alpha[None]]) if transparent else planes.copy())

        planes = self._reduced(channels, KEPT_LONGEST)
        if not transparent:
            return planes, None
        alpha = planes[-1].clone()
        values = (planes[:-1] / alpha.clamp(min=1e-6)).clamp(0, 1) if self._is_large else planes[:-1]
        return values.clone(), alpha

    @property
    def _is_large(self) -> bool:
        return max(self.height, self.width) > KEPT_LONGEST

    def _reduced(self, planes, longest: int) -> Float[Tensor, "channel height_small width_small"]:
        """`torch.nn.functional.interpolate(mode="area")` of all rows, computed a row of the result at a time."""
        factor = longest / max(self.height, self.width)
        if factor >= 1:
            return planes(0, self.height)
        height, width = (max(1, round(side * factor)) for side in (self.height, self.width))
        lines = []
        for row in range(height):
            first, end = row * self.height // height, -(-(row + 1) * self.height // height)
            lines.append(adaptive_avg_pool2d(planes(first, end)[None], (1, width))[0])
        return torch.cat(lines, dim=1)

    def _levels(self, first: int, end: int) -> Float[np.ndarray, "row width channel"]:
        if isinstance(self.source, np.ndarray):
            part = self.source[first:end]
            return part.astype(np.float32) / 255 if part.dtype == np.uint8 else part.astype(np.float32)
        values = np.asarray(self.source.crop((0, first, self.width, end)), dtype=np.float64)
        return (values / self.top).astype(np.float32)[..., None]

    def _pieces(self):
        step = max(1, PIECE_PIXELS // self.width)
        return ((first, min(first + step, self.height)) for first in range(0, self.height, step))


def compose(
    values: Float[Tensor, "channel height width"],
    alpha: Float[Tensor, "height width"] | None,
    background: Float[Tensor, "channel"] | Float[Tensor, ""],
) -> Float[Tensor, "channel height width"]:
    """Lay colours on a background: all background where they are transparent."""
    if alpha is None:
        return values
    return values * alpha + background.reshape(-1, 1, 1).to(values) * (1 - alpha)


def _floats(image: Image.Image) -> Float[np.ndarray, "row width channel"]:
    return np.asarray(image, dtype=np.float32) / 255
