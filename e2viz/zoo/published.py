"""Read the study's published checkpoints, strictly, into networks of ours.

Their files are PyTorch state dicts in which the positional index tables are saved as buffers. Loading such a table
would bring back the published rule without a word, so each is compared with the table we construct, then dropped.
Source: the published repository of the study (MIT licence); docs/ge_vit.md, "Reading published checkpoints".
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from e2viz.data.data_set import DataSet
from e2viz.data.table import DATA_SETS
from e2viz.models import build
from e2viz.nn.attention import GroupAttention, LiftingAttention
from e2viz.zoo.card import Card
from e2viz.zoo.weights import Model, WeightsError, checksum


@dataclass(frozen=True)
class Published:
    """What has to be known about a published checkpoint, beside its tensors."""

    architecture: str
    config: dict[str, Any] = field(default_factory=dict)
    group: str = ""
    transposed: bool = False
    data_set: DataSet = DATA_SETS["digits"]


_THREE_OR_EIGHT = dataclasses.replace(
    DATA_SETS["digits"], name="digits_3_8", title="Digits 3 and 8 (MNIST)", class_names=("3", "8"), confusable=()
)
PUBLISHED = {
    "ge_vit_p4": Published("ge_vit", group="c4", transposed=True),
    "ge_vit_p4m": Published(
        "ge_vit", {"group": "d4", "classes": 2, "rule": "published_p4m"}, "d4", data_set=_THREE_OR_EIGHT
    ),
    "vit_mnist": Published("vit"),
    "vit_rotmnist": Published("vit", transposed=True),
}

_GROUP_NAMES = [
    (r"^module\.", ""),
    (r"^lifting_self_attention\.", "lifting."),
    (r"^lifting_normalization\.", "lifting_norm."),
    (r"^transformer\.(\d+)\.attention\.0\.", r"blocks.\1.input_norm."),
    (r"^transformer\.(\d+)\.attention\.2\.", r"blocks.\1.attention."),
    (r"^transformer\.(\d+)\.attention\.3\.", r"blocks.\1.output_norm."),
    (r"^transformer\.(\d+)\.mlp\.", r"blocks.\1.mlp."),
    (r"^transformer\.\d+\.weight$", "classifier.weight"),
    (r"(row|col)_embedding\.", r"encoding.\1."),
    (r"encoding\.col\.", "encoding.column."),
    (r"\.layer_norm\.", "."),
    (r"group_embedding\.weight$", "group_embedding"),
    (r"\.wout\.", ".output."),
]
_VIT_NAMES = [
    (r"^module\.", ""),
    (r"^cls_token$", "class_token"),
    (r"^pos_embedding$", "position_embedding"),
    (r"^input_layer\.", "patch_embedding."),
    (r"^transformer\.(\d+)\.layer_norm_1\.", r"layers.\1.attention_norm."),
    (r"^transformer\.(\d+)\.layer_norm_2\.", r"layers.\1.mlp_norm."),
    (r"^transformer\.(\d+)\.attn\.in_proj_", r"layers.\1.attention.in_projection."),
    (r"^transformer\.(\d+)\.attn\.out_proj\.", r"layers.\1.attention.out_projection."),
    (r"^transformer\.(\d+)\.linear\.", r"layers.\1.mlp."),
    (r"^mlp_head\.", "head."),
]
_TABLES = re.compile(r"(row_indices|col_indices|g_indices)$")
_GROUP_BUFFERS = re.compile(r"(^|\.)group\._")


def _read(path: str | PathLike[str]) -> dict[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise WeightsError(f"there is no checkpoint at {path}") from error
    except OSError as error:
        raise WeightsError(f"a checkpoint must be a file that can be read, got {path}: {error.strerror}") from error
    except Exception as error:  # an unpickler raises whatever the bytes make it stumble over
        raise WeightsError(f"{path} is not a PyTorch state dict that can be read safely: {error}") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{path} must hold a state dict, names to tensors, got {type(state).__name__}")
    return state


def _renamed(name: str, rules: list[tuple[str, str]]) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


def _compare_tables(network: nn.Module, tables: dict[str, Tensor]) -> None:
    """Raise WeightsError unless the published index tables are those that the network constructed."""
    layers = {n: m for n, m in network.named_modules() if isinstance(m, GroupAttention | LiftingAttention)}
    for name, layer in layers.items():
        ours: dict[str, Tensor] = {
            "row_indices": layer.encoding.row_offsets,
            "col_indices": layer.encoding.column_offsets,
        }
        if isinstance(layer, GroupAttention):
            ours["g_indices"] = layer.relative
        for kind, table in ours.items():
            published = tables.pop(f"{name}.{kind}", None)
            if published is None or published.shape != table.shape or not torch.allclose(
                published.double(), table.double(), atol=1e-6
            ):  # fmt: skip
                raise WeightsError(f"the table {name}.{kind} of the checkpoint is not the one this group and rule give")
    if tables:
        raise WeightsError(f"the checkpoint holds tables of unknown layers: {', '.join(sorted(tables))}")


def network_of(state: Mapping[str, Tensor], architecture: str, named: str = "the checkpoint") -> nn.Module:
    """The network of a published state dict, in eval mode.

    Args:
        state: names to tensors, as published.
        architecture: a key of ``PUBLISHED``.
        named: what errors call it.

    Raises:
        WeightsError: if any tensor is missing, left over or of another shape.
    """
    facts = PUBLISHED[architecture]
    network = build(facts.architecture, facts.config).eval()
    expected = network.state_dict()
    renamed, tables = in_our_names(state, facts.architecture)
    fitting = {key: v.reshape(expected[key].shape) if _same_size(key, v, expected) else v for key, v in renamed.items()}
    try:
        network.load_state_dict(fitting, strict=True)
    except RuntimeError as error:
        raise WeightsError(f"{named} does not fit {architecture}: {error}") from error
    _compare_tables(network, tables)
    return network


def in_our_names(state: Mapping[str, Tensor], architecture: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Published tensors under our names, and apart from them the index tables.

    Args:
        state: names to tensors, as published.
        architecture: "vit" or one of group attention.
    """
    rules = _VIT_NAMES if architecture == "vit" else _GROUP_NAMES
    renamed: dict[str, Tensor] = {}
    tables: dict[str, Tensor] = {}
    for name, value in state.items():
        if not _GROUP_BUFFERS.search(name):
            (tables if _TABLES.search(name) else renamed)[_renamed(name, rules)] = value
    return renamed, tables


def published_network(path: str | PathLike[str], architecture: str) -> tuple[nn.Module, Published]:
    """The network of a published checkpoint, in eval mode, and what is known about it.

    Args:
        path: the checkpoint.
        architecture: "ge_vit_p4", "ge_vit_p4m", "vit_mnist" or "vit_rotmnist".

    Raises:
        LookupError: for another architecture.
        WeightsError: if the file cannot be read or any tensor is missing, left over or of another shape.
    """
    if architecture not in PUBLISHED:
        near = difflib.get_close_matches(architecture, PUBLISHED) or list(PUBLISHED)
        raise LookupError(f"no published architecture is called {architecture!r}; there are {', '.join(near)}")
    return network_of(_read(path), architecture, str(path)), PUBLISHED[architecture]


def import_checkpoint(path: str | PathLike[str], architecture: str) -> Model:
    """A published checkpoint as a model: takes upright images in [0, 1] like any other.

    Args:
        path: the checkpoint.
        architecture: "ge_vit_p4", "ge_vit_p4m", "vit_mnist" or "vit_rotmnist".

    Raises:
        LookupError: for another architecture.
        WeightsError: if the file cannot be read or does not fit exactly.
    """
    network, facts = published_network(path, architecture)
    card = Card(
        name=f"{architecture}.published",
        architecture=facts.architecture,
        config=config_of(network),
        group=facts.group,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        data_set=facts.data_set,
        orientation="transposed" if facts.transposed else "upright",
        weights_checksum=checksum(Path(path).read_bytes()),
        origin=f"published checkpoint {Path(path).name}",
    )
    return Model(card, network.requires_grad_(False))


def config_of(network: nn.Module) -> dict[str, Any]:
    """The whole configuration of a network, as a card holds it: lists in the place of tuples."""
    return json.loads(json.dumps(dataclasses.asdict(network.config)))  # type: ignore[call-overload]


def _same_size(name: str, value: Tensor, expected: dict[str, Tensor]) -> bool:
    """Whether only axes of length one differ: a 1×1 convolution's weight is our matrix."""
    return name in expected and [n for n in value.shape if n > 1] == [n for n in expected[name].shape if n > 1]
