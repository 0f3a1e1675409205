"""The post-hoc methods by what they do with the views of a picture; the only place that lists them."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from torch import Tensor, nn

from e2viz.nn import aggregation, choosing

Part = Callable[[Tensor], Tensor]
# What is done with the views -> the methods that do it.
KINDS: dict[str, tuple[str, ...]] = {
    "combine": (
        "mean", "max", "sum", "most_likely", "tta", "learned_average", "learned_attention", "lambda_equitune",
    ),
    "choose": ("most_certain", "lowest_entropy"),
    "search": ("angle_search", "gated_search"),
    "canonicalise": ("canonical", "canonical_upright"),
}  # fmt: skip
METHODS = tuple(method for methods in KINDS.values() for method in methods)
# On the logits of each view.
ON_LOGITS: dict[str, Part] = {
    "most_likely": aggregation.most_likely,
    "tta": aggregation.averaged_probability,
    "most_certain": choosing.most_certain,
    "lowest_entropy": choosing.lowest_entropy,
    "angle_search": choosing.angle_search,
    "gated_search": choosing.gated_search,
}
# On the embedding of each view; the head then makes logits of the one embedding.
ON_EMBEDDINGS: dict[str, Part] = {
    "mean": lambda embeddings: embeddings.mean(1),
    "max": lambda embeddings: embeddings.amax(1),
    "sum": lambda embeddings: embeddings.sum(1),
}
# Weights of their own, on the embedding of each view.
POOLS: dict[str, type[nn.Module]] = {
    "learned_average": aggregation.LearnedAverage,
    "learned_attention": aggregation.LearnedAttention,
    "lambda_equitune": aggregation.LambdaEquitune,
}
# Weights of their own, on the picture: one view is chosen before the model sees it.
CANONICAL = KINDS["canonicalise"]
# Those that learn from turned pictures, whatever the model itself learned from: of upright ones, they could read which
# view stands upright off the pixels that were never interpolated.
LEARN_FROM_TURNED = (*CANONICAL, "lambda_equitune")
# Those that are told in training how each picture was turned.
KNOWS_UPRIGHT = ("canonical_upright",)
# Whatever has weights of its own, which must be trained for a model before it says anything.
LEARNED = (*POOLS, *CANONICAL)
# Their answer may change when a group element moves the picture.
NOT_INVARIANT = ("gated_search",)


def suits(method: str, network: nn.Module) -> bool:
    """Whether a method says anything about a network: a search compares evidence, of which probabilities keep nothing.

    Args:
        method: one of ``METHODS``.
        network: one that is only run may say in ``scores`` what it gives; others give logits.
    """
    whole = getattr(network, "scores", "logits") not in ("probabilities", "log-probabilities")
    return whole or method not in KINDS["search"]


def kind_of(method: str) -> str:
    """What a method does with the views: a key of ``KINDS``.

    Raises:
        LookupError: for an unknown method, with the nearest names.
    """
    for kind, methods in KINDS.items():
        if method in methods:
            return kind
    near = difflib.get_close_matches(method, METHODS) or METHODS
    raise LookupError(f"no post-hoc method is called {method!r}; there are {', '.join(near)}")
