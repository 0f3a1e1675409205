"""Group attention in plain PyTorch: factorised, tiled, with a backward that recomputes tile by tile.

Lifting attention is the case of one query element and one key element. Nothing larger than a tile is kept: the
backward pass saves only its inputs, makes the weights of each tile again and turns them into gradients.
With p the weights of query element g, D = sum over (m, u) of p * dp, the score's gradient is p * (dp - D).
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from e2viz.nn.dropout import Dropout
from e2viz.nn.tile_weights import FactorisedWeights, JointWeights, tile_weights
from e2viz.nn.tiling import SCRATCH, Plane, Task, run_all, tasks
from e2viz.nn.windows import correlate, gather, scatter

LOG2_E = math.log2(math.e)


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


@dataclass(frozen=True)
class _Layer:
    """What all tiles of one call share."""

    query: Float[Tensor, "batch depth head query height width"]
    key: Float[Tensor, "batch depth head key height width"]
    value: Float[Tensor, "batch depth head key height width"]
    plane_encoding: Float[Tensor, "output depth_plane window window"]
    group_encoding: Float[Tensor, "query output key depth_group"]
    scale: float
    dropout: Dropout | None

    @property
    def plane(self) -> Plane:
        height, width = self.query.shape[-2:]
        return Plane(height, width, self.plane_encoding.shape[-1])

    def tasks(self) -> list[Task]:
        batch, _, heads, queries, _, _ = self.query.shape
        keys, outputs = self.key.shape[3], self.plane_encoding.shape[0]
        most = max(queries * keys, queries * outputs, outputs * keys)
        return tasks(batch, heads, self.plane, most * self.plane.window**2)

    def empty_output(self) -> Float[Tensor, "batch depth head output height width"]:
        batch, depth, heads, _, height, width = self.value.shape
        return self.value.new_empty(batch, depth, heads, self.plane_encoding.shape[0], height, width)


class _Tile:
    """One task's flat queries, keys and values, and their weights run by run."""

    def __init__(self, layer: _Layer, task: Task, border: Tensor) -> None:
        self.layer, self.task, self.border = layer, task, border
        self.plane = layer.plane
        self.queries = self.flat_queries(layer.query).mul_(layer.scale * LOG2_E)
        self.keys, self.values = (
            self.plane.flat_keys(task.of(maps).flatten(0, 1)) for maps in (layer.key, layer.value)
        )

    def flat_queries(self, maps: Tensor) -> Float[Tensor, "pair element depth pixel"]:
        return self.plane.flat_queries(self.task.of(maps).flatten(0, 1))

    def weights(self, run: slice) -> FactorisedWeights | JointWeights:
        return tile_weights(
            self.queries[..., run],
            self.plane.windows(self.keys, run),
            self.border[..., run],
            self.layer.plane_encoding,
            self.layer.group_encoding,
        )

    def take(self, name: str, run: slice) -> Float[Tensor, "pair output key offset pixel"]:
        """Scratch memory for weights of one query element, or their sum."""
        outputs, window = self.layer.plane_encoding.shape[0], self.plane.window
        pairs, keys = self.keys.shape[:2]
        return SCRATCH.take(name, (pairs, outputs, keys, window * window, run.stop - run.start), self.keys)

    def put(self, inner: Float[Tensor, "pair element depth height width"], maps: Tensor) -> None:
        """Write to where this task's pairs lie."""
        target = self.task.of(maps)
        target.copy_(inner.unflatten(0, target.shape[:2]))


def _forward(layer: _Layer, out: Tensor, task: Task, border: Tensor) -> None:
    """Write this task's part of the output."""
    tile, dropout = _Tile(layer, task, border), layer.dropout
    pairs, queries, depth, pixels = tile.queries.shape
    mixed = tile.values.new_empty(pairs, layer.plane_encoding.shape[0], depth, pixels)
    for run in task.runs:
        weights, total = tile.weights(run), tile.take("total", run).zero_()
        for element in range(queries):
            if dropout is None:
                weights.add_to(total, element)
            else:
                weight = tile.take("weight", run)
                weights.of_query(element, weight)
                total.addcmul_(weight, dropout.kept(weight, task, run, element))
        gather(total, tile.values, tile.plane, run, mixed[..., run])
    tile.put(tile.plane.inner_queries(mixed if dropout is None else mixed.mul_(dropout.factor)), out)


class _ScoreGradient:
    """Gradient by the three parts of the scores of one run, and the weights summed over the query elements."""

    def __init__(self, tile: _Tile, run: slice, by_weight: Float[Tensor, "pair output key offset pixel"]) -> None:
        pairs, outputs, keys, offsets, pixels = by_weight.shape
        queries = tile.queries.shape[1]
        self.content = SCRATCH.take("by_content", (pairs, queries, keys, offsets, pixels), by_weight)
        self.plane = SCRATCH.take("by_plane", (pairs, queries, outputs, offsets, pixels), by_weight)
        self.group = by_weight.new_empty(pairs, queries, outputs, keys, pixels)
        self.total = tile.take("total", run).zero_()
        weights, dropout = tile.weights(run), tile.layer.dropout
        weight, product = tile.take("weight", run), tile.take("product", run)
        for element in range(queries):
            weights.of_query(element, weight)
            torch.mul(weight, by_weight, out=product)
            if dropout is None:
                self.total.add_(weight)
            else:
                kept = dropout.kept(weight, tile.task, run, element)
                self.total.addcmul_(weight, kept)
                product.mul_(kept)
            self._add(element, weight, product, weights.over_offsets(element, weight))

    def _add(self, element: int, weight: Tensor, product: Tensor, over_offsets: Tensor) -> None:
        by_group = product.sum(3)
        mean = by_group.sum(2, keepdim=True)
        product.addcmul_(weight, mean[:, :, :, None], value=-1)
        torch.sum(product, 1, out=self.content[:, element])
        torch.sum(product, 2, out=self.plane[:, element])
        torch.addcmul(by_group, over_offsets, mean, value=-1, out=self.group[:, element])


def _backward(layer: _Layer, by_out: Tensor, grads: tuple[Tensor, ...], task: Task, border: Tensor):
    """Write this task's gradients by query, key and value; return its share of those by the encodings."""
    tile = _Tile(layer, task, border)
    plane, depth_plane = tile.plane, layer.plane_encoding.shape[1]
    flat_by_out = tile.flat_queries(by_out)
    if layer.dropout is not None:
        flat_by_out.mul_(layer.dropout.factor)
    by_query, by_key, by_value = (torch.zeros_like(flat) for flat in (tile.queries, tile.keys, tile.values))
    plane_encoding = layer.plane_encoding.flatten(2).transpose(1, 2).flatten(0, 1)
    group_encoding = layer.group_encoding.flatten(1, 2)
    by_plane_encoding, by_group_encoding = torch.zeros_like(plane_encoding), torch.zeros_like(group_encoding)
    for run in task.runs:
        here, queries = flat_by_out[..., run], tile.queries[..., run]
        by_weight = tile.take("by_weight", run)
        square = by_weight.unflatten(3, (plane.window, plane.window))
        correlate(here, plane.windows(tile.values, run), None, square)
        score = _ScoreGradient(tile, run, by_weight)
        scatter(score.total, here, plane, run, by_value)
        scatter(score.content, queries, plane, run, by_key)
        by_queries = by_query[..., run]
        gather(score.content, tile.keys, plane, run, by_queries)
        by_plane, by_group = score.plane.flatten(2, 3), score.group.flatten(2, 3)
        by_queries[:, :, :depth_plane] += plane_encoding.T @ by_plane
        by_queries[:, :, depth_plane:] += group_encoding.mT @ by_group
        by_plane_encoding += (by_plane @ queries[:, :, :depth_plane].mT).sum((0, 1))
        by_group_encoding += (by_group @ queries[:, :, depth_plane:].mT).sum(0)
    tile.put(plane.inner_queries(by_query.mul_(layer.scale)), grads[0])
    tile.put(plane.inner_keys(by_key.div_(LOG2_E)), grads[1])
    tile.put(plane.inner_keys(by_value), grads[2])
    return by_plane_encoding, by_group_encoding


class _Attention(torch.autograd.Function):
    """Attention of any query, key and output elements, tile by tile in both directions."""

    @staticmethod
    def forward(ctx, query, key, value, plane_encoding, group_encoding, scale, dropout):
        ctx.save_for_backward(query, key, value, plane_encoding, group_encoding)
        ctx.scale, ctx.dropout = scale, dropout
        layer = _Layer(query, key, value, plane_encoding, group_encoding, scale, dropout)
        out, border = layer.empty_output(), layer.plane.border(query)
        for _ in run_all(lambda task: _forward(layer, out, task, border), layer.tasks()):
            pass
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, by_out):
        layer = _Layer(*ctx.saved_tensors, ctx.scale, ctx.dropout)
        grads = tuple(torch.empty_like(maps) for maps in (layer.query, layer.key, layer.value))
        border = layer.plane.border(layer.query)
        shares = run_all(lambda task: _backward(layer, by_out, grads, task, border), layer.tasks())
        by_plane, by_group = (torch.stack(part).sum(0) / LOG2_E for part in zip(*shares, strict=True))
        outputs, window = layer.plane_encoding.shape[0], layer.plane.window
        by_plane = by_plane.unflatten(0, (outputs, window, window)).movedim(3, 1)
        return *grads, by_plane, by_group.view(layer.group_encoding.shape), None, None
