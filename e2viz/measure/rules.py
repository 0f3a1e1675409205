"""The same weights under another relative rule: what one line changes, measured at every layer."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float
from torch import nn

from e2viz.images.picture import Picture
from e2viz.measure.action import Transform
from e2viz.measure.equivariance import equivariance_error
from e2viz.measure.subject import AnyModel, subject
from e2viz.nn.attention import GroupAttention
from e2viz.nn.relative import relative_table


def has_group_attention(network: nn.Module) -> bool:
    """Whether the network has a layer whose relative rule can be exchanged."""
    return any(isinstance(layer, GroupAttention) for layer in network.modules())


def follows(network: Any, rule: str) -> bool:
    """Whether all group attention of a network looks its embedding up by that rule already."""
    table = relative_table(network.group, rule)
    layers = [layer for layer in network.modules() if isinstance(layer, GroupAttention)]
    return all(bool((layer.relative == table.to(layer.relative)).all()) for layer in layers)


def with_rule(network: nn.Module, rule: str) -> nn.Module:
    """A copy with the same weights, whose group attention looks its embedding up by another rule.

    Args:
        network: a network with group attention; left as it is.
        rule: a name of ``e2viz.nn.relative.RULES``.

    Raises:
        ValueError: if no layer has group attention.
    """
    if not has_group_attention(network):
        raise ValueError(f"a relative rule needs group attention, {type(network).__name__} has none")
    changed: Any = copy.deepcopy(network)
    for layer in changed.modules():
        if isinstance(layer, GroupAttention):
            layer.relative = relative_table(changed.group, rule).to(layer.relative)
    return changed


def rule_errors(
    model: AnyModel,
    rule: str,
    picture: Picture,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[tuple[str, ...], tuple[Transform, ...], Float[np.ndarray, "probe element"]]:
    """The error at each layer for each group element that is exact, under a rule, with the model's own weights.

    Args:
        model: a zoo model, a module or a subject, with group attention.
        rule: a name of ``e2viz.nn.relative.RULES``.
        picture: what is turned and mirrored.
        progress: called with (transforms done, all).

    Returns:
        Names of the probes, the transforms, and the errors; nothing in them is interpolated.
    """
    seen = subject(model)
    changed = dataclasses.replace(seen, network=with_rule(seen.network, rule))
    group = seen.group
    assert group is not None  # a network with group attention has one
    exact = [element for element in group.elements if element and group.is_exact(element)]
    found = equivariance_error(changed, picture, elements=exact, progress=progress)
    return tuple(found.probes), found.transforms, found.table()
