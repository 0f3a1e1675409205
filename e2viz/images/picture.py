"""A picture as somebody brought it, with a record of what was done to it."""

import hashlib
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor


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


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """A square picture in [0, 1] at the best resolution available.

    `background` is the value that fills what lies outside; `steps` says in words what was done, `history`
    holds the same steps with their images, for showing.
    """

    values: Float[Tensor, "channel size size"] = field(repr=False)
    background: float = 0.0
    steps: tuple[str, ...] = ()
    label: int | None = None
    name: str = "picture"
    history: tuple[Step, ...] = field(default=(), repr=False)

    @property
    def checksum(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of shape, values and background."""
        digest = hashlib.sha256(repr((tuple(self.values.shape), self.background)).encode())
        digest.update(self.values.detach().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]
