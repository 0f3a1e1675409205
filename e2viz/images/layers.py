"""The pixels of a decoded picture, a few rows at a time: a large picture is never held in floats as a whole."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, Shaped
from PIL import Image
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

KEPT_LONGEST = 1024
LUMINANCE_LONGEST = 768
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

    @cached_property
    def is_transparent(self) -> bool:
        """Whether anything is less than opaque."""
        if isinstance(self.source, np.ndarray):
            opaque = 255 if self.source.dtype == np.uint8 else 1
            return self.source.shape[2] == 4 and bool(self.source[..., 3].min() < opaque)
        if self.top or not self.source.has_transparency_data:
            return False
        if self.source.mode in ("RGBA", "LA"):
            return _least_opaque(self.source) < 255
        strips = (self.source.crop((0, first, self.width, end)) for first, end in self._pieces())
        return any(_least_opaque(strip.convert("RGBA")) < 255 for strip in strips)

    def rows(self, first: int, end: int) -> tuple[Float[np.ndarray, "row width 3"], Float[np.ndarray, "row width"]]:
        """Straight colours and opacity of those rows."""
        if isinstance(self.source, np.ndarray) or self.top:
            values = self._levels(first, end)
            colours = values[..., :3] if values.shape[2] >= 3 else np.repeat(values[..., :1], 3, axis=2)
            opaque = np.ones(colours.shape[:2], dtype=np.float32)
            return colours, values[..., 3] if values.shape[2] == 4 else opaque
        strip = self.source.crop((0, first, self.width, end))
        if not self.is_transparent:
            colours = _floats(strip.convert("RGB"))
            return colours, np.ones(colours.shape[:2], dtype=np.float32)
        layer = _floats(strip.convert("RGBA"))
        return layer[..., :3], layer[..., 3]

    def on_white(self, first: int, end: int) -> Float[np.ndarray, "row width 3"]:
        """Colours of those rows, with what is transparent laid on white."""
        if self.is_transparent and isinstance(self.source, Image.Image):
            layer = self.source.crop((0, first, self.width, end)).convert("RGBA")
            white = Image.new("RGBA", layer.size, "white")
            return _floats(Image.alpha_composite(white, layer).convert("RGB"))
        colours, alpha = self.rows(first, end)
        if not self.is_transparent:
            return colours
        return colours * alpha[..., None] + 1 - alpha[..., None]

    def is_grey(self) -> bool:
        """Whether the channels are equal everywhere, once laid on white."""
        if isinstance(self.source, Image.Image) and (self.top or self.source.mode in ("1", "L")):
            return True
        pieces = (self.on_white(*piece) for piece in self._pieces())
        return all(bool((piece == piece[..., :1]).all()) for piece in pieces)

    def luminance(self, grey: bool) -> Float[Tensor, "height_small width_small"]:
        """The picture in grey on white, reduced by averaging to at most 768 pixels: the same bits as in one piece.

        Args:
            grey: what `is_grey` says; the values are then kept exactly, which the weighted sum would round.
        """

        def weighed(first: int, end: int) -> Float[Tensor, "row width"]:
            colours = torch.from_numpy(np.ascontiguousarray(self.on_white(first, end)))
            return colours[..., 0].clone() if grey else brightness(*colours.unbind(-1))

        return self._reduced(lambda first, end: weighed(first, end)[None], LUMINANCE_LONGEST)[0]

    def kept(self, grey: bool) -> tuple[Float[Tensor, "channel height width"], Float[Tensor, "height width"] | None]:
        """Colours and opacity at the picture's own resolution, or reduced to 1024 pixels by averaging."""
        if max(self.height, self.width) > KEPT_LONGEST:
            layers = Layers(self._small(KEPT_LONGEST))
            return layers.kept(grey)
        colours, alpha = self.rows(0, self.height)
        planes = rearrange(colours[..., :1] if grey else colours, "row width channel -> channel row width")
        opacity = torch.from_numpy(alpha.copy()) if self.is_transparent else None
        return torch.from_numpy(planes.copy()), opacity

    def _small(self, longest: int) -> Image.Image | Float[np.ndarray, "height width channel"]:
        """Reduced by averaging; what is transparent does not weigh."""
        height, width = self._reduced_size(longest)
        if isinstance(self.source, Image.Image) and not self.top:
            mode = "RGBA" if self.is_transparent else self.source.mode if self.source.mode == "L" else "RGB"
            return self.source.convert(mode).resize((width, height), Image.Resampling.BOX, reducing_gap=2.0)

        def planes(first: int, end: int) -> Float[Tensor, "channel row width"]:
            values = self._levels(first, end)
            if values.shape[2] == 4:
                values = np.concatenate([values[..., :3] * values[..., 3:], values[..., 3:]], axis=2)
            return rearrange(torch.from_numpy(values), "row width channel -> channel row width").contiguous()

        small = rearrange(self._reduced(planes, longest), "channel row width -> row width channel").numpy().copy()
        if small.shape[2] == 4:
            small[..., :3] = (small[..., :3] / small[..., 3:].clip(1e-6)).clip(0, 1)
        return small

    def _reduced_size(self, longest: int) -> tuple[int, int]:
        factor = min(1.0, longest / max(self.height, self.width))
        height, width = (max(1, round(side * factor)) for side in (self.height, self.width))
        return height, width

    def _reduced(
        self, planes: Callable[[int, int], Float[Tensor, "channel row width"]], longest: int
    ) -> Float[Tensor, "channel height_small width_small"]:
        """`torch.nn.functional.interpolate(mode="area")` of all rows, computed a row of the result at a time."""
        height, width = self._reduced_size(longest)
        if (height, width) == (self.height, self.width):
            return planes(0, self.height)
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

    def _pieces(self) -> Iterator[tuple[int, int]]:
        step = max(1, PIECE_PIXELS // self.width)
        return ((first, min(first + step, self.height)) for first in range(0, self.height, step))


def brightness(
    red: Float[Tensor, "*shape"], green: Float[Tensor, "*shape"], blue: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """How bright colours are (ITU-R BT.601), the same bits on every processor, as a matrix product is not."""
    return red * 0.299 + green * 0.587 + blue * 0.114


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


def _least_opaque(image: Image.Image) -> int:
    """The smallest opacity, 0 to 255, of a picture with that channel."""
    least = image.getchannel("A").getextrema()[0]
    assert isinstance(least, int)  # a tuple is given for pictures of several channels
    return least
