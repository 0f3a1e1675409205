"""Dropout on attention weights that is drawn again, not stored, in the backward pass."""

from dataclasses import dataclass

import torch
from torch import Tensor

from e2viz.nn.tiling import Task

LEVELS = 1 << 16


@dataclass(frozen=True)
class Dropout:
    """Keeps each weight with the same chance, from sixteen random bits.

    A chance is therefore a multiple of 1 / 65536; kept weights are divided by the chance that is really used.
    """

    dropped_levels: int
    seed: int

    @classmethod
    def drawn(cls, dropout_p: float) -> "Dropout":
        """A new pattern from torch's own random state, so that `torch.manual_seed` fixes it."""
        seed = int(torch.randint(1 << 62, (), dtype=torch.int64))
        return cls(round(dropout_p * LEVELS), seed)

    @property
    def factor(self) -> float:
        """What kept weights are multiplied by."""
        return LEVELS / (LEVELS - self.dropped_levels)

    def kept(self, like: Tensor, task: Task, run: slice, element: int) -> Tensor:
        """1 where a weight is kept and 0 where not, for one query element of one tile; the same every time."""
        generator = torch.Generator().manual_seed(hash((self.seed, task.number, run.start, element)))
        words = torch.empty(-(-like.numel() // 4), dtype=torch.int64)
        words.random_(-(1 << 63), None, generator=generator)
        bits = words.view(torch.int16).ge_(self.dropped_levels - LEVELS // 2)
        return bits[: like.numel()].view(like.shape).to(like.dtype)
