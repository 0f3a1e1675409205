"""What a measurement needs to know about a model, whether it comes from the zoo or is any torch module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor, nn

from e2viz import groups
from e2viz.data.data_set import DataSet
from e2viz.data.sees import sees
from e2viz.groups import Group
from e2viz.images.intake import prepare, with_channels
from e2viz.images.picture import Picture
from e2viz.nn.plain import state_checksum
from e2viz.nn.probe import probes


def unchanged(images: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The preparation of a network that takes images in [0, 1] as they are."""
    return images


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """One model as measurements see it.

    Args:
        name: how results are labelled.
        network: in eval mode; it may be shared, so nothing here changes it.
        prepare: from upright images in [0, 1] to what the network takes.
        transposed: whether ``prepare`` transposes the picture; records are then brought back upright.
        group: the group of the network's group axes; None if it has none.
        checksum: identifies the weights.
        data: the data set that the model knows; None for a network that takes pictures as they are.
        mean: what the normalisation subtracts, for the naïve rotation; 0 for pictures as they are.
        size: side of the input in pixels; None if any size will do.
    """

    name: str
    network: nn.Module = field(repr=False)
    prepare: Callable[[Tensor], Tensor] = field(default=unchanged, repr=False)
    transposed: bool = False
    group: Group | None = None
    checksum: str = ""
    data: DataSet | None = field(default=None, repr=False)
    mean: tuple[float, ...] = (0.0,)
    size: int | None = None

    def sees(self, picture: Picture) -> Picture:
        """The square picture, before it is turned, as this model sees it."""
        if self.data is not None:
            return sees(picture, self.data)
        square = picture.values.shape[1] == picture.values.shape[2]
        ready = picture if square and picture.preparation != "none" else prepare(picture, "crop")
        channels = getattr(getattr(self.network, "config", None), "channels", ready.channels)
        return with_channels(ready, channels) if channels in (1, 3) else ready

    def kinds(self) -> dict[str, str]:
        """The kind of every probe, by name, in the order of the forward pass."""
        return {name: probe.kind for name, probe in probes(self.network).items()}

    def choose(self, names: tuple[str, ...] | None) -> dict[str, str]:
        """The kinds of chosen probes; of all but the attention maps when nothing is chosen.

        Raises:
            LookupError: for a probe that the network does not have.
        """
        kinds = self.kinds()
        if names is None:
            return {name: kind for name, kind in kinds.items() if "attention" not in kind}
        for name in names:
            if name not in kinds:
                raise LookupError(f"{self.name} has no probe {name!r}; it has {', '.join(kinds) or 'none'}")
        return {name: kinds[name] for name in names}


@runtime_checkable
class Carded(Protocol):
    """What a model of the zoo has: a network, and a card that says how images come to it."""

    @property
    def card(self) -> Any: ...

    @property
    def network(self) -> nn.Module: ...

    def prepare(self, images: Tensor) -> Tensor: ...


# What measurements take.
AnyModel = nn.Module | Subject | Carded


def subject(model: Any, *, name: str = "", group: Group | str | None = None) -> Subject:
    """The subject of a zoo model, of any ``nn.Module``, or a subject itself.

    A bare module takes images in [0, 1] as they are; its size and group are read from its ``config`` if it has one,
    the group also from an attribute ``group``.

    Args:
        model: a ``Model`` of the zoo (anything with card, network and prepare), a module, or a ``Subject``.
        name: label; by default the model's own.
        group: the group, where the model does not say it.

    Raises:
        TypeError: for anything else.
        ValueError: if the network is in training mode, where dropout would be measured.
    """
    if isinstance(group, str):
        group = groups.group(group)
    if isinstance(model, Subject):
        found = model
    elif isinstance(model, nn.Module):
        found = _from_module(model, name, group)
    elif hasattr(model, "network") and hasattr(model, "card"):
        card = model.card
        found = Subject(
            name=name or card.name,
            network=model.network,
            prepare=model.prepare,
            transposed=card.orientation == "transposed",
            group=group or (groups.group(card.group) if card.group else None),
            checksum=card.weights_checksum or state_checksum(model.network),
            data=card.data_set,
            mean=tuple(card.mean),
            size=card.image_size,
        )
    else:
        raise TypeError(f"a model must be a module or have a network and a card, got {type(model).__name__}")
    if found.network.training:
        raise ValueError(f"{found.name} must be in eval mode, got training mode; call network.eval()")
    return found


def _from_module(network: nn.Module, name: str, group: Group | None) -> Subject:
    config = getattr(network, "config", None)
    named = getattr(config, "group", "") or getattr(network, "group", "")
    said = groups.group(named) if isinstance(named, str) and named else named
    return Subject(
        name=name or type(network).__name__,
        network=network,
        group=group or (said if isinstance(said, Group) else None),
        checksum=state_checksum(network),
        size=getattr(config, "image_size", None),
    )
