"""What a ViT's class token attends to: layer by layer, and through all layers by rollout.

Tokens are patches, row by row, behind any few that are none: a class token first, then registers or a token of
distillation. Where there is no class token, the mean of the patches stands in its place, as it does in such models.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from einops import rearrange
from jaxtyping import Float

from e2viz.measure.turning import special_tokens

Attention = Float[np.ndarray, "batch head token token"]


def rollout(attention: Sequence[Attention], up_to: int | None = None) -> Float[np.ndarray, "batch token token"]:
    """How much of each input token reaches each token, if attention mixed tokens and did nothing else.

    Heads are averaged, half of the identity stands for the residual connection, and the layers are multiplied.
    Rows sum to one.
    Source: Abnar & Zuidema 2020, section 3, equations for attention rollout.

    Args:
        attention: probabilities of each layer, first layer first.
        up_to: number of layers to go through; by default all.

    Raises:
        ValueError: without layers, or if rows do not sum to one.
    """
    layers = list(attention)[:up_to]
    if not layers:
        raise ValueError("rollout needs the attention of at least one layer, got none")
    reached = np.eye(layers[0].shape[-1])[None]
    for index, maps in enumerate(layers):
        mixed = maps.astype(np.float64).mean(axis=1)
        if not np.allclose(mixed.sum(axis=-1), 1.0, atol=1e-2):
            raise ValueError(f"attention must be probabilities over the last axis, layer {index} is not")
        mixed = 0.5 * mixed + 0.5 * np.eye(mixed.shape[-1])
        reached = mixed / mixed.sum(axis=-1, keepdims=True) @ reached
    return reached


def patch_grid(weights: Float[np.ndarray, "*batch token"]) -> Float[np.ndarray, "*batch row column"]:
    """Weights over [class token and its like, patches row by row] as a map of the patches.

    Raises:
        ValueError: if the tokens are not a square of patches behind few others.
    """
    special = special_tokens(weights.shape[-1])
    side = math.isqrt(weights.shape[-1])
    return rearrange(weights[..., special:], "... (row column) -> ... row column", row=side)


def of_class_token(attention: Float[np.ndarray, "*batch token token"]) -> Float[np.ndarray, "*batch token"]:
    """What the class token attends to; without one, what the patches attend to on average."""
    return attention[..., 0, :] if special_tokens(attention.shape[-1]) else attention.mean(axis=-2)


def class_token_attention(attention: Attention) -> Float[np.ndarray, "batch head row column"]:
    """What the class token attends to in one layer, for each head.

    A head's map sums to one less what the class token keeps for itself.
    """
    return patch_grid(of_class_token(attention))


def class_token_rollout(
    attention: Sequence[Attention], up_to: int | None = None
) -> Float[np.ndarray, "batch row column"]:
    """The rollout from the patches to the class token.

    A map sums to one less what stays of the class token itself.
    """
    return patch_grid(of_class_token(rollout(attention, up_to)))


def patch_attention(attention: Attention, row: int, column: int) -> Float[np.ndarray, "batch head row column"]:
    """What one patch attends to in one layer, for each head.

    Raises:
        ValueError: if there is no such patch.
    """
    side = math.isqrt(attention.shape[-1])
    if not (0 <= row < side and 0 <= column < side):
        raise ValueError(f"patch must lie on the {side}×{side} grid, got row {row} and column {column}")
    return patch_grid(attention[:, :, special_tokens(attention.shape[-1]) + row * side + column])
