"""A running mean of a network's weights, which is what a short run ships."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential mean of weights and of floating-point buffers, with a shorter memory in the first steps.

    Ours rather than ``torch.optim.swa_utils.AveragedModel`` because it takes a sixth of the time (0.17 and 0.95 ms for
    the ViT of the digits): it looks each tensor up once.

    The decay of step t is min(decay, (1 + t) / (10 + t)), so that the random start is forgotten at once.

    Args:
        network: whose weights are followed; the mean lives in a copy of it, ``network``, in eval mode.
        decay: of the mean; 0 keeps the copy equal to the network.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._pairs: tuple[nn.Module, list[tuple[Tensor, Tensor]]] | None = None

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take the network's weights after ``step`` steps into the mean."""
        decay = min(self.decay, (1 + step) / (10 + step))
        pairs = self._pairs_with(network)
        followed = [pair for pair in pairs if pair[0].is_floating_point()]
        for mean, new in pairs:
            if not mean.is_floating_point():
                mean.copy_(new)
        torch._foreach_lerp_([mean for mean, _ in followed], [new for _, new in followed], 1 - decay)

    def _pairs_with(self, network: nn.Module) -> list[tuple[Tensor, Tensor]]:
        """(mean, current) of every tensor, looked up once: a state dict takes longer than the sums of a small step."""
        if self._pairs is None or self._pairs[0] is not network:
            current = network.state_dict()
            self._pairs = network, [(mean, current[name]) for name, mean in self.network.state_dict().items()]
        return self._pairs[1]
