"""Group attention in a few large operations on whole batches: what an accelerator wants, and right on any device.

Lifting attention is the case of one query element and one key element. Each pixel of a tile is a row of small matrix
products, softmax is the joint one, and no operation writes to one place twice: the shares of overlapping windows are
added offset by offset. Nothing asks the host for a value, so that a CUDA graph can hold it. Only the inputs are kept
for the backward pass, which makes the weights of each tile again. With p the weights and D = sum over (m, u) of
p * dp, the score's gradient is p * (dp - D).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from e2viz.nn.pointwise import single_precision

BYTES_PER_TILE = {"cpu": 64 << 20, "cuda": 2 << 30}
"""Scores of one tile: a whole batch of the published network fits on an accelerator, which others may share."""
TENSORS_OF_SCORES = 3.5
"""How many tensors as large as the scores are alive at once in the backward pass."""


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
    return attend(query, key, value, plane_encoding, group_encoding.transpose(0, 1), scale, dropout_p)


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
    return attend(query, key, value, plane_encoding, nothing, scale, dropout_p)


def attend(
    query: Tensor, key: Tensor, value: Tensor, plane: Tensor, group: Tensor, scale: float, dropout_p: float
) -> Tensor:
    """Half precision is computed in float32, also under autocast: sums of a window's products would lose too much."""
    wide = torch.promote_types(query.dtype, torch.float32)
    with single_precision(query.device):
        inputs = (tensor.to(wide) for tensor in (query, key, value, plane, group))
        return _Attention.apply(*inputs, scale, dropout_p).to(query.dtype)


class _Attention(torch.autograd.Function):
    """Attention of any query, key and output elements, tile by tile in both directions."""

    @staticmethod
    def forward(ctx: Any, query, key, value, plane_encoding, group_encoding, scale, dropout_p):
        layer = _Layer(query, key, value, plane_encoding, group_encoding, scale, dropout_p)
        batch, depth, heads, _, height, width = value.shape
        out = value.new_empty(batch, depth, heads, plane_encoding.shape[0], height, width)
        masks = _Masks(dropout_p, query.device)
        for tile in layer.tiles():
            weights = tile.weights()
            if dropout_p:
                weights *= masks.next(weights.shape)
            tile.put(weights.sum(1).flatten(2) @ tile.values, out)
        ctx.save_for_backward(query, key, value, plane_encoding, group_encoding)
        ctx.scale, ctx.dropout_p, ctx.masks = scale, dropout_p, masks
        return out.div_(1.0 - dropout_p) if dropout_p else out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_out: Tensor):
        with single_precision(by_out.device):
            query, key, value, plane, group = ctx.saved_tensors
            layer = _Layer(query, key, value, plane, group, ctx.scale, ctx.dropout_p)
            masks = ctx.masks.again()
            if ctx.dropout_p:
                by_out = by_out / (1.0 - ctx.dropout_p)
            gradients = _Gradients(layer)
            for tile in layer.tiles():
                gradients.add(tile, tile.rows_of(by_out), masks)
            return *gradients.result(), None, None


@dataclass(frozen=True)
class _Layer:
    """One call: its inputs, on any query, key and output elements; keys and values get a border of zeros."""

    query: Float[Tensor, "batch depth head query height width"]
    key: Float[Tensor, "batch depth head key height width"]
    value: Float[Tensor, "batch depth head key height width"]
    plane_encoding: Float[Tensor, "output depth_plane window window"]
    group_encoding: Float[Tensor, "query output key depth_group"]
    scale: float
    dropout_p: float
    by_offset: Float[Tensor, "depth_plane output_offset"] = field(init=False)
    by_key: Float[Tensor, "query depth_group output_key"] = field(init=False)
    border: Float[Tensor, "height width offset"] = field(init=False)

    def __post_init__(self) -> None:
        radius, set_once = self.plane_encoding.shape[-1] // 2, object.__setattr__
        set_once(self, "key", F.pad(self.key, (radius,) * 4))
        set_once(self, "value", F.pad(self.value, (radius,) * 4))
        # [depth_plane, v u] and, for each query element, [depth_group, v m]
        set_once(self, "by_offset", rearrange(self.plane_encoding, "v c i j -> c (v i j)"))
        set_once(self, "by_key", rearrange(self.group_encoding, "g v m c -> g c (v m)"))
        set_once(self, "border", self._border())

    def _border(self) -> Float[Tensor, "height width offset"]:
        """0 where x + u lies in the plane and -inf outside: added to scores, it takes the offset out."""
        window = self.plane_encoding.shape[-1]
        height, width = self.query.shape[-2:]
        inside = F.pad(self.query.new_ones(height, width), (window // 2,) * 4)
        return _windows(inside, window).flatten(2).log()

    @property
    def window(self) -> int:
        return self.plane_encoding.shape[-1]

    def tiles(self) -> Iterator[_Tile]:
        """All images and rows once; whole planes of as many images as fit, else some rows of one image."""
        batch, _, heads, queries, height, width = self.query.shape
        outputs, keys = self.plane_encoding.shape[0], self.key.shape[3]
        scores = heads * width * queries * outputs * keys * self.window**2
        budget = BYTES_PER_TILE.get(self.query.device.type, BYTES_PER_TILE["cuda"])
        rows = max(1, int(budget / (scores * self.query.element_size() * TENSORS_OF_SCORES)))
        images, lines = max(1, rows // height), min(rows, height)
        for image in range(0, batch, images):
            for line in range(0, height, lines):
                yield _Tile(self, slice(image, min(image + images, batch)), slice(line, min(line + lines, height)))


class _Tile:
    """Some rows of some images: matrices for each pixel x of each head of each image."""

    def __init__(self, layer: _Layer, images: slice, lines: slice) -> None:
        self.layer, self.images, self.lines = layer, images, lines
        self.padded_lines = slice(lines.start, lines.stop + layer.window - 1)
        self.queries: Float[Tensor, "x query depth"] = self.rows_of(layer.query) * layer.scale
        self.keys: Float[Tensor, "x depth key_offset"] = self._windows_of(layer.key, "c m i j").flatten(2)
        self.values: Float[Tensor, "x key_offset depth"] = self._windows_of(layer.value, "m i j c").flatten(1, 3)

    def rows_of(self, maps: Float[Tensor, "batch depth head element height width"]) -> Float[Tensor, "x element depth"]:
        """The pixels of this tile, as rows."""
        return rearrange(maps[self.images, ..., self.lines, :], "b c n g y x -> (b n y x) g c")

    def _windows_of(self, maps: Tensor, order: str) -> Tensor:
        """The window around each pixel; the axes after the pixel in this order."""
        here = _windows(maps[self.images, ..., self.padded_lines, :], self.layer.window)
        return rearrange(here, f"b c n m y x i j -> (b n y x) {order}")

    def put(self, rows: Float[Tensor, "x element depth"], maps: Tensor) -> None:
        """Write the rows of this tile's pixels to [batch depth head element height width]."""
        here = maps[self.images, ..., self.lines, :]
        batch, _, heads, _, height, _ = here.shape
        here.copy_(rearrange(rows, "(b n y x) g c -> b c n g y x", b=batch, n=heads, y=height))

    def add_windows(self, windows: Float[Tensor, "x depth key offset"], maps: Tensor) -> None:
        """Add the share of each window to the padded maps: offset after offset, since windows overlap."""
        height, width = self.lines.stop - self.lines.start, self.layer.query.shape[-1]
        heads, window = maps.shape[2], self.layer.window
        shares = rearrange(windows, "(b n y x) c m u -> u b c n m y x", n=heads, y=height, x=width)
        for offset, share in enumerate(shares):
            row, column = self.padded_lines.start + offset // window, offset % window
            maps[self.images, ..., row : row + height, column : column + width] += share

    def weights(self) -> Float[Tensor, "x query output key offset"]:
        """The joint softmax over key element and offset."""
        layer, depth_plane = self.layer, len(self.layer.by_offset)
        outputs, keys = layer.plane_encoding.shape[0], layer.key.shape[3]
        content = (self.queries @ self.keys).unflatten(2, (keys, -1))
        border = layer.border[self.lines].flatten(0, 1)
        content.unflatten(0, (-1, len(border))).add_(border[:, None, None])
        plane = (self.queries[..., :depth_plane] @ layer.by_offset).unflatten(2, (outputs, -1))
        scores = content[:, :, None] + plane[:, :, :, None]
        if layer.group_encoding.shape[-1]:
            group = torch.bmm(self.queries[..., depth_plane:].transpose(0, 1), layer.by_key)
            scores += rearrange(group, "g x (v m) -> x g v m 1", v=outputs)
        return torch.softmax(scores.flatten(3), -1).view(scores.shape)


class _Gradients:
    """The gradients of a layer's inputs, summed tile after tile."""

    def __init__(self, layer: _Layer) -> None:
        self.layer = layer
        self.query = torch.empty_like(layer.query)
        self.key, self.value = torch.zeros_like(layer.key), torch.zeros_like(layer.value)
        self.by_offset, self.by_key = torch.zeros_like(layer.by_offset), torch.zeros_like(layer.by_key)

    def add(self, tile: _Tile, by_out: Float[Tensor, "x output depth"], masks: _Masks) -> None:
        """Add what one tile gives."""
        layer, depth_plane = self.layer, len(self.by_offset)
        keys, window = layer.key.shape[3], layer.window
        weights = tile.weights()
        by_weight = (by_out @ tile.values.mT).unflatten(2, (keys, window**2))[:, None]
        if layer.dropout_p:
            mask = masks.next(weights.shape)
            total = (weights * mask).sum(1)
            by_score = by_weight * mask
            by_score *= weights
        else:
            total, by_score = weights.sum(1), weights * by_weight
        by_score.addcmul_(weights, by_score.sum((3, 4), keepdim=True), value=-1)
        by_content, by_plane, by_group = by_score.sum(2), by_score.sum(3).flatten(2), by_score.sum(4).flatten(2)
        by_query = by_content.flatten(2) @ tile.keys.mT
        by_query[..., :depth_plane] += by_plane @ layer.by_offset.T
        self.by_offset += tile.queries[..., :depth_plane].flatten(0, 1).T @ by_plane.flatten(0, 1)
        if layer.group_encoding.shape[-1]:
            by_group = by_group.transpose(0, 1)
            by_query[..., depth_plane:] += torch.bmm(by_group, layer.by_key.mT).transpose(0, 1)
            self.by_key += torch.bmm(tile.queries[..., depth_plane:].permute(1, 2, 0), by_group)
        tile.put(by_query * layer.scale, self.query)
        by_key_window = tile.queries.mT @ by_content.flatten(2)
        tile.add_windows(by_key_window.unflatten(2, (keys, window**2)), self.key)
        by_value_window = by_out.mT @ total.flatten(2)
        tile.add_windows(by_value_window.unflatten(2, (keys, window**2)), self.value)

    def result(self) -> tuple[Tensor, ...]:
        """By query, key, value, plane encoding and group encoding, in the shapes of a layer's arguments."""
        window, outputs = self.layer.window, self.layer.plane_encoding.shape[0]
        radius, (height, width) = window // 2, self.query.shape[-2:]
        inner = (..., slice(radius, radius + height), slice(radius, radius + width))
        by_plane = rearrange(self.by_offset, "c (v i j) -> v c i j", i=window, j=window)
        by_group = rearrange(self.by_key, "g c (v m) -> g v m c", v=outputs)
        return self.query, self.key[inner], self.value[inner], by_plane, by_group


class _Masks:
    """Dropout masks, tile after tile: drawn again from one seed, or kept while a CUDA graph is recorded.

    A generator of its own would give a replayed graph the same mask each time; torch's own one is known to graphs.
    """

    def __init__(self, dropout_p: float, device: torch.device) -> None:
        self.chance, self.device = 1.0 - dropout_p, device
        self.kept: list[Bool[Tensor, "..."]] | None = None
        self.generator: torch.Generator | None = None
        self.seed = 0
        self.replayed = False
        if not dropout_p:
            return
        if device.type == "cuda" and torch.cuda.is_current_stream_capturing():
            self.kept = []
        else:
            self.seed = int(torch.randint(1 << 62, (), dtype=torch.int64))
            self.generator = torch.Generator(device).manual_seed(self.seed)

    def again(self) -> _Masks:
        """From the first tile on."""
        again = _Masks(0.0, self.device)
        again.chance, again.kept, again.seed, again.replayed = self.chance, self.kept, self.seed, True
        if self.generator is not None:
            again.generator = torch.Generator(self.device).manual_seed(self.seed)
        elif self.kept is not None:
            again.kept = list(self.kept)
        return again

    def next(self, shape: torch.Size) -> Bool[Tensor, "..."]:
        """Which weights of the next tile are kept."""
        if self.kept is not None and self.replayed:
            return self.kept.pop(0)
        mask = torch.empty(shape, dtype=torch.bool, device=self.device)
        mask.bernoulli_(self.chance, generator=self.generator)
        if self.kept is not None:
            self.kept.append(mask)
        return mask


def _windows(maps: Float[Tensor, "*axes padded_height padded_width"], window: int) -> Tensor:
    """maps[..., x + u] for each pixel x and offset u: a view [*axes height width window window]."""
    return maps.unfold(-2, window, 1).unfold(-2, window, 1)
