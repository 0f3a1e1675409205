"""Lifting attention of a picture with one channel, with gradients: two channels a head do the work of all.

Queries, keys and values are affine in one number f there: q = w f + b, and so on. What a score adds to every offset
alike leaves the softmax as it is, so that q·k may be f(x+u) (w_q·w_k f(x) + b_q·w_k), and q·P_v(u) is
f(x) w_q·P_v(u) + b_q·P_v(u): products of the query (f, 1) with two channels of key and encoding. The value is f alone;
the output's product takes its weights and bias in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from e2viz.nn import native, paths
from e2viz.nn.pointwise import weight_and_bias


def applies(images: Tensor, projections: Sequence[nn.Module], plane_encoding: Tensor) -> bool:
    """Whether the picture has one channel, and the compiled kernel computes its attention."""
    parameters = [each for layer in projections for each in weight_and_bias(layer)]
    return paths.suits_kernel(images, plane_encoding, *parameters) and int(images.shape[1]) == 1


def attend(
    images: Float[Tensor, "batch 1 height width"],
    projections: Sequence[nn.Module],
    plane_encoding: Float[Tensor, "group depth window window"],
    *,
    heads: int,
    scale: float,
) -> Float[Tensor, "batch output group height width"]:
    """See ``functional.projected_lifting_attention``; by the compiled kernel, without dropout."""
    parameters = [each.unflatten(0, (-1, heads)) for layer in projections[:3] for each in _of_one_channel(layer)]
    query, query_bias, key, key_bias, value, value_bias = parameters  # each [depth head]
    by_head = torch.stack([query, query_bias])  # the query's two channels
    keys = (by_head * key).sum(1)
    encodings = torch.einsum("qdh,vdij->hvqij", by_head, plane_encoding)
    both = images.new_ones(len(images), 2, 1, *images.shape[2:])
    both[:, :1, 0] = images
    alone = torch.nn.functional.pad(images, (0, 0, 0, 0, 0, 1))[:, :, None]
    means = [
        native.lifting_attention(
            both, (images * keys[:, head, None, None])[:, :, None], alone, encodings[head], scale=scale
        )[:, 0, 0]
        for head in range(heads)
    ]
    out: Any = projections[3]
    weight, bias = out.weight.unflatten(1, (-1, heads)), out.bias
    shift = bias + torch.einsum("odh,dh->o", weight, value_bias) + 0.0 * key_bias.sum()  # its gradient is zero
    factors = torch.einsum("odh,dh->oh", weight, value)
    stacked = torch.stack(means, 1)
    mixed = torch.baddbmm(shift[:, None], factors.expand(len(images), -1, -1), stacked.flatten(2))
    return mixed.unflatten(2, stacked.shape[2:])


def _of_one_channel(layer: nn.Module) -> tuple[Tensor, Tensor]:
    weight, bias = weight_and_bias(layer)
    return weight[:, 0], bias  # type: ignore[index, return-value]
