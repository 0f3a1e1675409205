"""Batch normalisation of feature maps on a group: one mean and one deviation for all group elements of a channel.

A map on a group has few channels and many places. torch's kernel gives a GPU one block for each channel, so that a
dozen blocks do all the summing and a hundred processors wait; here sums go over the whole GPU.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

AXES = (0, 2, 3, 4)


class GroupBatchNorm(nn.BatchNorm3d):
    """``BatchNorm3d`` with the same parameters and values; only training on a GPU takes another way to them.

    Statistics are shared by the group axis, so that acting on the input acts on the output with the same.
    """

    def forward(
        self, maps: Float[Tensor, "batch channel group height width"]
    ) -> Float[Tensor, "batch channel group height width"]:
        if not (maps.is_cuda and self.training):
            return super().forward(maps)
        normalised, mean, variance = _Normalised.apply(maps, self.weight, self.bias, self.eps)
        self._follow(mean, variance, maps.numel() // maps.shape[1])
        return normalised

    @torch.no_grad()
    def _follow(self, mean: Float[Tensor, " channel"], variance: Float[Tensor, " channel"], count: int) -> None:
        """Take a batch's statistics into the running ones, the variance without bias, as torch does."""
        self.num_batches_tracked.add_(1)  # type: ignore[union-attr, operator]
        self.running_mean.lerp_(mean, self.momentum)  # type: ignore[union-attr, arg-type]
        self.running_var.lerp_(variance * (count / max(1, count - 1)), self.momentum)  # type: ignore[union-attr, arg-type]


class _Normalised(torch.autograd.Function):
    """(x − mean) / √(variance + ε) · weight + bias, in single precision at least."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
        wide = maps.to(torch.promote_types(maps.dtype, torch.float32))
        variance, mean = torch.var_mean(wide, AXES, correction=0)
        inverse = (variance + epsilon).rsqrt()
        scale = inverse * weight
        out = torch.addcmul(_spread(bias - mean * scale), wide, _spread(scale)).to(maps.dtype)
        ctx.save_for_backward(maps, weight, mean, inverse)
        ctx.mark_non_differentiable(mean, variance)
        return out, mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_out: Tensor, _by_mean: Tensor, _by_variance: Tensor) -> tuple[Tensor | None, ...]:
        maps, weight, mean, inverse = ctx.saved_tensors
        wide = by_out.to(mean.dtype)
        standard = (maps.to(mean.dtype) - _spread(mean)).mul_(_spread(inverse))
        by_bias = wide.sum(AXES)
        by_weight = (wide * standard).sum(AXES)
        count = maps.numel() // maps.shape[1]
        inner = wide - _spread(by_bias / count) - standard.mul_(_spread(by_weight / count))
        by_maps = inner.mul_(_spread(weight * inverse)).to(maps.dtype)
        return by_maps, by_weight, by_bias, None


def _spread(values: Float[Tensor, " channel"]) -> Float[Tensor, "channel 1 1 1"]:
    return values[:, None, None, None]
