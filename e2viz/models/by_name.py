"""A network by the name of its architecture; what the catalogue's row names is imported only then."""

from __future__ import annotations

import dataclasses
import difflib
import importlib
from typing import Any

from torch import nn

from e2viz.architectures import ARCHITECTURES
from e2viz.nn.fresh import drawing


def classes_of(architecture: str) -> tuple[type, type[nn.Module]]:
    """The configuration and the network of an architecture.

    Raises:
        LookupError: for one that the catalogue does not have, with the nearest names.
    """
    if architecture not in ARCHITECTURES:
        near = difflib.get_close_matches(architecture, ARCHITECTURES) or list(ARCHITECTURES)
        raise LookupError(f"no architecture is called {architecture!r}; there are {', '.join(near)}")
    row = ARCHITECTURES[architecture]
    module = importlib.import_module(f"e2viz.models.{row.module}")
    return getattr(module, row.config), getattr(module, row.network)


def build(architecture: str, config: dict[str, Any]) -> nn.Module:
    """A network with fresh weights.

    Args:
        architecture: a key of ``e2viz.architectures.ARCHITECTURES``.
        config: fields of its configuration; those left out keep their defaults.

    Raises:
        LookupError: for an unknown architecture.
        ValueError: for a field the configuration does not have, or values that do not fit together.
    """
    with drawing():
        return classes_of(architecture)[1](configured(architecture, config))


def configured(architecture: str, config: dict[str, Any]) -> Any:
    """The configuration of an architecture, whole and checked: as ``build`` takes it, without building.

    Raises:
        LookupError: for an unknown architecture.
        ValueError: for a field the configuration does not have, or values that do not fit together.
    """
    config_class, _ = classes_of(architecture)
    fields = {field.name for field in dataclasses.fields(config_class)}
    if unknown := set(config) - fields:
        raise ValueError(
            f"{architecture} has no field {', '.join(sorted(unknown))}; it has {', '.join(sorted(fields))}"
        )
    return config_class(**_tuples(config))


def _tuples(value: Any) -> Any:
    """JSON knows no tuples: lists become tuples again, at any depth."""
    if isinstance(value, dict):
        return {key: _tuples(each) for key, each in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
