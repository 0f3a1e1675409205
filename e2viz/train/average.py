"""A running mean of a network's weights, which is what a short run ships."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential mean of weights and of floating-point buffers, with a shorter memory in the first steps.

    The decay of step t is min(decay, (1 + t) / (10 + t)), so that the random start is forgotten at once.

    Args:
        network: whose weights are followed; the mean lives in a copy of it, ``network``, in eval mode.
        decay: of the mean; 0 keeps the copy equal to the network.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.network = copy.deepcopy(network).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take the network's weights after ``step`` steps into the mean."""
        decay = min(self.decay, (1 + step) / (10 + step))
        mean: list[Tensor] = []
        new: list[Tensor] = []
        current = network.state_dict()
        for name, tensor in self.network.state_dict().items():
            if tensor.is_floating_point():
                mean.append(tensor)
                new.append(current[name])
            else:
                tensor.copy_(current[name])
        torch._foreach_lerp_(mean, new, 1 - decay)
