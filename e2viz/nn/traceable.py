"""Group attention in whole tensors and plain operations, which an exporter can follow: no tiles, nothing in place.

It needs as much memory as the published formula and is right on any device; it is taken while a model is exported.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor


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
    """See ``functional.group_attention``; nothing is ever dropped, since a model is exported in eval mode."""
    window, depth = int(plane_encoding.shape[-1]), int(plane_encoding.shape[1])  # a tracer's sizes are tensors
    query = query * scale
    content = torch.einsum("bcegxy,bcemxyo->begmxyo", query, _windows(key, window))[:, :, None]
    plane = torch.einsum("bcegxy,vco->bevgxyo", query[:, :depth], plane_encoding.flatten(2))[:, :, :, :, None]
    group = torch.einsum("bcegxy,vgmc->bevgmxy", query[:, depth:], group_encoding)[..., None]
    weights = _joint_softmax(content + plane + group, _inside(query, window)).sum(3)
    return torch.einsum("bevmxyo,bcemxyo->bcevxy", weights, _windows(value, window))


def lifting_attention(
    query: Float[Tensor, "batch depth head height width"],
    key: Float[Tensor, "batch depth head height width"],
    value: Float[Tensor, "batch depth head height width"],
    plane_encoding: Float[Tensor, "group depth window window"],
    *,
    scale: float,
    dropout_p: float = 0.0,
) -> Float[Tensor, "batch depth head group height width"]:
    """See ``functional.lifting_attention``."""
    window = int(plane_encoding.shape[-1])
    query = query * scale
    content = torch.einsum("bcexy,bcexyo->bexyo", query, _windows(key, window))[:, :, None]
    plane = torch.einsum("bcexy,vco->bevxyo", query, plane_encoding.flatten(2))
    weights = (content + plane).masked_fill(~_inside(query, window), -torch.inf).softmax(-1)
    return torch.einsum("bevxyo,bcexyo->bcevxy", weights, _windows(value, window))


def _windows(maps: Float[Tensor, "*axes height width"], window: int) -> Float[Tensor, "*axes height width offset"]:
    """What lies at each offset of the window around each pixel; zeros outside."""
    height, width = (int(size) for size in maps.shape[-2:])
    padded = F.pad(maps, (window // 2,) * 4)
    shifted = [padded[..., i : i + height, j : j + width] for i in range(window) for j in range(window)]
    return torch.stack(shifted, dim=-1)


def _inside(maps: Float[Tensor, "*axes height width"], window: int) -> Bool[Tensor, "height width offset"]:
    """Which offsets lie in the plane."""
    height, width = (int(size) for size in maps.shape[-2:])
    return _windows(torch.ones(height, width, dtype=maps.dtype, device=maps.device), window) > 0


def _joint_softmax(
    score: Float[Tensor, "b e v g m h w o"], inside: Bool[Tensor, "h w o"]
) -> Float[Tensor, "b e v g m h w o"]:
    """Softmax over key element and offset together."""
    masked = score.masked_fill(~inside, -torch.inf).movedim(4, 6)
    return masked.flatten(-2).softmax(-1).unflatten(-1, masked.shape[-2:]).movedim(6, 4)
