"""What a ViT's class token attends to: layer by layer, and through all layers by rollout."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from einops import rearrange
from jaxtyping import Float

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
    """Weights over [class token, patches row by row] as a map of the patches.

    Raises:
        ValueError: if the tokens are not a class token and a square number of patches.
    """
    side = math.isqrt(weights.shape[-1] - 1)
    if side**2 + 1 != weights.shape[-1] or side < 1:
        raise ValueError(f"tokens must be a class token and a square of patches, got {weights.shape[-1]}")
    return rearrange(weights[..., 1:], "... (row column) -> ... row column", row=side)


def class_token_attention(attention: Attention) -> Float[np.ndarray, "batch head row column"]:
    """What the class token attends to in one layer, for each head.

    A head's map sums to one less what the class token keeps for itself.
    """
    return patch_grid(attention[:, :, 0])


def class_token_rollout(
    attention: Sequence[Attention], up_to: int | None = None
) -> Float[np.ndarray, "batch row column"]:
    """The rollout from the patches to the class token.

    A map sums to one less what stays of the class token itself.
    """
    return patch_grid(rollout(attention, up_to)[:, 0])


def patch_attention(attention: Attention, row: int, column: int) -> Float[np.ndarray, "batch head row column"]:
    """What one patch attends to in one layer, for each head.

    Raises:
        ValueError: if there is no such patch.
    """
    side = math.isqrt(attention.shape[-1] - 1)
    if not (0 <= row < side and 0 <= column < side):
        raise ValueError(f"patch must lie on the {side}×{side} grid, got row {row} and column {column}")
    return patch_grid(attention[:, :, 1 + row * side + column])
