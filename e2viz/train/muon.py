"""Muon: momentum whose update of every matrix is made nearly orthogonal.

In float32, since CPUs are slow in bfloat16.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn


def orthogonalised(matrix: Float[Tensor, "row column"], rounds: int = 5) -> Float[Tensor, "row column"]:
    """A matrix with the same singular vectors and singular values near 1 (about 0.7 to 1.2).

    Source: the quintic Newton-Schulz iteration of Jordan et al. 2024.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(rounds):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised, with decoupled weight decay, for matrices alone.

    Source: Jordan et al. 2024; the step is scaled by 0.2 √(larger side) as in Liu et al. 2025, so that the
    learning rate of AdamW fits.

    Args:
        matrices: parameters with two axes.
        lr: learning rate.
        momentum: of the gradient's running mean.
        weight_decay: share of the weights that is taken off at each step, times the learning rate.
    """

    def __init__(
        self, matrices: Iterable[nn.Parameter], lr: float, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for matrix in group["params"]:
                state = self.state[matrix]
                if "mean" not in state:
                    state["mean"] = torch.zeros_like(matrix)
                mean = state["mean"].lerp_(matrix.grad, 1 - group["momentum"])
                update = orthogonalised(matrix.grad.lerp(mean, group["momentum"]))
                matrix.mul_(1 - group["lr"] * group["weight_decay"])
                matrix.add_(update, alpha=-group["lr"] * 0.2 * max(matrix.shape) ** 0.5)
