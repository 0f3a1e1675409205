"""Tiles of an attention layer: a few (image, head) pairs and a run of pixels that stay in cache together.

A plane is kept as one flat row of pixels with a zero border between its rows, so that a step to the neighbour u
is a step of fixed length in memory: all windows together are one overlapping strided view, never a copy.
"""

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from os import getpid
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

Result = TypeVar("Result")

NUMBERS_PER_TILE = 400 * 1024
"""Scores of one query element in one tile: larger tiles leave the cache, smaller ones pay for more calls."""

PIXELS_PER_TILE = range(128, 2049)


class Scratch(threading.local):
    """Named buffers of one thread, used again for each tile: fresh memory of this size is paid for page by page."""

    def __init__(self) -> None:
        self._buffers: dict[tuple[str, torch.dtype, torch.device], Tensor] = {}

    def take(self, name: str, shape: Sequence[int], like: Tensor) -> Tensor:
        """An uninitialised tensor that is overwritten by the next take of the same name in this thread."""
        key, size = (name, like.dtype, like.device), math.prod(shape)
        buffer = self._buffers.get(key)
        if buffer is None or buffer.numel() < size:
            with torch.inference_mode(False):
                buffer = self._buffers[key] = torch.empty(size, dtype=like.dtype, device=like.device)
        return buffer[:size].view(shape)


SCRATCH = Scratch()


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

    def flat_queries(self, maps: Float[Tensor, "... height width"]) -> Float[Tensor, "... pixel"]:
        """The maps with a zero border at the end of each row."""
        flat = maps.new_zeros(*maps.shape[:-2], self.pixels)
        self.inner_queries(flat).copy_(maps)
        return flat

    def inner_queries(self, flat: Float[Tensor, "... pixel"]) -> Float[Tensor, "... height width"]:
        """The pixels of the plane, without the border."""
        return flat.unflatten(-1, (self.height, self.stride))[..., : self.width]

    def flat_keys(self, maps: Float[Tensor, "... height width"]) -> Float[Tensor, "... padded"]:
        """The maps with a zero border on all sides; the right border of a row is the left one of the next."""
        flat = maps.new_zeros(*maps.shape[:-2], self.pixels + 2 * self.radius * (self.stride + 1))
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
        pixels = run.stop - run.start
        return [
            flat.narrow(-1, run.start + row * self.stride + column, pixels)
            for row in range(self.window)
            for column in range(self.window)
        ]

    def border(self, like: Tensor) -> Float[Tensor, "window window pixel"]:
        """0 where x + u lies in the plane and -inf outside: added to scores, it takes the offset out."""
        inside = self.flat_keys(like.new_ones(self.height, self.width))
        return self.windows(inside, slice(0, self.pixels)).log()


@dataclass(frozen=True)
class Task:
    """The images and heads that one worker takes together; its pixel runs are worked through in turn."""

    number: int
    images: slice
    heads: slice
    runs: tuple[slice, ...]

    def of(self, maps: Tensor) -> Tensor:
        """This task's part of [batch depth head element ...], as [image head element depth ...]."""
        return maps[self.images, :, self.heads].permute(0, 2, 3, 1, 4, 5)


def tasks(batch: int, heads: int, plane: Plane, scores_per_pixel: int) -> list[Task]:
    """Every image and head once; tiles of about `NUMBERS_PER_TILE` scores, but not all pairs in one task."""
    pixels = NUMBERS_PER_TILE // scores_per_pixel
    pixels = min(max(pixels, PIXELS_PER_TILE.start), PIXELS_PER_TILE.stop - 1)
    length = -(-plane.pixels // -(-plane.pixels // pixels))
    runs = tuple(slice(at, min(at + length, plane.pixels)) for at in range(0, plane.pixels, length))
    pairs = max(1, min(pixels // plane.pixels, -(-batch * heads // 2)))
    images_at_once = max(1, pairs // heads)
    heads_at_once = -(-heads // -(-heads // min(heads, pairs)))
    corners = [(b, h) for b in range(0, batch, images_at_once) for h in range(0, heads, heads_at_once)]
    return [
        Task(number, slice(b, min(b + images_at_once, batch)), slice(h, min(h + heads_at_once, heads)), runs)
        for number, (b, h) in enumerate(corners)
    ]


def run_all(work: Callable[[Task], Result], todo: Sequence[Task]) -> Iterator[Result]:
    """work(task) for every task, in order, on as many threads as torch uses.

    One thread works on one tile, because a tile is too small to be shared: two threads that meet after each
    operation on it lose more than they gain, and much more when the machine is busy.
    """
    workers = min(torch.get_num_threads(), len(todo))
    if workers <= 1:
        yield from map(work, todo)
        return
    inference = torch.is_inference_mode_enabled()

    def work_as_called(task: Task) -> Result:
        with torch.inference_mode(inference), torch.no_grad():
            return work(task)

    yield from _pool(getpid(), workers).map(work_as_called, todo)


@lru_cache(maxsize=4)
def _pool(process: int, workers: int) -> ThreadPoolExecutor:
    """Threads that run torch operations alone; the process is a key because threads do not survive a fork."""
    before = torch.get_num_threads()
    ready = threading.Barrier(workers + 1)

    def work_alone() -> None:
        torch.set_num_threads(1)
        ready.wait()

    pool = ThreadPoolExecutor(workers, "attention", initializer=work_alone)
    for _ in range(workers):
        pool.submit(int)
    ready.wait()
    torch.set_num_threads(before)
    return pool
