"""Dropout on attention weights that is drawn again, not stored, in the backward pass."""

from dataclasses import dataclass

import torch
from torch import Tensor

from e2viz.nn.tiling import SCRATCH

LEVELS = 256


@dataclass(frozen=True)
class Dropout:
    """Drops each weight with one chance, from eight random bits.

    The threshold of a tile is rounded up or down at random, so that the chance of each weight is the one asked
    for although a byte has 256 levels.
    """

    chance: float
    seed: int

    @classmethod
    def drawn(cls, dropout_p: float) -> "Dropout | None":
        """A new pattern from torch's own random state, so that `torch.manual_seed` fixes it; None for no dropout."""
        if dropout_p == 0.0:
            return None
        return cls(dropout_p, int(torch.randint(1 << 62, (), dtype=torch.int64)))

    @property
    def factor(self) -> float:
        """What kept weights are multiplied by."""
        return 1.0 / (1.0 - self.chance)

    def kept(self, like: Tensor, image: int, tile: int, element: int) -> Tensor:
        """1 where a weight is kept and 0 where not, for a query element of a tile of the images from `image` on.

        It is the same every time that it is asked for.
        """
        generator = torch.Generator().manual_seed(hash((self.seed, image, tile, element)))
        rounding = float(torch.rand((), generator=generator))
        words = SCRATCH.take("random", (-(-like.numel() // 8),), torch.empty(0, dtype=torch.int64))
        words.random_(-(1 << 63), None, generator=generator)
        kept = words.view(torch.uint8).ge_(int(self.chance * LEVELS + rounding))
        return SCRATCH.take("kept", like.shape, like).copy_(kept[: like.numel()].view(like.shape))
