"""The architectures that wrap no other. One a file; this table is the only place that lists them."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any

from torch import nn

from e2viz.models.cnn import CNN, CNNConfig
from e2viz.models.gcnn import GCNN, GCNNConfig
from e2viz.models.ge_vit import GEViT, GEViTConfig
from e2viz.models.gsa_net import GSANet, GSANetConfig
from e2viz.models.hybrid import Hybrid, HybridConfig
from e2viz.models.patch_ge_vit import PatchGEViT, PatchGEViTConfig
from e2viz.models.resnet import ResNet, ResNetConfig
from e2viz.models.vit import ViT, ViTConfig

Table = Mapping[str, tuple[type, type[nn.Module]]]
PLAIN: dict[str, tuple[type, type[nn.Module]]] = {
    "ge_vit": (GEViTConfig, GEViT),
    "gsa_net": (GSANetConfig, GSANet),
    "vit": (ViTConfig, ViT),
    "cnn": (CNNConfig, CNN),
    "gcnn": (GCNNConfig, GCNN),
    "patch_ge_vit": (PatchGEViTConfig, PatchGEViT),
    "hybrid": (HybridConfig, Hybrid),
    "resnet": (ResNetConfig, ResNet),
}


def build_from(table: Table, architecture: str, config: dict[str, Any]) -> nn.Module:
    """A network with fresh weights.

    Args:
        table: name -> configuration and network.
        architecture: a key of the table.
        config: fields of its configuration; those left out keep their defaults.

    Raises:
        LookupError: for an unknown architecture.
        ValueError: for a field the configuration does not have, or values that do not fit together.
    """
    if architecture not in table:
        near = difflib.get_close_matches(architecture, table) or list(table)
        raise LookupError(f"no architecture is called {architecture!r}; there are {', '.join(near)}")
    config_class, network_class = table[architecture]
    fields = {field.name for field in dataclasses.fields(config_class)}
    if unknown := set(config) - fields:
        raise ValueError(
            f"{architecture} has no field {', '.join(sorted(unknown))}; it has {', '.join(sorted(fields))}"
        )
    return network_class(config_class(**_tuples(config)))


def _tuples(value: Any) -> Any:
    """JSON knows no tuples: lists become tuples again, at any depth."""
    if isinstance(value, dict):
        return {key: _tuples(each) for key, each in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
