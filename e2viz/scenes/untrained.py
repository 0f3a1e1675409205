"""Small networks with fresh weights, to be measured where no trained one of that kind is at hand."""

from __future__ import annotations

import functools
from typing import Any

from torch import nn

from e2viz.measure.subject import Subject, subject
from e2viz.models import build
from e2viz.nn.fresh import drawing

# Large enough to have every kind of layer, small enough to be measured while one waits.
SMALL = {"width": 8, "heads": 4, "depth": 6}


def fresh_subject(group: str, *, seed: int = 0, name: str = "", **config: Any) -> Subject:
    """A small GE-ViT with fresh weights that takes images in [0, 1], the same one for the same seed.

    Args:
        group: "c4", "d4", "c8", ...
        seed: of the weights; torch's generator is left as it was.
        name: its label; by default says that it is untrained.
        config: what differs from ``SMALL``.
    """
    network = _fresh_network(group, seed, tuple(sorted(config.items())))
    return subject(network, name=name or f"untrained GE-ViT {group.upper()}")


@functools.lru_cache(maxsize=16)
def _fresh_network(group: str, seed: int, config: tuple[tuple[str, Any], ...]) -> nn.Module:
    """Shared by all who ask for it: nobody may change it."""
    with drawing(seed):
        return build("ge_vit", {"group": group, **SMALL, **dict(config)}).eval().requires_grad_(False)
