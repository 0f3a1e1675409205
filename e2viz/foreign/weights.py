"""Weights without a graph: the architecture and its sizes follow from names and shapes, and everything must fit.

What shapes do not say (crops, windows, which group of so many elements, how many heads) is that of a configuration of
the catalogue. Where several fit, the person is asked which.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from e2viz.data.data_set import DataSet
from e2viz.foreign import timm_names
from e2viz.foreign.misfit import MOST_NAMED, RULE, Misfit, misfit
from e2viz.foreign.sizes import MARKS, READERS, side
from e2viz.foreign.state import State
from e2viz.foreign.ways import TRUST, Way, compared, ways
from e2viz.models import build
from e2viz.zoo.card import Card
from e2viz.zoo.published import PUBLISHED, config_of, network_of
from e2viz.zoo.published import in_our_names as published_names
from e2viz.zoo.weights import WeightsError

# A configuration that only differs in these is believed in all else.
SIZES_OF_DATA = frozenset({"image_size", "channels", "classes"})


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
    tried_as: dict[str, Way] = {}
    found: list[Candidate] = []
    for trust in TRUST:
        for way in ways(marked, state.shapes, trust, size, heads):
            if way.key in tried or not way.plausible(state.shapes):
                continue
            try:
                tried[way.key] = compared(way, state.shapes)
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
        for way in ways([architecture], state.shapes, "all", size, heads)[:1]:
            tried.setdefault(way.key, compared(way, state.shapes))
    best = min(tried.values(), key=lambda each: each.count)
    if len(best.unexpected) == len(state.shapes):
        raise WeightsError(f"{RULE} None has names like these: {', '.join(sorted(state.shapes)[:MOST_NAMED])[:200]}.")
    raise WeightsError(f"{RULE} Nearest is {best.name}: {best}.")


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
        raise WeightsError(f"{RULE} Nearest is timm's ViT: {error} is missing.") from error
    count = heads or read["heads"]
    shapes = {name: tuple(value.shape) for name, value in ours.items()}
    config = {**READERS["vit"](shapes), "heads": count or 1, "norm_eps": timm_names.NORM_EPS}
    try:
        differs = misfit("timm's ViT", "vit", config, shapes)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise WeightsError(f"{refused}built: {error}.") from error
    if differs.count:
        raise WeightsError(f"{RULE} Nearest is timm's ViT, here under our names: {differs}.")
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
        raise WeightsError(f"{RULE} Nearest is the published {min(nearest)[1]}.")
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
