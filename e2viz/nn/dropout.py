"""Dropout on attention weights that is drawn again, not stored, in the backward pass."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from e2viz.nn.tiling import SCRATCH

LEVELS = 256
HALF_WORD = 16


@dataclass(frozen=True)
class Dropout:
    """Drops each weight with one chance, from eight random bits.

    The threshold of a tile is rounded up or down at random, so that the chance of each weight is the one asked
    for although a byte has 256 levels. The bits of a tile are a hash of words that are the same every time, under
    a key of its own: drawing them anew, one after the other, took an eighth of a training step.
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
        key, multiplier = torch.randint(-(1 << 31), 1 << 31, (2,), generator=generator).tolist()
        words = _hashed(_words(-(-like.numel() // 4)), key, multiplier | 1)
        kept = words.view(torch.uint8).ge_(int(self.chance * LEVELS + rounding))
        return SCRATCH.take("kept", like.shape, like).copy_(kept[: like.numel()].view(like.shape))


def _hashed(words: Tensor, key: int, odd: int) -> Tensor:
    """Each word under a key: any word becomes any other, and each of its bytes depends on 24 bits or more."""
    hashed, high = (SCRATCH.take(name, words.shape, words) for name in ("hashed", "high"))
    torch.bitwise_xor(words, key, out=hashed).mul_(odd)
    torch.bitwise_right_shift(hashed, HALF_WORD, out=high).bitwise_and_((1 << HALF_WORD) - 1)
    return hashed.bitwise_xor_(high)


@lru_cache(maxsize=16)
def _words(count: int) -> Tensor:
    """Random words of 32 bits, the same every time."""
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode(False):
        return torch.empty(count, dtype=torch.int32).random_(-(1 << 31), None, generator=generator)
