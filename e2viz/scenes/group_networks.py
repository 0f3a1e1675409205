"""Which network shows a group's rule: one that knows the picture, where the catalogue has one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import e2viz
from e2viz.architectures import architecture_of
from e2viz.data.data_set import DataSet
from e2viz.data.table import DATA_SETS, DEFAULT, data_set
from e2viz.images.picture import Picture
from e2viz.measure.rules import has_group_attention
from e2viz.measure.subject import subject
from e2viz.scenes.turning import data_of_model, shown_data
from e2viz.scenes.untrained import fresh_subject
from e2viz.zoo import catalogue
from e2viz.zoo.names import in_order

# Those whose group attention follows GE-ViT's rule; GE-ViT itself first.
ARCHITECTURES = ("ge_vit", "patch_ge_vit", "hybrid")


def kind_of(picture: Picture, models: Iterable[str] = ()) -> DataSet:
    """What the picture is of: as it says itself, or else as the models that are looked at know it."""
    if picture.data:
        return data_set(picture.data)
    return shown_data(models) or DATA_SETS[DEFAULT]


def network_of(group: str, kind: DataSet | None = None, preferred: Sequence[str] = ()) -> tuple[Any, bool]:
    """A trained network with group attention, or a small one with fresh weights; and whether it is trained.

    A GE-ViT that was chosen comes first, then any network that knows such pictures, then a GE-ViT that knows others.

    Args:
        group: "c4", "d4", "c8", ...; "" for any.
        kind: what the picture is of.
        preferred: names of the models that are looked at.
    """
    chosen = [name for name in preferred if architecture_of(name) == "ge_vit"]
    others = [name for name in _names() if architecture_of(name) == "ge_vit"]
    for name in (*chosen, *(_names(kind) if kind else ()), *others):
        if group in ("", catalogue.card(name).group):
            model = e2viz.load(name)
            if has_group_attention(model.network):
                return model, True
    return fresh_subject(group or "c4"), False


def _names(kind: DataSet | None = None) -> Iterator[str]:
    """The catalogue's networks with GE-ViT's rule, by architecture; of one data set alone, if asked."""
    names = in_order(e2viz.list_models())
    for architecture in ARCHITECTURES:
        for name in names:
            if architecture_of(name) == architecture and (kind is None or data_of_model(name) == kind):
                yield name


def why_others(model: Any, kind: DataSet, group: str = "") -> str:
    """One sentence where the network was not trained on such pictures: why it is shown, and how it sees them.

    Args:
        model: a model of the catalogue, or a subject with fresh weights, of which nothing is said.
        kind: what the picture is of.
        group: that was asked for.
    """
    known = subject(model).data
    if known is None or known == kind:
        return ""
    which = f"{group.upper()} network" if group else "network"
    looks = "light strokes on black" if known.preparation == "digit" else f"{known.size} × {known.size} pixels"
    return (
        f"No {which} with group attention was trained on {kind.plural}: this one knows {known.plural}, and sees the "
        f"{kind.noun} as it sees them, as {looks}."
    )
