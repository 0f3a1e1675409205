"""Weights without a graph: the architecture and its sizes follow from names and shapes, and everything must fit.

What shapes do not say (crops, windows, which group of so many elements, how many heads) is that of a configuration of
the catalogue. Where several fit, the person is asked which.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from e2viz.data.data_set import DataSet
from e2viz.foreign import timm_names
from e2viz.foreign.sizes import MARKS, READERS, Shapes, block_places, group_order, indices, side, uncropped
from e2viz.foreign.state import State
from e2viz.models import build, configured
from e2viz.models.by_name import classes_of
from e2viz.zoo import catalogue
from e2viz.zoo.card import Card
from e2viz.zoo.published import PUBLISHED, config_of, network_of
from e2viz.zoo.published import in_our_names as published_names
from e2viz.zoo.weights import WeightsError

MOST_NAMED = 4
# What is believed of what shapes do not say, in order: all that a known configuration has; all but its group; nothing,
# so that the plain defaults stand and nothing is cropped.
TRUST = ("all", "group", "nothing")
# A configuration that only differs in these is believed in all else.
SIZES_OF_DATA = frozenset({"image_size", "channels", "classes"})
GIVEN_TO_THE_INNER = ("group", "image_size", "channels", "classes", "lift")
MOST_ELEMENTS = 64
# Of no consequence once a network is trained.
ONLY_IN_TRAINING = ("dropout", "attention_dropout", "value_dropout", "training_views")


@dataclass(frozen=True, eq=False)
class Candidate:
    """A network that the weights fit exactly.

    Args:
        name: what it is built like: a model of the catalogue, a published one, or an architecture.
        architecture, config: as ``e2viz.models.build`` takes them.
        tensors: under our names.
        data_set: what a published network knows; None for others.
        transposed: whether images must be given to it transposed.
        left_open: fields that shapes do not say.
        headless: whether nobody knows how many heads it has, so that somebody must say it.
    """

    name: str
    architecture: str
    config: dict[str, Any]
    tensors: Mapping[str, Tensor] = field(repr=False)
    data_set: DataSet | None = None
    transposed: bool = False
    left_open: tuple[str, ...] = ()
    headless: bool = False

    def network(self) -> nn.Module:
        """With the weights in it, in eval mode."""
        if self.name in PUBLISHED:
            return network_of(self.tensors, self.name).requires_grad_(False)
        network = build(self.architecture, self.config)
        network.load_state_dict(dict(self.tensors), strict=True)
        return network.eval().requires_grad_(False)


@dataclass(frozen=True)
class Misfit:
    """How names and shapes differ from those of an architecture.

    Args:
        name: of what they were compared with.
        missing, unexpected: keys.
        misshapen: key, shape that it must have, shape that it has.
    """

    name: str
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshapen: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]

    @property
    def count(self) -> int:
        return len(self.missing) + len(self.unexpected) + len(self.misshapen)

    def __str__(self) -> str:
        parts = [
            f"{len(keys)} {what} ({', '.join(shown)}{', …' if len(keys) > MOST_NAMED else ''})"
            for what, keys, shown in (
                ("missing", self.missing, self.missing[:MOST_NAMED]),
                ("unexpected", self.unexpected, [key[:80] for key in self.unexpected[:MOST_NAMED]]),
                (
                    "of another shape", self.misshapen,
                    [f"{key} must be {list(must)}, got {list(got)}" for key, must, got in self.misshapen[:MOST_NAMED]],
                ),
            )
            if keys
        ]  # fmt: skip
        return "; ".join(parts)


def misfit(name: str, architecture: str, config: dict[str, Any], shapes: Shapes) -> Misfit:
    """Compare names and shapes with those of an architecture, without giving it memory.

    Raises:
        ValueError: if the configuration does not fit together.
    """
    with torch.device("meta"):
        expected = {key: tuple(each.shape) for key, each in build(architecture, config).state_dict().items()}
    return Misfit(
        name,
        tuple(key for key in expected if key not in shapes),
        tuple(key for key in shapes if key not in expected),
        tuple((key, must, shapes[key]) for key, must in expected.items() if key in shapes and shapes[key] != must),
    )


def candidates(state: State, *, size: int | None = None, heads: int | None = None) -> list[Candidate]:
    """Every network that the weights fit exactly: one, or some that only differ in what shapes do not say.

    Args:
        state: of a weights file.
        size: side of the image in pixels, where shapes leave it open.
        heads: of attention, where shapes leave them open.

    Returns:
        Those of the catalogue that have all these sizes, if there are any; else all that fit.

    Raises:
        WeightsError: if none fits, with the nearest architecture and its missing, unexpected and misshapen keys.
    """
    if timm_names.is_timm(state.tensors):
        return [_timm(state, heads)]
    if any("lifting_self_attention" in key or key.startswith("input_layer.") for key in state.tensors):
        return _published(state)
    marked = [each for each, marks in MARKS.items() if marks(state.shapes)]
    tried: dict[str, Misfit] = {}
    tried_as: dict[str, _Way] = {}
    found: list[Candidate] = []
    for trust in TRUST:
        for way in _ways(marked, state.shapes, trust, size, heads):
            if way.key in tried or not way.plausible(state.shapes):
                continue
            try:
                tried[way.key] = _compared(way, state.shapes)
            except WeightsError:  # said below, where nothing else fits either
                continue
            if not tried[way.key].count:
                tried_as[way.name] = way
                open_ = _open(way.architecture, state)
                found.append(Candidate(way.name, way.architecture, way.config, state.tensors, left_open=open_))
        sure = [each for each in found if tried_as[each.name].changed <= SIZES_OF_DATA]
        if sure:
            return sure
    if found:
        return found
    for architecture in marked or READERS:  # the report is of what was changed least
        for way in _ways([architecture], state.shapes, "all", size, heads)[:1]:
            tried.setdefault(way.key, _compared(way, state.shapes))
    best = min(tried.values(), key=lambda each: each.count)
    if len(best.unexpected) == len(state.shapes):
        raise WeightsError(f"{_RULE} None has names like these: {', '.join(sorted(state.shapes)[:MOST_NAMED])[:200]}.")
    raise WeightsError(f"{_RULE} Nearest is {best.name}: {best}.")


def _compared(way: _Way, shapes: Shapes) -> Misfit:
    """How the weights differ from a network.

    Raises:
        WeightsError: if there is none of these sizes.
    """
    try:
        return misfit(way.name, way.architecture, way.config, shapes)
    except (ValueError, TypeError, ArithmeticError, RuntimeError) as error:
        raise WeightsError(f"{_RULE} Nearest is {way.name}, which cannot be of such sizes: {error}.") from error


_RULE = "Weights must have exactly the tensors of an architecture that is known."


def chosen(found: list[Candidate], like: str | None) -> Candidate:
    """The one to build.

    Args:
        found: as ``candidates`` gives them.
        like: name of one of them; may be left out where there is only one.

    Raises:
        WeightsError: if several fit and none is named, or another is named.
    """
    names = [each.name for each in found]
    if like is None and len(found) == 1:
        return found[0]
    for each in found:
        if each.name == like:
            return each
    listed = ", ".join(names)
    if like is None:
        raise WeightsError(
            f"These weights fit {len(found)} networks, which differ in what no shape says: {listed}. Say like=… with "
            "one of them."
        )
    near = difflib.get_close_matches(like, names) or names
    raise WeightsError(f"These weights are not those of {like[:60]!r}; they fit {', '.join(near)}.")


@dataclass(frozen=True)
class _Way:
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


def _ways(architectures: Sequence[str], shapes: Shapes, trust: str, size: int | None, heads: int | None) -> list[_Way]:
    """Configurations with the sizes that were read, each once, those that were changed least first.

    Args:
        architectures: that come into question.
        shapes: by name.
        trust: in what shapes do not say, of ``TRUST``.
        size, heads: as a person says them.
    """
    best: dict[str, _Way] = {}
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
            made = _Way(
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


def _open(architecture: str, state: State) -> tuple[str, ...]:
    """Fields that the shapes of such a network leave open."""
    if architecture == "vit":
        return ("heads",)
    if architecture == "cnn":
        return () if "classifier.weight" in state.tensors else ("image_size",)
    if architecture == "gcnn":
        return ("group",) if side(state.shapes, "classifier.weight", 2) else ("group", "image_size")
    if architecture == "resnet":
        return ("image_size",)
    return ("image_size", "group", "window", "stages", *(("rule",) if architecture in ("ge_vit", "gsa_net") else ()))


def _timm(state: State, heads: int | None) -> Candidate:
    """Our ViT with the weights of timm's."""
    refused = "Our ViT has one class token, learned positions, pre-norm layers and a linear head; this one cannot be "
    try:
        ours = timm_names.in_our_names(state.tensors)
        read = timm_names.sizes(state.tensors, ours)
    except timm_names.Inexpressible as error:
        raise WeightsError(f"{refused}expressed: {error}. Export it to ONNX, which keeps all of it.") from error
    except KeyError as error:
        raise WeightsError(f"{_RULE} Nearest is timm's ViT: {error} is missing.") from error
    count = heads or read["heads"]
    shapes = {name: tuple(value.shape) for name, value in ours.items()}
    config = {**READERS["vit"](shapes), "heads": count or 1, "norm_eps": timm_names.NORM_EPS}
    try:
        differs = misfit("timm's ViT", "vit", config, shapes)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise WeightsError(f"{refused}built: {error}.") from error
    if differs.count:
        raise WeightsError(f"{_RULE} Nearest is timm's ViT, here under our names: {differs}.")
    return Candidate("vit of timm", "vit", config, ours, left_open=() if heads else ("heads",), headless=count is None)


def _published(state: State) -> list[Candidate]:
    """Those of the study's published checkpoints that fit."""
    found, nearest = [], []
    lifts = any("lifting" in key for key in state.tensors)
    for name, facts in PUBLISHED.items():
        if (facts.architecture != "vit") != lifts:
            continue
        network = build(facts.architecture, facts.config)
        try:
            network_of(state.tensors, name)
        except WeightsError as error:
            ours, _ = published_names(state.tensors, facts.architecture)
            shapes = {key: tuple(value.shape) for key, value in ours.items()}
            differs = misfit(name, facts.architecture, facts.config, shapes)
            nearest.append((differs.count, f"{name}: {differs}" if differs.count else str(error)))
            continue
        found.append(
            Candidate(
                name, facts.architecture, config_of(network), state.tensors, facts.data_set, facts.transposed,
                ("orientation",) if facts.architecture == "vit" else (),
            )
        )  # fmt: skip
    if not found:
        raise WeightsError(f"{_RULE} Nearest is the published {min(nearest)[1]}.")
    return found


def card_of(candidate: Candidate, network: nn.Module, name: str, data: DataSet, how: str, state: State) -> Card:
    """What is known about the model; its checksum is that of the file and is filled in by whoever has it.

    Args:
        candidate: what it was built like.
        network: with its weights.
        name: of the model.
        data: classes, size and normalisation.
        how: where those come from, in words.
        state: of the file.
    """
    config: Any = network.config
    open_ = ", ".join(candidate.left_open)
    said = f"; {open_} as in {candidate.name}, since no shape says" if open_ else ""
    return Card(
        name=name, architecture=candidate.architecture, config=config_of(network), group=getattr(config, "group", ""),
        parameters=sum(parameter.numel() for parameter in network.parameters()), data_set=data, data=how + said,
        orientation="transposed" if candidate.transposed else "upright", licence="",
        origin=f"weights without a graph ({state.format}), built like {candidate.name}",
    )  # fmt: skip
