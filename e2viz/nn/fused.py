"""Blocks and encodings in one call of the compiled kernel, where no gradient is asked for and nobody looks inside.

Each function answers None where it may not: the caller then goes step by step. Modules are taken apart by their
dictionaries, since asking by attribute costs more time than the kernel needs for a small map.
"""

from __future__ import annotations

from collections.abc import Iterable

from jaxtyping import Float
from torch import Tensor, nn

from e2viz.nn import functional, native
from e2viz.nn.pointwise import Pointwise, WholeNorm, weight_and_bias


def block(
    maps: Float[Tensor, "batch inputs group height width"],
    residual: Float[Tensor, "batch outputs group h w"],
    input_norm: nn.Module,
    attention: nn.Module,
    output_norm: nn.Module,
    mlp: nn.Sequential,
) -> Float[Tensor, "batch outputs group h w"] | None:
    """A block of GE-ViT: ``residual`` plus the attended maps, cropped to its size, then the MLP, added.

    Args:
        maps: the input.
        residual: the cropped input, or what a shortcut makes of it.
        input_norm: before attention, with a swish.
        attention: a ``GroupAttention``.
        output_norm: after attention, with a swish.
        mlp: product, norm, swish, product, norm.

    Returns:
        The output; None where gradients, hooks, other layers or another device need the steps one by one.
    """
    parts = attention._modules
    widen, hidden_norm, swish, narrow, last_norm = mlp._modules.values()
    projections = [parts[name] for name in ("query", "key", "value", "output")]
    norms, products = [input_norm, output_norm, hidden_norm, last_norm], [widen, narrow]
    if _watched((attention, mlp, swish, *norms, *projections, *products)):  # type: ignore[arg-type]
        return None
    if any(type(each) is not WholeNorm for each in norms) or any(type(each) is not Pointwise for each in products):
        return None
    of_norms, of_products, of_projections = (
        [weight_and_bias(each) for each in layers]  # type: ignore[arg-type]
        for layers in (norms, products, projections)
    )
    parameters = [each for pair in (*of_norms, *of_products, *of_projections) for each in pair]
    if not functional.runs_in_kernel(maps, residual, attention.group_embedding, *parameters):
        return None
    return native.block(
        maps, residual, of_projections, attention.encoding(), attention.group_encoding(), of_norms, of_products,
        heads=attention.heads, scale=attention.scale, epsilon=input_norm.eps,
    )  # fmt: skip


def swish_norm(
    maps: Float[Tensor, "batch channel *positions"], norm: nn.Module
) -> Float[Tensor, "batch channel *positions"] | None:
    """swish(norm(maps)) of a ``WholeNorm``."""
    parameters = weight_and_bias(norm)
    if type(norm) is not WholeNorm or _watched((norm,)) or not functional.runs_in_kernel(maps, *parameters):
        return None
    return native.swish_norm(maps, parameters, epsilon=norm.eps)  # type: ignore[arg-type]


def plane_encoding(
    row_offsets: Float[Tensor, "v window window"],
    column_offsets: Float[Tensor, "v window window"],
    row: nn.Sequential,
    column: nn.Sequential,
) -> Float[Tensor, "v depth window window"] | None:
    """Row and column encodings of all window offsets by their networks; see ``e2viz.nn.positional``."""
    networks = []
    for network in (row, column):
        widen, norm, _, narrow = network._modules.values()
        networks.append([weight_and_bias(widen), weight_and_bias(norm), weight_and_bias(narrow)])  # type: ignore[arg-type]
    parameters = [each for network in networks for pair in network for each in pair]
    if not functional.runs_in_kernel(row_offsets, column_offsets, *parameters):
        return None
    return native.plane_encoding([row_offsets, column_offsets], networks, epsilon=row[1].eps)


def _watched(layers: Iterable[nn.Module]) -> bool:
    """Whether a hook waits for what a layer takes or gives."""
    for layer in layers:
        if layer._forward_hooks or layer._forward_pre_hooks:
            return True
    return False
