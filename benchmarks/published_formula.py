"""Lifting and group attention as the published code evaluates them: what the fast paths are measured against.

Keys and values are unfolded into full windows, the score tensor [batch head v g height width m window window]
is kept whole, then softmax, then einsum. It is not written to be slow; it is the formula as it stands.

Source: Xu et al. 2023, published code, `g_selfatt/nn/GroupLocalSelfAttention`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from e2viz.nn import functional, paths


def group_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    plane_encoding: Tensor,
    group_encoding: Tensor,
    *,
    scale: float,
    dropout_p: float = 0.0,
) -> Tensor:
    """Same arguments and result as `e2viz.nn.functional.group_attention`."""
    window, depth_plane = plane_encoding.shape[-1], plane_encoding.shape[1]
    keys, values = _unfold(key, window), _unfold(value, window)
    content = torch.einsum("bcnghw,bcnmhwij->bnghwmij", query, keys)
    plane = torch.einsum("bcnghw,vcij->bnvghwij", query[:, :depth_plane], plane_encoding)
    group = torch.einsum("bcnghw,vgmc->bnvghwm", query[:, depth_plane:], group_encoding)
    scores = content.unsqueeze(2) + plane.unsqueeze(6) + group[..., None, None]
    scores = (scores * scale).masked_fill(_outside(query, window).unsqueeze(2), float("-inf"))
    flat = rearrange(scores, "b n v g h w m i j -> b n v g h w (m i j)")
    weights = F.dropout(torch.softmax(flat, dim=-1), dropout_p).view(scores.shape)
    return torch.einsum("bnvghwmij,bcnmhwij->bcnvhw", weights, values)


def lifting_attention(
    query: Tensor, key: Tensor, value: Tensor, plane_encoding: Tensor, *, scale: float, dropout_p: float = 0.0
) -> Tensor:
    """Same arguments and result as `e2viz.nn.functional.lifting_attention`."""
    window = plane_encoding.shape[-1]
    keys, values = _unfold(key, window), _unfold(value, window)
    content = torch.einsum("bcnhw,bcnhwij->bnhwij", query, keys)
    plane = torch.einsum("bcnhw,vcij->bnvhwij", query, plane_encoding)
    scores = ((content.unsqueeze(2) + plane) * scale).masked_fill(_outside(query, window), float("-inf"))
    flat = rearrange(scores, "b n v h w i j -> b n v h w (i j)")
    weights = F.dropout(torch.softmax(flat, dim=-1), dropout_p).view(scores.shape)
    return torch.einsum("bnvhwij,bcnhwij->bcnvhw", weights, values)


@contextmanager
def published() -> Iterator[None]:
    """Every attention layer evaluates the published formula."""
    with (
        patch.dict(os.environ, {paths.PATH_VARIABLE: "torch"}),  # the kernel would take whole blocks
        patch.object(functional, "group_attention", group_attention),
        patch.object(functional, "lifting_attention", lifting_attention),
    ):
        yield


def _unfold(maps: Tensor, window: int) -> Tensor:
    radius = window // 2
    return F.pad(maps, (radius,) * 4).unfold(-2, window, 1).unfold(-2, window, 1)


def _outside(maps: Tensor, window: int) -> Tensor:
    return _unfold(maps.new_ones(maps.shape[-2:]), window) == 0
