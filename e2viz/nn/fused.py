"""Norm with swish, max-pooling and encodings, in one call of the compiled kernel each; encodings without gradients.

Each function answers None where it may not: the caller then goes step by step. Modules are taken apart by their
dictionaries, since asking by attribute costs more time than the kernel needs for a small map.
"""

from __future__ import annotations

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from e2viz.nn import native, paths
from e2viz.nn.pointwise import WholeNorm, weight_and_bias


def swish_norm(
    maps: Float[Tensor, "batch channel *positions"], norm: nn.Module
) -> Float[Tensor, "batch channel *positions"] | None:
    """swish(norm(maps)) of a ``WholeNorm``, with its gradient."""
    parameters = weight_and_bias(norm)
    if (
        type(norm) is not WholeNorm
        or norm._forward_hooks
        or norm._forward_pre_hooks
        or not paths.suits_kernel(maps, *parameters)
    ):
        return None
    return native.swish_norm(maps, parameters, epsilon=norm.eps)  # type: ignore[arg-type]


def max_pool(maps: Float[Tensor, "*plane height width"]) -> Float[Tensor, "*plane h w"] | None:
    """The largest of each 2x2 pixels, with its gradient."""
    return native.max_pool(maps) if paths.suits_kernel(maps) else None


def plane_encoding(
    row_offsets: Float[Tensor, "v window window"],
    column_offsets: Float[Tensor, "v window window"],
    row: nn.Sequential,
    column: nn.Sequential,
) -> Float[Tensor, "v depth window window"] | None:
    """Row and column encodings of all window offsets by their networks; see ``e2viz.nn.positional``."""
    networks: list[Any] = []
    for network in (row, column):
        layers: list[Any] = list(network._modules.values())
        widen, norm, _, narrow = layers
        networks.append([weight_and_bias(widen), weight_and_bias(norm), weight_and_bias(narrow)])
    parameters = [each for network in networks for pair in network for each in pair]
    if not paths.runs_in_kernel(row_offsets, column_offsets, *parameters):
        return None
    return native.plane_encoding([row_offsets, column_offsets], networks, epsilon=norm.eps)
