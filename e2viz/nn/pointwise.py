"""What acts on each position by itself, or on all of them alike, and so keeps every symmetry."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext

import torch
from jaxtyping import Float
from torch import Tensor, nn

HALF = (torch.bfloat16, torch.float16)


class Pointwise(nn.Module):
    """A 1×1 convolution over whatever axes follow the channels, written as one matrix product.

    It commutes with every action on positions and on the group axis.
    """

    def __init__(self, inputs: int, outputs: int, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs).normal_(0.0, math.sqrt(2.0 / inputs)))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def forward(self, maps: Float[Tensor, "batch inputs *positions"]) -> Float[Tensor, "batch outputs *positions"]:
        flat = maps.flatten(2)
        weight = self.weight.expand(flat.shape[0], -1, -1)  # a batched product copies nothing; matmul would
        mixed = torch.bmm(weight, flat) if self.bias is None else torch.baddbmm(self.bias[:, None], weight, flat)
        return mixed.unflatten(2, maps.shape[2:])


class WholeNorm(nn.GroupNorm):
    """Normalises over channels, group, height and width together (a group norm with one group, ε = 1e-12).

    Statistics over the whole map are the same for every turned map, so the norm commutes with the action.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(1, channels, eps=1e-12)

    def forward(self, maps: Float[Tensor, "batch channels *positions"]) -> Float[Tensor, "batch channels *positions"]:
        """In single precision at least: statistics over ten thousands of numbers do not fit into half."""
        if maps.dtype in HALF:
            whole = nn.functional.group_norm(maps.float(), 1, self.weight.float(), self.bias.float(), self.eps)
            return whole if autocast_runs(maps.device) else whole.to(maps.dtype)
        return super().forward(maps)


class ChannelNorm(nn.LayerNorm):
    """Normalises over the channels at each position by itself (ε = 1e-12)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-12)

    def forward(self, maps: Float[Tensor, "batch channels *positions"]) -> Float[Tensor, "batch channels *positions"]:
        last = maps.ndim - 1  # exporters take no negative axis here
        return super().forward(maps.movedim(1, last)).movedim(last, 1)


def autocast_runs(device: torch.device) -> bool:
    """Whether operations on the device are now cast to half precision."""
    return torch.amp.is_autocast_available(device.type) and torch.is_autocast_enabled(device.type)


def single_precision(device: torch.device) -> AbstractContextManager[object]:
    """No autocast on the device while this context lasts."""
    return torch.autocast(device.type, enabled=False) if autocast_runs(device) else nullcontext()


def weight_and_bias(layer: nn.Module) -> tuple[Tensor | None, Tensor | None]:
    """Both parameters, None for one that is not there.

    Straight from the module's dictionary: asking by attribute costs a microsecond, and a block of GE-ViT has forty.
    """
    parameters = layer._parameters
    return parameters.get("weight"), parameters.get("bias")
