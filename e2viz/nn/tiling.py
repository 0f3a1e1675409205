"""Tiles of an attention layer: a few heads of a few images and a run of pixels that stay in cache together.

A plane is kept as one flat row of pixels with a zero border between its rows, so that a step to the neighbour u
is a step of fixed length in memory: all windows together are one overlapping strided view, never a copy.
"""

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

NUMBERS_PER_TILE = 1200 * 1024
"""Scores of one query element in one tile: larger tiles leave the cache, smaller ones pay for more calls."""


class Scratch(threading.local):
    """Named buffers of one thread, used again for each tile: fresh memory of this size is paid for page by page."""

    def __init__(self) -> None:
        self._buffers: dict[tuple[str, torch.dtype, torch.device], Tensor] = {}
        self._views: dict[tuple[Any, ...], list[Tensor]] = {}

    def take(self, name: str, shape: Sequence[int], like: Tensor) -> Tensor:
        """An uninitialised tensor that is overwritten by the next take of the same name in this thread."""
        key, size = (name, like.dtype, like.device), math.prod(shape)
        buffer = self._buffers.get(key)
        if buffer is None or buffer.numel() < size:
            self._views.clear()  # they would keep the smaller buffer
            # Inference mode must not mark memory that training uses later.
            with torch.inference_mode(False):
                buffer = self._buffers[key] = torch.empty(size, dtype=like.dtype, device=like.device)
        return buffer[:size].view(shape)

    def views(self, key: tuple[Any, ...], make: Callable[[], list[Tensor]]) -> list[Tensor]:
        """What `make` gave for the key before, or gives now."""
        views = self._views.get(key)
        if views is None:
            if len(self._views) >= MOST_VIEWS:
                self._views.clear()
            with torch.inference_mode(False):
                views = self._views[key] = make()
        return views


SCRATCH = Scratch()
MOST_VIEWS = 2048
"""Lists of views that a thread remembers."""


def taken_once(make: Callable[..., list[Tensor]]) -> Callable[..., list[Tensor]]:
    """Take the views of each place in scratch memory once: a list of them costs more time than a small tile's sums.

    The same place means the same memory, since a remembered view keeps it. Memory from elsewhere would be kept too,
    so only scratch memory may be asked for.
    """

    @wraps(make)
    def remembered(tensor: Tensor, *how: Any) -> list[Tensor]:
        place = (make, tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype, tensor.device, *how)
        return SCRATCH.views(place, lambda: make(tensor, *how))

    return remembered


@dataclass(frozen=True)
class Plane:
    """The flat layout of a plane: `width + radius` numbers a row, the radius being a zero border."""

    height: int
    width: int
    window: int

    @property
    def radius(self) -> int:
        return self.window // 2

    @property
    def stride(self) -> int:
        return self.width + self.radius

    @property
    def pixels(self) -> int:
        return self.height * self.stride

    def flat_queries(self, maps: Float[Tensor, "... height width"], name: str) -> Float[Tensor, "... pixel"]:
        """The maps with a zero border at the end of each row, in scratch memory of this name."""
        flat = SCRATCH.take(name, (*maps.shape[:-2], self.pixels), maps).zero_()
        self.inner_queries(flat).copy_(maps)
        return flat

    def inner_queries(self, flat: Float[Tensor, "... pixel"]) -> Float[Tensor, "... height width"]:
        """The pixels of the plane, without the border."""
        return flat.unflatten(-1, (self.height, self.stride))[..., : self.width]

    def flat_keys(self, maps: Float[Tensor, "... height width"], name: str) -> Float[Tensor, "... padded"]:
        """The maps with a zero border on all sides, in scratch memory of this name.

        The right border of a row is the left one of the next.
        """
        flat = SCRATCH.take(name, (*maps.shape[:-2], self.pixels + 2 * self.radius * (self.stride + 1)), maps).zero_()
        self.inner_keys(flat).copy_(maps)
        return flat

    def inner_keys(self, flat: Float[Tensor, "... padded"]) -> Float[Tensor, "... height width"]:
        """The pixels of the plane, without the border."""
        start = self.radius * (self.stride + 1)
        return self.inner_queries(flat[..., start : start + self.pixels])

    def windows(self, flat: Float[Tensor, "*axes padded"], run: slice) -> Float[Tensor, "*axes window window pixel"]:
        """flat[..., x + u] for the offsets u of each pixel x of a run: an overlapping view."""
        return flat.as_strided(
            (*flat.shape[:-1], self.window, self.window, run.stop - run.start),
            (*flat.stride()[:-1], self.stride, 1, 1),
            flat.storage_offset() + run.start,
        )

    def shifted(self, flat: Float[Tensor, "*axes padded"], run: slice) -> list[Float[Tensor, "*axes pixel"]]:
        """flat[..., x + u] for each offset u: the same windows, one view for each offset."""
        return [view for row in self.windows(flat, run).unbind(-3) for view in row.unbind(-2)]


@lru_cache(maxsize=32)
def border(plane: Plane, dtype: torch.dtype, device: torch.device) -> Float[Tensor, "window window pixel"]:
    """0 where x + u lies in the plane and -inf outside: added to scores, it takes the offset out."""
    with torch.inference_mode(False), torch.no_grad():
        inside = plane.flat_keys(torch.ones(plane.height, plane.width, dtype=dtype, device=device), "inside")
        return plane.windows(inside, slice(0, plane.pixels)).log()


@dataclass(frozen=True)
class Tile:
    """Some heads of some images, as a slice of all (image, head) pairs, and a run of pixels."""

    number: int
    pairs: slice
    run: slice


def tiles(pairs: int, pixels: int, scores_per_pixel: int, least: int = 128) -> list[Tile]:
    """Every pair and pixel once, in tiles of about equal size and at most about `NUMBERS_PER_TILE` scores.

    Args:
        pairs: heads times images.
        pixels: of the flat plane.
        scores_per_pixel: of one query element.
        least: pixels of a tile, however many scores that makes; operations on shorter runs are slow.
    """
    in_tile = max(least, NUMBERS_PER_TILE // scores_per_pixel)
    corners = [(p, r) for p in _parts(pairs, max(1, in_tile // pixels)) for r in _parts(pixels, in_tile)]
    return [Tile(number, pair, run) for number, (pair, run) in enumerate(corners)]


def _parts(length: int, most: int) -> list[slice]:
    """0 .. length in as few parts of at most `most` as possible, as equal as possible."""
    size = -(-length // -(-length // most))
    return [slice(start, min(start + size, length)) for start in range(0, length, size)]
