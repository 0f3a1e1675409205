"""Group attention in plain PyTorch: factorised, tiled, with a backward that recomputes tile by tile.

Lifting attention is the case of one query element and one key element. Nothing larger than a few images' maps is
kept: the backward pass saves only its inputs, makes the weights of each tile again and turns them into gradients.
With p the weights of query element g, D = sum over (m, u) of p * dp, the score's gradient is p * (dp - D).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from e2viz.nn.dropout import Dropout
from e2viz.nn.tile_weights import FactorisedWeights, JointWeights, tile_weights
from e2viz.nn.tiling import SCRATCH, Plane, Tile, border, tiles
from e2viz.nn.windows import correlate, gather, scatter

LOG2_E = math.log2(math.e)
IMAGES_AT_ONCE = 4


def group_attention(
    query: Float[Tensor, "batch depth head group height width"],
    key: Float[Tensor, "batch depth head group height width"],
    value: Float[Tensor, "batch depth head group height width"],
    plane_encoding: Float[Tensor, "group depth_plane window window"],
    group_encoding: Float[Tensor, "group group group depth_group"],
    *,
    scale: float,
    dropout_p: float = 0.0,
) -> Float[Tensor, "batch depth head group height width"]:
    """See `functional.group_attention`."""
    return _attend(query, key, value, plane_encoding, group_encoding.transpose(0, 1), scale, dropout_p)


def lifting_attention(
    query: Float[Tensor, "batch depth head height width"],
    key: Float[Tensor, "batch depth head height width"],
    value: Float[Tensor, "batch depth head height width"],
    plane_encoding: Float[Tensor, "group depth window window"],
    *,
    scale: float,
    dropout_p: float = 0.0,
) -> Float[Tensor, "batch depth head group height width"]:
    """See `functional.lifting_attention`."""
    query, key, value = query[:, :, :, None], key[:, :, :, None], value[:, :, :, None]
    nothing = query.new_zeros(1, plane_encoding.shape[0], 1, 0)
    return _attend(query, key, value, plane_encoding, nothing, scale, dropout_p)


def _attend(
    query: Tensor, key: Tensor, value: Tensor, plane: Tensor, group: Tensor, scale: float, dropout_p: float
) -> Tensor:
    """Half precision is computed in float32: sums of a window's products would lose too much."""
    wide = torch.promote_types(query.dtype, torch.float32)
    inputs = (tensor.to(wide) for tensor in (query, key, value, plane, group))
    return _Attention.apply(*inputs, scale, Dropout.drawn(dropout_p)).to(query.dtype)


class _Attention(torch.autograd.Function):
    """Attention of any query, key and output elements, tile by tile in both directions."""

    @staticmethod
    def forward(ctx, query, key, value, plane_encoding, group_encoding, scale, dropout):
        ctx.save_for_backward(query, key, value, plane_encoding, group_encoding)
        ctx.scale, ctx.dropout = scale, dropout
        layer = _Layer(query, key, value, plane_encoding, group_encoding, scale, dropout)
        batch, depth, heads, _, height, width = value.shape
        out = value.new_empty(batch, depth, heads, layer.outputs, height, width)
        for part in layer.parts():
            part.put(part.plane.inner_queries(_forward(part)), out)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, by_out):
        layer = _Layer(*ctx.saved_tensors, ctx.scale, ctx.dropout)
        grads = tuple(torch.empty_like(maps) for maps in (layer.query, layer.key, layer.value))
        by_offset, by_key = torch.zeros_like(layer.by_offset), torch.zeros_like(layer.by_key)
        for part in layer.parts():
            _backward(part, by_out, grads, by_offset, by_key)
        window = layer.plane.window
        by_plane = rearrange(by_offset / LOG2_E, "(v i j) c -> v c i j", i=window, j=window)
        return *grads, by_plane, (by_key / LOG2_E).view(layer.group_encoding.shape), None, None


@dataclass(frozen=True)
class _Layer:
    """One call: its inputs, on any query, key and output elements."""

    query: Float[Tensor, "batch depth head query height width"]
    key: Float[Tensor, "batch depth head key height width"]
    value: Float[Tensor, "batch depth head key height width"]
    plane_encoding: Float[Tensor, "output depth_plane window window"]
    group_encoding: Float[Tensor, "query output key depth_group"]
    scale: float
    dropout: Dropout | None
    plane: Plane = field(init=False)
    border: Tensor = field(init=False)
    by_offset: Float[Tensor, "output_offset depth_plane"] = field(init=False)
    by_key: Float[Tensor, "query output_key depth_group"] = field(init=False)

    def __post_init__(self) -> None:
        set_once = object.__setattr__
        height, width = self.query.shape[-2:]
        set_once(self, "plane", Plane(height, width, self.plane_encoding.shape[-1]))
        set_once(self, "border", border(self.plane, self.query.dtype, self.query.device))
        set_once(self, "by_offset", rearrange(self.plane_encoding, "v c i j -> (v i j) c").contiguous())
        set_once(self, "by_key", self.group_encoding.flatten(1, 2))

    @property
    def outputs(self) -> int:
        return self.plane_encoding.shape[0]

    def parts(self) -> Iterator["_Part"]:
        """A few images at a time, which bounds the memory."""
        for start in range(0, len(self.query), IMAGES_AT_ONCE):
            yield _Part(self, slice(start, start + IMAGES_AT_ONCE))


class _Part:
    """Some images of a layer in the flat layout; a pair is one head of one image."""

    def __init__(self, layer: _Layer, images: slice) -> None:
        self.layer, self.plane, self.images = layer, layer.plane, images
        self.queries = self.flat_queries(layer.query, "queries").mul_(layer.scale * LOG2_E)
        self.keys, self.values = self._flat_keys(layer.key, "keys"), self._flat_keys(layer.value, "values")

    def flat_queries(self, maps: Tensor, name: str) -> Float[Tensor, "pair element depth pixel"]:
        """These images of [batch depth head element height width]."""
        return self.plane.flat_queries(self._of(maps), name).flatten(0, 1)

    def _flat_keys(self, maps: Tensor, name: str) -> Float[Tensor, "pair element depth padded"]:
        return self.plane.flat_keys(self._of(maps), name).flatten(0, 1)

    def _of(self, maps: Tensor) -> Float[Tensor, "image head element depth height width"]:
        return rearrange(maps[self.images], "b c n g h w -> b n g c h w")

    def put(self, inner: Float[Tensor, "pair element depth height width"], maps: Tensor) -> None:
        """Write to these images of [batch depth head element height width]."""
        maps[self.images] = rearrange(inner, "(b n) g c h w -> b c n g h w", n=maps.shape[2])

    def tiles(self) -> list[Tile]:
        pairs, queries, _, pixels = self.queries.shape
        keys, outputs = self.keys.shape[1], self.layer.outputs
        most = max(queries * keys, queries * outputs, outputs * keys)
        return tiles(pairs, pixels, most * self.plane.window**2)

    def weights(self, tile: Tile) -> FactorisedWeights | JointWeights:
        return tile_weights(
            self.queries[tile.pairs, :, :, tile.run],
            self.plane.windows(self.keys[tile.pairs], tile.run),
            self.layer.border[..., tile.run],
            self.layer.by_offset,
            self.layer.by_key,
        )

    def kept(self, like: Tensor, tile: Tile, element: int) -> Tensor:
        """The dropout mask of one query element."""
        assert self.layer.dropout is not None
        return self.layer.dropout.kept(like, self.images.start, tile.number, element)

    def take(self, name: str, tile: Tile) -> Float[Tensor, "pair output key offset pixel"]:
        """Scratch memory for weights of one query element, or their sum."""
        pairs, pixels = tile.pairs.stop - tile.pairs.start, tile.run.stop - tile.run.start
        shape = (pairs, self.layer.outputs, self.keys.shape[1], self.plane.window**2, pixels)
        return SCRATCH.take(name, shape, self.keys)


def _forward(part: _Part) -> Float[Tensor, "pair output depth pixel"]:
    """The output of a part, flat."""
    pairs, _, depth, pixels = part.queries.shape
    mixed = part.values.new_empty(pairs, part.layer.outputs, depth, pixels)
    for tile in part.tiles():
        weights, total = part.weights(tile), part.take("total", tile)
        if part.layer.dropout is None:
            weights.summed(total)
        else:
            _summed_with_dropout(part, tile, weights, total)
        gather(total, part.values[tile.pairs], part.plane, tile.run, mixed[tile.pairs, :, :, tile.run])
    return mixed if part.layer.dropout is None else mixed.mul_(part.layer.dropout.factor)


def _summed_with_dropout(part: _Part, tile: Tile, weights: FactorisedWeights | JointWeights, total: Tensor) -> None:
    weight = part.take("weight", tile)
    for element in range(part.queries.shape[1]):
        weights.of_query(element, weight)
        _add_kept(total, weight, part.kept(weight, tile, element), first=element == 0)


def _add_kept(total: Tensor, weight: Tensor, kept: Tensor, *, first: bool) -> None:
    """Add what is kept of the weights; the first sets the total, which saves clearing it."""
    if first:
        torch.mul(weight, kept, out=total)
    else:
        total.addcmul_(weight, kept)


def _products(
    matrix: Float[Tensor, "rows inner"], maps: Float[Tensor, "pair element inner pixel"]
) -> Float[Tensor, "pair element rows pixel"]:
    """matrix @ maps as a batched product, which copies nothing; matmul would copy the maps."""
    flat = maps.flatten(0, 1)
    return torch.bmm(matrix.expand(len(flat), -1, -1), flat).unflatten(0, maps.shape[:2])


class _ScoreGradient:
    """Gradient by the three parts of the scores of a tile, and the weights summed over the query elements."""

    def __init__(self, part: _Part, tile: Tile, by_weight: Float[Tensor, "pair output key offset pixel"]) -> None:
        pairs, outputs, keys, offsets, pixels = by_weight.shape
        queries = part.queries.shape[1]
        self.content = SCRATCH.take("by_content", (pairs, queries, keys, offsets, pixels), by_weight)
        self.plane = SCRATCH.take("by_plane", (pairs, queries, outputs, offsets, pixels), by_weight)
        self.group = by_weight.new_empty(pairs, queries, outputs, keys, pixels)
        self.total = part.take("total", tile)
        weights, weight, product = part.weights(tile), part.take("weight", tile), part.take("product", tile)
        if part.layer.dropout is None:
            self.total.zero_()
        for element in range(queries):
            weights.of_query(element, weight)
            torch.mul(weight, by_weight, out=product)
            if part.layer.dropout is None:
                self.total.add_(weight)
            else:
                kept = part.kept(weight, tile, element)
                _add_kept(self.total, weight, kept, first=element == 0)
                product.mul_(kept)
            self._add(element, weight, product, weights.over_offsets(element, weight))

    def _add(self, element: int, weight: Tensor, product: Tensor, over_offsets: Tensor) -> None:
        by_group = product.sum(3)
        mean = by_group.sum(2, keepdim=True)
        product.addcmul_(weight, mean[:, :, :, None], value=-1)
        torch.sum(product, 1, out=self.content[:, element])
        torch.sum(product, 2, out=self.plane[:, element])
        torch.addcmul(by_group, over_offsets, mean, value=-1, out=self.group[:, element])


def _backward(part: _Part, by_out: Tensor, grads: tuple[Tensor, ...], by_offset: Tensor, by_key: Tensor) -> None:
    """Write a part's gradients by query, key and value; add its share of those by the encodings."""
    layer, plane, depth_plane = part.layer, part.plane, part.layer.by_offset.shape[1]
    flat_by_out = part.flat_queries(by_out, "by_out")
    if layer.dropout is not None:
        flat_by_out.mul_(layer.dropout.factor)
    flats = {"by_queries": part.queries, "by_keys": part.keys, "by_values": part.values}
    by_queries, by_keys, by_values = (SCRATCH.take(name, flat.shape, flat).zero_() for name, flat in flats.items())
    for tile in part.tiles():
        run, here = tile.run, flat_by_out[tile.pairs, :, :, tile.run]
        queries, by_query = part.queries[tile.pairs, :, :, run], by_queries[tile.pairs, :, :, run]
        by_weight = part.take("by_weight", tile)
        square = by_weight.unflatten(3, (plane.window, plane.window))
        correlate(here, plane.windows(part.values[tile.pairs], run), None, square)
        score = _ScoreGradient(part, tile, by_weight)
        scatter(score.total, here, plane, run, by_values[tile.pairs])
        scatter(score.content, queries, plane, run, by_keys[tile.pairs])
        gather(score.content, part.keys[tile.pairs], plane, run, by_query)
        by_plane, by_group = score.plane.flatten(2, 3), score.group.flatten(2, 3)
        by_query[:, :, :depth_plane] += _products(layer.by_offset.T, by_plane)
        by_query[:, :, depth_plane:] += layer.by_key.mT @ by_group
        by_offset += (by_plane @ queries[:, :, :depth_plane].mT).sum((0, 1))
        by_key += (by_group @ queries[:, :, depth_plane:].mT).sum(0)
    part.put(plane.inner_queries(by_queries.mul_(layer.scale)), grads[0])
    part.put(plane.inner_keys(by_keys.div_(LOG2_E)), grads[1])
    part.put(plane.inner_keys(by_values), grads[2])
