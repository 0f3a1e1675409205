"""The ways to build a network of the sizes that were read from shapes.

What shapes do not say (crops, windows, which group of so many elements, how many heads) is that of a configuration of
the catalogue, as far as it is trusted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from e2viz.foreign.misfit import RULE, Misfit, misfit
from e2viz.foreign.sizes import READERS, Shapes, block_places, group_order, indices, uncropped
from e2viz.models import configured
from e2viz.models.by_name import classes_of
from e2viz.zoo import catalogue
from e2viz.zoo.weights import WeightsError

# What is believed of what shapes do not say, in order: all that a known configuration has; all but its group; nothing,
# so that the plain defaults stand and nothing is cropped.
TRUST = ("all", "group", "nothing")
GIVEN_TO_THE_INNER = ("group", "image_size", "channels", "classes", "lift")
MOST_ELEMENTS = 64
# Of no consequence once a network is trained.
ONLY_IN_TRAINING = ("dropout", "attention_dropout", "value_dropout", "training_views")


@dataclass(frozen=True)
class Way:
    """One way to build a network of the sizes that were read.

    Args:
        name: of the configuration that says what shapes do not.
        architecture, config: as ``e2viz.models.build`` takes them.
        changed: names of fields in which it differs from that configuration.
        key: what it comes to, without the size of the image.
    """

    name: str
    architecture: str
    config: dict[str, Any]
    changed: frozenset[str]
    key: str

    def plausible(self, shapes: Shapes) -> bool:
        """Whether its blocks are numbered as those of the weights, which is known before anything is built."""
        places = indices(shapes, "blocks.")
        inner = self.config.get("transformer", self.config)
        return "lifting_norm.weight" not in shapes or "stages" not in inner or places == block_places(inner["stages"])


def compared(way: Way, shapes: Shapes) -> Misfit:
    """How the weights differ from a network.

    Raises:
        WeightsError: if there is none of these sizes.
    """
    try:
        return misfit(way.name, way.architecture, way.config, shapes)
    except (ValueError, TypeError, ArithmeticError, RuntimeError) as error:
        raise WeightsError(f"{RULE} Nearest is {way.name}, which cannot be of such sizes: {error}.") from error


def ways(architectures: Sequence[str], shapes: Shapes, trust: str, size: int | None, heads: int | None) -> list[Way]:
    """Configurations with the sizes that were read, each once, those that were changed least first.

    Args:
        architectures: that come into question.
        shapes: by name.
        trust: in what shapes do not say, of ``TRUST``.
        size, heads: as a person says them.
    """
    best: dict[str, Way] = {}
    order = group_order(shapes)
    for name, architecture, held in _known() if trust != "nothing" else [(each, each, {}) for each in READERS]:
        if architecture not in architectures:
            continue
        fields = {each.name for each in dataclasses.fields(classes_of(architecture)[0])}
        read = READERS[architecture](shapes)
        config = {**held, **{each: value for each, value in read.items() if each != "transformer"}}
        if "transformer" in read:
            config["transformer"] = {**held.get("transformer", {}), **read["transformer"]}
        if trust == "nothing":
            _uncrop(config, shapes)
        if size is not None and "image_size" not in read:
            config["image_size"] = size
        if heads is not None and architecture == "vit":
            config["heads"] = heads
        for group in _groups(config.get("group", "c4"), order, trust) if "group" in fields else [""]:
            try:
                whole = _flat(architecture, {**config, "group": group} if group else config)
                before = _flat(architecture, held)
            except (ValueError, TypeError, ArithmeticError):
                whole, before = {"invalid": repr(config)}, {}  # whoever builds it says why it does not fit
            changed = frozenset(each for each, value in whole.items() if before.get(each) != value)
            sizeless = {k: v for k, v in whole.items() if k != "image_size"}
            made = Way(
                name if group in ("", config.get("group", "c4")) else f"{architecture} on {group.upper()}",
                architecture, {**config, "group": group} if group else config, changed, architecture + repr(sizeless),
            )  # fmt: skip
            if made.key not in best or len(changed) < len(best[made.key].changed):
                best[made.key] = made
    return sorted(best.values(), key=lambda each: len(each.changed))


def _groups(held: str, order: int | None, trust: str) -> list[str]:
    """The group that is known where it has as many elements; any other of so many only where none is known."""
    elements = int(held[1:]) * (2 if held.startswith("d") else 1)
    if order is None or elements == order:
        return [held]
    if trust == "all" or not 1 <= order <= MOST_ELEMENTS:
        return []
    return [f"c{order}", *([f"d{order // 2}"] if order % 2 == 0 else [])]


def _uncrop(config: dict[str, Any], shapes: Shapes) -> None:
    inner = config.get("transformer", config) if "lifting_norm.weight" in shapes else None
    if inner is not None:
        inner.update(uncropped(shapes))


def _known() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Those of the catalogue that stand by themselves, as they are shipped."""
    for name in catalogue.list_models(catalogue.WEIGHTS_FOLDER):
        card = catalogue.card(name, catalogue.WEIGHTS_FOLDER)
        if card.architecture in READERS:
            yield name, card.architecture, dict(card.config)


def _flat(architecture: str, config: dict[str, Any]) -> dict[str, Any]:
    """The whole configuration on one level, without what matters in training alone.

    Raises:
        ValueError: if it does not fit together.
    """
    made = configured(architecture, config)
    whole = dataclasses.asdict(made)
    inner = {}
    if "transformer" in whole:  # whole too, but for what the outer network gives it
        del whole["transformer"]
        inner = {k: v for k, v in dataclasses.asdict(made.ge_vit()).items() if k not in GIVEN_TO_THE_INNER}
    flat = {**whole, **{f"transformer.{name}": _hashable(value) for name, value in inner.items()}}
    return {name: value for name, value in flat.items() if name.rpartition(".")[2] not in ONLY_IN_TRAINING}


def _hashable(value: Any) -> Any:
    return tuple(map(_hashable, value)) if isinstance(value, list | tuple) else value
