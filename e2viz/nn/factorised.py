"""Group attention in plain PyTorch, for every float dtype and no compiler."""

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
    """See `functional.group_attention`."""
    window, depth_plane = plane_encoding.shape[-1], plane_encoding.shape[1]
    scaled = query * scale
    content = torch.einsum("bceghw,bcemhwij->beghwmij", scaled, _windows(key, window))[:, :, None]
    plane = torch.einsum("bceghw,vcij->bevghwij", scaled[:, :depth_plane], plane_encoding).unsqueeze(6)
    group = torch.einsum("bceghw,vgmc->bevghwm", scaled[:, depth_plane:], group_encoding)[..., None, None]
    outside = ~_inside(query, window)[:, :, None]
    score = (content + plane + group).masked_fill(outside, -torch.inf)
    weights = F.dropout(score.flatten(-3).softmax(-1), dropout_p).view_as(score).sum(3)
    return torch.einsum("bevhwmij,bcemhwij->bcevhw", weights, _windows(value, window))


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
    window = plane_encoding.shape[-1]
    scaled = query * scale
    content = torch.einsum("bcehw,bcehwij->behwij", scaled, _windows(key, window))[:, :, None]
    plane = torch.einsum("bcehw,vcij->bevhwij", scaled, plane_encoding)
    score = (content + plane).masked_fill(~_inside(query, window), -torch.inf)
    weights = F.dropout(score.flatten(-2).softmax(-1), dropout_p).view_as(score)
    return torch.einsum("bevhwij,bcehwij->bcevhw", weights, _windows(value, window))


def _windows(
    map_: Float[Tensor, "*axes height width"], window: int
) -> Float[Tensor, "*axes height width window window"]:
    return F.pad(map_, (window // 2,) * 4).unfold(-2, window, 1).unfold(-2, window, 1)


def _inside(map_: Tensor, window: int) -> Bool[Tensor, "height width window window"]:
    return _windows(map_.new_ones(map_.shape[-2:]), window) > 0
