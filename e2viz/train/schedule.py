"""How fast a run learns at each step, and by which optimisers: what of a recipe is arithmetic alone."""

from __future__ import annotations

import math

import torch
from torch import nn

from e2viz.nn.group_convolution import GroupConvolution, LiftingConvolution
from e2viz.train.muon import Muon
from e2viz.train.recipe import Recipe


def learning_rate(recipe: Recipe, step: int, steps: int, nominal: int | None = None) -> float:
    """Linear warm-up, then down to zero at ``steps``: by half a cosine, or level and then straight.

    Args:
        recipe: which of the two.
        step: the first is 0.
        steps: of the whole run.
        nominal: steps that a trapezoid's warm-up is a share of, so that it is the same however long the run becomes.
    """
    trapezoid = recipe.anneal == "trapezoid"
    warmup = max(1, round(recipe.warmup * (nominal or steps if trapezoid else steps)))
    if step < warmup:
        return recipe.learning_rate * (step + 1) / warmup
    if trapezoid:
        return recipe.learning_rate * min(1.0, (steps - step) / max(1, round(recipe.decay * steps)))
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def optimisers(recipe: Recipe, network: nn.Module) -> list[torch.optim.Optimizer]:
    """AdamW for all, or Muon for the matrices; weight decay acts on matrices and kernels alone.

    Source: Loshchilov & Hutter 2019; for Muon see ``e2viz.train.muon``.
    """
    filters = {
        id(module.weight)
        for module in network.modules()
        if recipe.muon_filters and isinstance(module, nn.Conv2d | LiftingConvolution | GroupConvolution)
    }
    vectors = [p for p in network.parameters() if p.ndim <= 1]
    matrices = [p for p in network.parameters() if p.ndim > 1]
    by_muon = [p for p in matrices if recipe.optimiser == "muon" and (p.ndim == 2 or id(p) in filters)]
    by_adam = [p for p in matrices if not any(p is q for q in by_muon)]
    groups = [
        {"params": by_adam, "weight_decay": recipe.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    found: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)]
    if by_muon:
        found.append(Muon(by_muon, lr=recipe.learning_rate, weight_decay=recipe.weight_decay))
    return found
