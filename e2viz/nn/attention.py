"""Lifting and group self-attention as layers: projections, encodings, the formula, a probe for the maps."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from e2viz.groups import Group
from e2viz.nn import functional
from e2viz.nn.pointwise import Pointwise
from e2viz.nn.positional import PlaneEncoding
from e2viz.nn.probe import AttentionProbe
from e2viz.nn.relative import Rule, relative_table


def all_pixels(height: int, width: int) -> Int[Tensor, "pixel 2"]:
    """Every (row, column) of a plane, row by row."""
    return torch.cartesian_prod(torch.arange(height), torch.arange(width))


class LiftingAttention(nn.Module):
    """Self-attention from the image to the group: one output for each element v.

    Turning the input by g turns the output's plane and permutes its group axis.
    Source: Romero & Cordonnier 2021, equation 14; docs/ge_vit.md.

    Args:
        group: the group that is lifted to.
        inputs, outputs: channels.
        heads, depth: attention heads and channels of each; depth must be even.
        window: side of the attention window, odd.
        dropout: on attention probabilities while training.

    Raises:
        ValueError: if depth is odd or window is even.
    """

    def __init__(
        self, group: Group, inputs: int, outputs: int, *, heads: int, depth: int, window: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        if depth % 2:
            raise ValueError(f"depth of the lifting layer must be even, got {depth}")
        self.heads, self.scale, self.dropout = heads, 1.0 / math.sqrt(inputs), dropout
        self.query = Pointwise(inputs, heads * depth)
        self.key = Pointwise(inputs, heads * depth)
        self.value = Pointwise(inputs, heads * depth)
        self.encoding = PlaneEncoding(group, window, depth // 2, depth // 2)
        self.output = Pointwise(heads * depth, outputs)
        self.attention_probe = AttentionProbe()

    def forward(
        self, images: Float[Tensor, "batch inputs height width"]
    ) -> Float[Tensor, "batch outputs group height width"]:
        encoding = self.encoding()
        self.attention_probe(
            lambda pixels: functional.lifting_attention_probabilities(
                functional.split_heads(self.query(images), self.heads),
                functional.split_heads(self.key(images), self.heads),
                encoding, scale=self.scale, pixels=all_pixels(*images.shape[-2:]) if pixels is None else pixels,
            )
        )  # fmt: skip
        return functional.projected_lifting_attention(
            images, (self.query, self.key, self.value, self.output), encoding,
            heads=self.heads, scale=self.scale, dropout_p=self.dropout if self.training else 0.0,
        )  # fmt: skip


class GroupAttention(nn.Module):
    """Self-attention on the group: Σ over query elements g of a softmax over key elements m and offsets u.

    Acting on the input with [ρ(a)f](x, h) = f(a⁻¹x, a⁻¹h) acts on the output in the same way, provided that the
    relative rule is invariant.
    Source: Romero & Cordonnier 2021, equation 16, with the relative element of Xu et al. 2023; docs/ge_vit.md.

    Args:
        group: the group of the feature maps.
        inputs, outputs: channels.
        heads, depth: attention heads and channels of each; a third each encodes row and column, the rest the group.
        window: side of the attention window, odd.
        dropout: on attention probabilities while training.
        rule: relative element, a name of ``relative.RULES`` or a function.

    Raises:
        ValueError: if depth is below 3 or window is even.
    """

    relative: Tensor

    def __init__(
        self, group: Group, inputs: int, outputs: int, *, heads: int, depth: int, window: int,
        dropout: float = 0.0, rule: str | Rule = "ge_vit",
    ) -> None:  # fmt: skip
        super().__init__()
        if depth < 3:
            raise ValueError(f"depth must be at least 3, one channel each for row, column and group, got {depth}")
        self.heads, self.scale, self.dropout = heads, 1.0 / math.sqrt(inputs), dropout
        self.query = Pointwise(inputs, heads * depth)
        self.key = Pointwise(inputs, heads * depth)
        self.value = Pointwise(inputs, heads * depth)
        self.encoding = PlaneEncoding(group, window, depth // 3, depth // 3)
        self.group_embedding = nn.Parameter(torch.randn(group.order, depth - 2 * (depth // 3)))
        self.register_buffer("relative", relative_table(group, rule), persistent=False)
        self.output = Pointwise(heads * depth, outputs)
        self.probe = AttentionProbe()

    def group_encoding(self) -> Float[Tensor, "v g m depth_group"]:
        """E[rel(v, g, m)] for every triple."""
        return self.group_embedding[self.relative]

    def forward(
        self, maps: Float[Tensor, "batch inputs group height width"]
    ) -> Float[Tensor, "batch outputs group height width"]:
        plane, elements = self.encoding(), self.group_encoding()
        self.probe(
            lambda pixels: functional.group_attention_probabilities(
                functional.split_heads(self.query(maps), self.heads),
                functional.split_heads(self.key(maps), self.heads),
                plane, elements, scale=self.scale,
                pixels=all_pixels(*maps.shape[-2:]) if pixels is None else pixels,
            )
        )  # fmt: skip
        return functional.projected_group_attention(
            maps, (self.query, self.key, self.value, self.output), plane, elements,
            heads=self.heads, scale=self.scale, dropout_p=self.dropout if self.training else 0.0,
        )  # fmt: skip
