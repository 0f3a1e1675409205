"""One view of a picture chosen by what a model says about it; its logits are the answer.

Every rule scores each view by itself, so that the order of the views does not matter. The gate is the exception, and
is meant to be: it asks first for the picture as it was brought.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

ViewLogits = Float[Tensor, "batch view classes"]
Logits = Float[Tensor, "batch classes"]
# Nats by which another view must have more evidence than the picture as it was brought. Chosen on validation pictures
# of two models, upright and turned (benchmarks/gate.py): of 0, 0.25, 0.5, 0.75 and 1 nats, right are 73.5, 75.6,
# 76.5, 76.3 and 75.6 %.
GATE = 0.5


def of_view(views: Float[Tensor, "batch view *shape"], chosen: Int[Tensor, " batch"]) -> Float[Tensor, "batch *shape"]:
    """The chosen view of each picture."""
    place = chosen.reshape(-1, *[1] * (views.ndim - 1)).expand(-1, 1, *views.shape[2:])
    return views.gather(1, place).squeeze(1)


def certainty(logits: Float[Tensor, "*batch classes"]) -> Float[Tensor, "*batch"]:
    """Log odds of the most probable class: rises with its probability and still differs where that rounds to 1."""
    best = logits.argmax(-1, keepdim=True)
    others = logits.scatter(-1, best, -torch.inf).logsumexp(-1)
    return logits.gather(-1, best).squeeze(-1) - others


def log_entropy(logits: Float[Tensor, "*batch classes"]) -> Float[Tensor, "*batch"]:
    """Logarithm of Shannon's entropy of the softmax, in nats: still differs where all probabilities round to 0 or 1.

    Each class adds p · -log p. For the most probable one -log p is softplus of minus its log odds, which is their
    exponential when the odds are large.
    """
    odds = certainty(logits)
    log_probability = logits.log_softmax(-1)
    best = logits.argmax(-1, keepdim=True)
    surprise = (-log_probability).clamp_min(torch.finfo(logits.dtype).tiny).log()
    of_best = torch.where(odds > 20, -odds, functional.softplus(-odds.clamp_max(20)).log())
    return (log_probability + surprise.scatter(-1, best, of_best[..., None])).logsumexp(-1)


def evidence(logits: Float[Tensor, "*batch classes"]) -> Float[Tensor, "*batch"]:
    """Log-sum-exp of the logits, which is minus the free energy: high where a picture looks like the training data.

    Source: Liu et al. 2020, *Energy-based Out-of-distribution Detection*, at temperature 1.
    """
    return logits.logsumexp(-1)


def most_certain(logits: ViewLogits) -> Logits:
    """The logits of one view: the one whose largest class probability is largest.

    Source: the study. Its code takes the maximum of each class by itself, which mixes views; on random logits that
    changes the predicted class in 43 % of cases.
    """
    return of_view(logits, certainty(logits).argmax(1))


def lowest_entropy(logits: ViewLogits) -> Logits:
    """The logits of one view: the one whose class probabilities have the lowest entropy.

    With two classes it is the most certain view; with more it also asks how the rest is spread.
    Source: equizero, Basu et al. 2023, *Efficient Equivariant Transfer Learning from Pretrained Models*:
    the view of least loss. The loss is free to be chosen; it is entropy here.
    """
    return of_view(logits, log_entropy(logits).argmin(1))


def angle_search(logits: ViewLogits) -> Logits:
    """The logits of the view with most evidence: a search over the group, with nothing in its way.

    Source: Schmidt & Stober 2024, *Tilt your Head*, which descends a tree of transformations by such an energy; here
    every element is tried.
    """
    return of_view(logits, evidence(logits).argmax(1))


def gated_search(logits: ViewLogits, gate: float = GATE) -> Logits:
    """The search, behind a gate: the picture as it was brought keeps its answer unless another view has clearly more.

    The gate opens where max_e evidence(view e) - evidence(view 0) > gate, view 0 being the picture itself. At 0 it is
    the search without a gate. A gate makes the picture's own position special, so that the result is no longer
    invariant: that is its price. Source: the search as above; the gate is ours.

    Args:
        logits: view 0 is the picture as it was brought.
        gate: in nats, at least 0.
    """
    seen = evidence(logits)
    most = seen.max(1)
    return of_view(logits, torch.where(most.values - seen[:, 0] > gate, most.indices, 0))
