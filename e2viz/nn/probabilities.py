"""Attention weights for chosen query pixels: what a page shows, without keeping the tensor for every pixel.

The weights of a whole D4 block are half a gigabyte; a page shows a few pixels of them.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor


def group_attention(
    query: Float[Tensor, "batch depth head group height width"],
    key: Float[Tensor, "batch depth head group height width"],
    plane_encoding: Float[Tensor, "group depth_plane window window"],
    group_encoding: Float[Tensor, "group group group depth_group"],
    scale: float,
    pixels: Int[Tensor, "pixel 2"],
) -> Float[Tensor, "batch head group group pixel group window window"]:
    """Joint softmax over key element and offset, at the chosen pixels; see `functional`."""
    window = plane_encoding.shape[-1]
    depth_plane = plane_encoding.shape[1]
    pixels = pixels.to(query.device)
    chosen = query[..., pixels[:, 0], pixels[:, 1]] * scale
    keys, inside = _windows(key, window, pixels)
    content = torch.einsum("bcegn,bcemnij->begnmij", chosen, keys)[:, :, None]
    plane = torch.einsum("bcegn,vcij->bevgnij", chosen[:, :depth_plane], plane_encoding)[:, :, :, :, :, None]
    group = torch.einsum("bcegn,vgmc->bevgnm", chosen[:, depth_plane:], group_encoding)[..., None, None]
    score = (content + plane + group).masked_fill(~inside[:, None], -torch.inf)
    return rearrange(
        rearrange(score, "b e v g n m i j -> b e v g n (m i j)").softmax(-1),
        "b e v g n (m i j) -> b e v g n m i j",
        i=window,
        j=window,
    )


def lifting_attention(
    query: Float[Tensor, "batch depth head height width"],
    key: Float[Tensor, "batch depth head height width"],
    plane_encoding: Float[Tensor, "group depth window window"],
    scale: float,
    pixels: Int[Tensor, "pixel 2"],
) -> Float[Tensor, "batch head group pixel window window"]:
    """Softmax over the offsets, at the chosen pixels; see `functional`."""
    window = plane_encoding.shape[-1]
    pixels = pixels.to(query.device)
    chosen = query[..., pixels[:, 0], pixels[:, 1]] * scale
    keys, inside = _windows(key, window, pixels)
    content = torch.einsum("bcen,bcenij->benij", chosen, keys)[:, :, None]
    plane = torch.einsum("bcen,vcij->bevnij", chosen, plane_encoding)
    score = (content + plane).masked_fill(~inside, -torch.inf)
    return rearrange(
        rearrange(score, "b e v n i j -> b e v n (i j)").softmax(-1),
        "b e v n (i j) -> b e v n i j",
        i=window,
        j=window,
    )


def _windows(
    key: Float[Tensor, "*axes height width"], window: int, pixels: Int[Tensor, "pixel 2"]
) -> tuple[Float[Tensor, "*axes pixel window window"], Bool[Tensor, "pixel window window"]]:
    """The window around each chosen pixel, and which of its offsets lie in the plane."""
    height, width = key.shape[-2:]
    radius = window // 2
    offsets = torch.arange(window, device=key.device)
    rows = (pixels[:, 0, None] + offsets)[:, :, None]
    columns = (pixels[:, 1, None] + offsets)[:, None, :]
    inside = (rows >= radius) & (rows < height + radius) & (columns >= radius) & (columns < width + radius)
    return F.pad(key, (radius,) * 4)[..., rows, columns], inside
