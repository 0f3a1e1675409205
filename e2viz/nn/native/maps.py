"""What GE-ViT does between its attention layers, by the compiled kernel, forward and backward."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from e2viz.nn.native import library


def swish_norm(
    maps: Float[Tensor, "batch channel *positions"], norm: library.Projection, *, epsilon: float
) -> Float[Tensor, "batch channel *positions"]:
    """Norm over everything but the batch, then swish.

    Args:
        maps: the input.
        norm: weights and bias [channel].
        epsilon: of the norm.
    """
    if torch.is_grad_enabled() and any(each.requires_grad for each in (maps, *norm)):
        return _SwishNorm.apply(maps, *norm, epsilon)
    maps = maps.contiguous()
    out = torch.empty_like(maps)
    library.swish_norm(maps, norm, epsilon, out)
    return out


def max_pool(maps: Float[Tensor, "*plane height width"]) -> Float[Tensor, "*plane h w"]:
    """The largest of each 2x2 pixels; a last row or column beyond an even number is left out."""
    return _MaxPool.apply(maps)


class _SwishNorm(torch.autograd.Function):
    """Keeps its input alone."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> Tensor:
        maps = maps.contiguous()
        out = torch.empty_like(maps)
        library.swish_norm(maps, (weight, bias), epsilon, out)
        ctx.save_for_backward(maps, weight, bias)
        ctx.epsilon = epsilon
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_out: Tensor) -> tuple[Tensor | None, ...]:
        maps, *norm = ctx.saved_tensors
        gradients = [torch.empty_like(each) for each in ctx.saved_tensors]
        library.swish_norm_backward(maps, tuple(norm), ctx.epsilon, by_out.contiguous(), gradients)
        return *gradients, None


class _MaxPool(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor) -> Tensor:
        maps = maps.contiguous()
        *planes, height, width = maps.shape
        out = maps.new_empty(*planes, height // 2, width // 2)
        library.max_pool(maps, out)
        ctx.save_for_backward(maps)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_out: Tensor) -> Tensor:
        (maps,) = ctx.saved_tensors
        by_maps = torch.empty_like(maps)
        library.max_pool_backward(maps, by_out.contiguous(), by_maps)
        return by_maps
