"""Any trained model made equivariant after the fact, under a name that says how: "vit.rotmnist+mean_c4".

Most methods learn nothing and need no file. Those that learn have their aggregation's weights in weights/, under the
same name, tied to the checksum of the model that they were learned on.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import nn

from e2viz.architectures import ARCHITECTURES
from e2viz.groups import group as find_group
from e2viz.models import build
from e2viz.models.methods import LEARNED, METHODS, suits
from e2viz.models.post_hoc import PostHoc, parts_of
from e2viz.zoo.card import Card
from e2viz.zoo.weights import Model, WeightsError, checksum

_NAME = re.compile(r"(?P<base>[^+]+)\+(?P<method>[a-z_]+)_(?P<group>[cd][1-9][0-9]*)")


@dataclass(frozen=True)
class Wrapping:
    """What the name of a wrapped model says.

    Args:
        base: name of the model that is wrapped.
        method, group: as ``make_equivariant`` takes them.
    """

    base: str
    method: str
    group: str

    @property
    def name(self) -> str:
        return f"{self.base}+{self.method}_{self.group}"

    @property
    def learns(self) -> bool:
        return self.method in LEARNED


def wrapping(name: str) -> Wrapping | None:
    """The parts of a wrapped model's name; None for any other name."""
    found = _NAME.fullmatch(name)
    if found is None or found["method"] not in METHODS:
        return None
    return Wrapping(**found.groupdict())


def config_of(base: Card, method: str, group: str) -> dict[str, Any]:
    """The configuration of a wrapped network, for ``e2viz.models.build``."""
    return {"method": method, "group": group, "architecture": base.architecture, "config": base.config}


def wrap(model: Model, method: str, group: str) -> Model:
    """A model made equivariant, with weights of its own: ``model`` and its network stay as they are.

    Aggregations that learn begin as the plain mean.

    Args:
        model: from the catalogue or imported; it takes upright images in [0, 1] as before.
        method, group: as ``make_equivariant`` takes them.

    Raises:
        LookupError: for an unknown method or group.
        ValueError: if the method does not fit the network, or needs logits and there are probabilities alone.
    """
    find_group(group)
    if not suits(method, model.network):
        raise ValueError(
            f"{method} compares how much evidence the logits of each view hold, and this model gives probabilities "
            "alone; most_certain or lowest_entropy choose a view by those"
        )
    card = dataclasses.replace(
        model.card,
        name=Wrapping(model.name, method, group).name,
        architecture="post_hoc",
        config=config_of(model.card, method, group),
        group=group,
        measured=None,
        golden=(),
        weights_checksum=hashlib.sha256(f"{model.checksum} {method} {group}".encode()).hexdigest(),
        origin=f"{model.name}, wrapped",
    )
    if model.card.architecture in ARCHITECTURES:
        network: nn.Module = build("post_hoc", card.config)
        network.wrapped.load_state_dict(model.network.state_dict())  # type: ignore[union-attr]
    else:  # a person's own, which is only run
        network = _run_alone(model.network, method, group)
    return Model(card, network.to(next(model.network.parameters())).eval().requires_grad_(False))


def _run_alone(network: nn.Module, method: str, group: str) -> PostHoc:
    """A network that cannot be built again, wrapped; its control is that of the network, wrapped in the same way."""
    made = PostHoc(network, method, group, *parts_of(network))
    if hasattr(network, "shuffled"):
        made.shuffled = lambda seed=0: _run_alone(network.shuffled(seed), method, group).eval()  # type: ignore
    return made


def read_learned(base: Model, wanted: Wrapping, folder: Path) -> Model:
    """A wrapped model whose aggregation was trained: <name>.json and <name>.safetensors hold that alone.

    Raises:
        WeightsError: if files are missing or damaged, do not fit, or belong to other weights of the base.
    """
    path = folder / f"{wanted.name}.json"
    again = f"Train it again: e2viz train {wanted.name}."
    try:
        card = Card.read(path)
        data = path.with_suffix("").with_name(f"{wanted.name}.safetensors").read_bytes()
    except (OSError, ValueError, TypeError) as error:
        raise WeightsError(f"the files of {wanted.name} cannot be read: {error}. {again}") from error
    if checksum(data) != card.weights_checksum:
        raise WeightsError(
            f"{wanted.name}.safetensors does not have the checksum on its card. Check out weights/ again."
        )
    if card.recipe.get("base_checksum") != base.checksum:
        raise WeightsError(f"{wanted.name} was learned on other weights of {wanted.base}. {again}")
    model = wrap(base, wanted.method, wanted.group)
    try:
        model.network.aggregate.load_state_dict(safetensors.torch.load(data), strict=True)  # type: ignore[union-attr]
    except (RuntimeError, safetensors.SafetensorError) as error:
        raise WeightsError(f"the weights of {wanted.name} do not fit: {error}. {again}") from error
    return Model(card, model.network)
