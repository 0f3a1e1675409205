"""Every architecture: those that stand by themselves (e2viz.models.plain), and any of them wrapped after the fact."""

from __future__ import annotations

from typing import Any

from torch import nn

from e2viz.models.plain import PLAIN, build_from
from e2viz.models.post_hoc_classifier import PostHocClassifier, PostHocConfig

ARCHITECTURES: dict[str, tuple[type, type[nn.Module]]] = {**PLAIN, "post_hoc": (PostHocConfig, PostHocClassifier)}


def build(architecture: str, config: dict[str, Any]) -> nn.Module:
    """A network with fresh weights.

    Args:
        architecture: a key of ``ARCHITECTURES``.
        config: fields of its configuration; those left out keep their defaults.

    Raises:
        LookupError: for an unknown architecture.
        ValueError: for a field the configuration does not have, or values that do not fit together.
    """
    return build_from(ARCHITECTURES, architecture, config)
