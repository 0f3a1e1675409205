"""Attention weights of one tile: factorised where that is exact, a joint softmax where it would underflow.

exp(content + plane + group) = exp(content) * exp(plane) * exp(group), and each factor lives on fewer axes than
their sum: |G|^2 p^2 + |G|^2 p^2 + |G|^3 exponentials a pixel instead of |G|^3 p^2. Each factor is divided by its
own maximum. The product of the three maxima need not be the maximum of the product, so the denominator may
still underflow; then the tile takes the softmax of the summed scores.
"""

import threading
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from e2viz.nn.windows import correlate


@dataclass
class TileCount:
    """How many tiles were factorised and how many fell back to the joint softmax; a test reads it."""

    factorised: int = 0
    joint: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, *, joint: bool) -> None:
        with self._lock:
            self.joint += joint
            self.factorised += not joint


COUNT = TileCount()


@dataclass(frozen=True)
class Scores:
    """The three parts of the scores of a tile, as logarithms to base two.

    content is over (query element, key element, window, pixel); plane over (query, output, window, pixel);
    group over (query, output, key, pixel).
    """

    content: Float[Tensor, "pair query key window window pixel"]
    plane: Float[Tensor, "pair query output window window pixel"]
    group: Float[Tensor, "pair query output key pixel"]

    @classmethod
    def of(
        cls,
        queries: Float[Tensor, "pair depth query pixel"],
        windows: Float[Tensor, "pair depth key window window pixel"],
        border: Float[Tensor, "window window pixel"],
        plane_encoding: Float[Tensor, "output depth_plane window window"],
        group_encoding: Float[Tensor, "query output key depth_group"],
    ) -> "Scores":
        """Scores of the queries, which already carry the scale and log2(e)."""
        depth_plane = plane_encoding.shape[1]
        by_element = queries.transpose(1, 2)
        plane = plane_encoding.flatten(2).transpose(1, 2).flatten(0, 1) @ by_element[:, :, :depth_plane]
        group = group_encoding.flatten(1, 2) @ by_element[:, :, depth_plane:]
        outputs, window = plane_encoding.shape[0], plane_encoding.shape[-1]
        return cls(
            correlate(queries, windows, border),
            plane.unflatten(2, (outputs, window, window)),
            group.unflatten(2, (outputs, -1)),
        )


class FactorisedWeights:
    """Weights as products of factors; `valid` says whether their denominators are far from underflow."""

    def __init__(self, scores: Scores) -> None:
        """Take the scores over: their memory is reused."""
        self._content = _exp2_(scores.content.flatten(3, 4), (2, 3))
        self._plane = _exp2_(scores.plane.flatten(3, 4), (3,))
        group = _exp2_(scores.group, (3,))
        denominator = (self._over_offsets() * group).sum(3, keepdim=True)
        tiny = torch.finfo(denominator.dtype).tiny
        self.valid = bool(denominator.amin() >= tiny**0.65)
        self._group = group.div_(denominator)

    def _over_offsets(self) -> Float[Tensor, "pair query output key pixel"]:
        """Sum over the offsets of content * plane."""
        content = self._content[:, :, None].unbind(4)
        plane = self._plane[:, :, :, None].unbind(4)
        total = content[0] * plane[0]
        for left, right in zip(content[1:], plane[1:], strict=True):
            total.addcmul_(left, right)
        return total

    def of_query(self, element: int, out: Float[Tensor, "pair output key offset pixel"]) -> None:
        """The softmax weights of one query element."""
        self._group_times_plane(element, out)
        out.mul_(self._content[:, element, None])

    def add_to(
        self, total: Float[Tensor, "pair output key offset pixel"], element: int, buffer: Tensor
    ) -> None:
        """Add the softmax weights of one query element to a sum."""
        self._group_times_plane(element, buffer)
        total.addcmul_(buffer, self._content[:, element, None])

    def _group_times_plane(self, element: int, out: Tensor) -> None:
        torch.mul(self._group[:, element, :, :, None], self._plane[:, element, :, None], out=out)


class JointWeights:
    """Weights as the softmax of the summed scores: always right, with |G| p^2 times as many exponentials."""

    def __init__(self, scores: Scores) -> None:
        self._content = scores.content.flatten(3, 4)
        self._plane = scores.plane.flatten(3, 4)
        self._group = scores.group

    def of_query(self, element: int, out: Float[Tensor, "pair output key offset pixel"]) -> None:
        """The softmax weights of one query element."""
        torch.add(self._content[:, element, None], self._plane[:, element, :, None], out=out)
        out.add_(self._group[:, element, :, :, None])
        _exp2_(out, (2, 3))
        out.div_(out.sum((2, 3), keepdim=True))

    def add_to(
        self, total: Float[Tensor, "pair output key offset pixel"], element: int, buffer: Tensor
    ) -> None:
        """Add the softmax weights of one query element to a sum."""
        self.of_query(element, buffer)
        total.add_(buffer)


def tile_weights(*parts: Tensor) -> FactorisedWeights | JointWeights:
    """The weights of a tile from the arguments of `Scores.of`."""
    weights = FactorisedWeights(Scores.of(*parts))
    COUNT.add(joint=not weights.valid)
    return weights if weights.valid else JointWeights(Scores.of(*parts))


def _exp2_(scores: Tensor, axes: tuple[int, ...]) -> Tensor:
    """2 to the scores, divided by their maximum over the axes, in place."""
    return scores.sub_(scores.amax(axes, keepdim=True)).exp2_()
