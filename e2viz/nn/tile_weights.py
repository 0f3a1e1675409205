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

from e2viz.nn.tiling import SCRATCH
from e2viz.nn.windows import add_products_, apart, correlate


@dataclass
class TileCount:
    """How many tiles were factorised and how many fell back to the joint softmax; a test reads it."""

    factorised: int = 0
    joint: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, *, joint: bool) -> None:
        with self._lock:
            self.joint += joint
            self.factorised += not joint


COUNT = TileCount()


@dataclass(frozen=True)
class Scores:
    """The three parts of the scores of a tile, as logarithms to base two, in this thread's scratch memory."""

    content: Float[Tensor, "pair query key offset pixel"]
    plane: Float[Tensor, "pair query output offset pixel"]
    group: Float[Tensor, "pair query output key pixel"]

    @classmethod
    def of(
        cls,
        queries: Float[Tensor, "pair query depth pixel"],
        windows: Float[Tensor, "pair key depth window window pixel"],
        border: Float[Tensor, "window window pixel"],
        by_offset: Float[Tensor, "outputs_offsets depth_plane"],
        by_key: Float[Tensor, "query outputs_keys depth_group"],
    ) -> "Scores":
        """Scores of the queries, which already carry the scale and log2(e).

        Args:
            queries: of the tile.
            windows: the keys around each of its pixels.
            border: 0, or -inf outside the plane.
            by_offset: the plane encoding, output element before offset.
            by_key: the group encoding of each query element, output element before key element.
        """
        pairs, elements, _, pixels = queries.shape
        keys, window = windows.shape[1], windows.shape[3]
        content = SCRATCH.take("content", (pairs, elements, keys, window, window, pixels), queries)
        correlate(queries, windows, border, content)
        flat, depth_plane = queries.flatten(0, 1), by_offset.shape[1]
        plane = SCRATCH.take("plane", (pairs * elements, len(by_offset), pixels), queries)
        torch.bmm(by_offset.expand(len(flat), -1, -1), flat[:, :depth_plane], out=plane)
        group = by_key @ queries[:, :, depth_plane:]
        return cls(
            content.view(pairs, elements, keys, window * window, pixels),
            plane.view(pairs, elements, -1, window * window, pixels),
            group.view(pairs, elements, -1, keys, pixels),
        )


class FactorisedWeights:
    """Weights as products of factors; `valid` says whether their denominators are far from underflow."""

    def __init__(self, scores: Scores) -> None:
        """Take the scores over: their memory is reused."""
        self._content = _exp2_(scores.content, (2, 3))
        self._plane = _exp2_(scores.plane, (3,))
        group = _exp2_(scores.group, (3,))
        self._total = self._over_offsets()
        denominator = (self._total * group).sum(3, keepdim=True)
        tiny = torch.finfo(denominator.dtype).tiny
        self.valid = bool(denominator.amin() >= tiny**0.65)
        self._group = group.div_(denominator)

    def _over_offsets(self) -> Float[Tensor, "pair query output key pixel"]:
        content, plane = apart(self._content[:, :, None], 4), apart(self._plane[:, :, :, None], 4)
        total = content[0] * plane[0]
        add_products_(total, content[1:], plane[1:])
        return total

    def of_query(self, element: int, out: Float[Tensor, "pair output key offset pixel"]) -> None:
        """The softmax weights of one query element."""
        torch.mul(self._group[:, element, :, :, None], self._plane[:, element, :, None], out=out)
        out.mul_(self._content[:, element, None])

    def summed(self, out: Float[Tensor, "pair output key offset pixel"]) -> None:
        """The sum over query elements of their softmax weights."""
        product = SCRATCH.take("product", out.shape, out)
        group, plane = self._group[..., None, :].unbind(1), self._plane[:, :, :, None].unbind(1)
        for element, content in enumerate(self._content[:, :, None].unbind(1)):
            torch.mul(group[element], plane[element], out=product)
            if element:
                out.addcmul_(product, content)
            else:
                torch.mul(product, content, out=out)

    def over_offsets(self, element: int, weights: Tensor) -> Float[Tensor, "pair output key pixel"]:
        """The sum over offsets of the weights that `of_query` gave."""
        return self._total[:, element] * self._group[:, element]


class JointWeights:
    """Weights as the softmax of the summed scores: always right, with |G| p^2 times as many exponentials."""

    def __init__(self, scores: Scores) -> None:
        self._scores = scores

    def of_query(self, element: int, out: Float[Tensor, "pair output key offset pixel"]) -> None:
        """The softmax weights of one query element."""
        scores = self._scores
        torch.add(scores.content[:, element, None], scores.plane[:, element, :, None], out=out)
        out.add_(scores.group[:, element, :, :, None])
        _exp2_(out, (2, 3))
        out.div_(out.sum((2, 3), keepdim=True))

    def summed(self, out: Float[Tensor, "pair output key offset pixel"]) -> None:
        """The sum over query elements of their softmax weights."""
        weights = SCRATCH.take("product", out.shape, out)
        out.zero_()
        for element in range(self._scores.group.shape[1]):
            self.of_query(element, weights)
            out.add_(weights)

    def over_offsets(self, element: int, weights: Tensor) -> Float[Tensor, "pair output key pixel"]:
        """The sum over offsets of the weights that `of_query` gave."""
        return weights.sum(3)


def tile_weights(*parts: Tensor) -> FactorisedWeights | JointWeights:
    """The weights of a tile from the arguments of `Scores.of`."""
    weights = FactorisedWeights(Scores.of(*parts))
    COUNT.add(joint=not weights.valid)
    return weights if weights.valid else JointWeights(Scores.of(*parts))


def _exp2_(scores: Tensor, axes: tuple[int, ...]) -> Tensor:
    """2 to the scores, divided by their maximum over the axes, in place."""
    return scores.sub_(scores.amax(axes, keepdim=True)).exp2_()
