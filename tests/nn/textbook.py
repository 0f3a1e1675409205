"""The formula of lifting and group attention, transcribed term by term: the oracle of the attention tests.

No trick and no speed: every term of the score stands on its own line, for every pixel, offset and element.
Autograd gives its gradients. It works in any dtype.
"""

import torch
from torch import Tensor


def group_probabilities(
    query: Tensor, key: Tensor, plane_encoding: Tensor, group_encoding: Tensor, scale: float
) -> Tensor:
    """softmax over (m, u) of score[v, g, m, u]: [batch head v g height width m window window]."""
    batch, depth, heads, order, height, width = query.shape
    window = plane_encoding.shape[-1]
    depth_plane = plane_encoding.shape[1]
    keys = _windows(key, window)
    content = torch.einsum("bceghw,bcemhwij->beghwmij", query, keys)
    plane = torch.einsum("bceghw,vcij->bevghwij", query[:, :depth_plane], plane_encoding)
    group = torch.einsum("bceghw,vgmc->bevghwm", query[:, depth_plane:], group_encoding)
    score = content[:, :, None] + plane[:, :, :, :, :, :, None] + group[..., None, None]
    score = score * scale
    outside = ~_inside(height, width, window)
    score = score.masked_fill(outside[:, :, None], -torch.inf)
    flat = score.reshape(batch, heads, order, order, height, width, order * window * window)
    return torch.softmax(flat, dim=-1).reshape(score.shape)


def group_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    plane_encoding: Tensor,
    group_encoding: Tensor,
    *,
    scale: float,
    dropout_mask: Tensor | None = None,
) -> Tensor:
    """Sum over g, outside the softmax, of the probabilities applied to the values.

    dropout_mask multiplies the probabilities; it has their shape and already holds 1 / (1 - dropout_p).
    """
    probability = group_probabilities(query, key, plane_encoding, group_encoding, scale)
    if dropout_mask is not None:
        probability = probability * dropout_mask
    return torch.einsum("bevghwmij,bcemhwij->bcevhw", probability, _windows(value, plane_encoding.shape[-1]))


def lifting_probabilities(query: Tensor, key: Tensor, plane_encoding: Tensor, scale: float) -> Tensor:
    """softmax over u of score[v, u]: [batch head v height width window window]."""
    height, width = query.shape[-2:]
    window = plane_encoding.shape[-1]
    content = torch.einsum("bcehw,bcehwij->behwij", query, _windows(key, window))
    plane = torch.einsum("bcehw,vcij->bevhwij", query, plane_encoding)
    score = (content[:, :, None] + plane) * scale
    score = score.masked_fill(~_inside(height, width, window), -torch.inf)
    return torch.softmax(score.flatten(-2), dim=-1).reshape(score.shape)


def lifting_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    plane_encoding: Tensor,
    *,
    scale: float,
    dropout_mask: Tensor | None = None,
) -> Tensor:
    """The probabilities of each group element applied to the values; dropout_mask as in `group_attention`."""
    probability = lifting_probabilities(query, key, plane_encoding, scale)
    if dropout_mask is not None:
        probability = probability * dropout_mask
    return torch.einsum("bevhwij,bcehwij->bcevhw", probability, _windows(value, plane_encoding.shape[-1]))


def _windows(plane: Tensor, window: int) -> Tensor:
    """plane[..., x + u] for every pixel x and offset u, zero outside: [... height width window window]."""
    height, width = plane.shape[-2:]
    radius = window // 2
    padded = torch.nn.functional.pad(plane, (radius, radius, radius, radius))
    rows = [
        torch.stack([padded[..., i : i + height, j : j + width] for j in range(window)], dim=-1) for i in range(window)
    ]
    return torch.stack(rows, dim=-2)


def _inside(height: int, width: int, window: int) -> Tensor:
    """Whether x + u lies in the plane: [height width window window]."""
    inside = torch.zeros(height, width, window, window, dtype=torch.bool)
    for row in range(height):
        for column in range(width):
            for i in range(window):
                for j in range(window):
                    key_row, key_column = row + i - window // 2, column + j - window // 2
                    inside[row, column, i, j] = 0 <= key_row < height and 0 <= key_column < width
    return inside
