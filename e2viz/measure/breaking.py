"""Why does it break? One ingredient of an exact measurement is spoilt at a time, or several, and it is made again."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from e2viz.images.picture import Picture
from e2viz.images.resample import resample
from e2viz.images.rotate import MINIMUM_WORKING_SIZE, rotate, views
from e2viz.measure.action import INVARIANT, Transform, act_back, masked
from e2viz.measure.equivariance import run_probes, untrained_copy
from e2viz.measure.rules import follows, has_group_attention, with_rule
from e2viz.measure.subject import AnyModel, Subject, subject
from e2viz.measure.turning import turn_plane

# One quarter in steps of 15°, then the other two quarter turns.
ANGLES_DEG = (15.0, 30.0, 45.0, 60.0, 75.0, 90.0, 180.0, 270.0)
DETOUR_DEG = 30.0


@dataclass(frozen=True, kw_only=True)
class Switches:
    """What is spoilt; nothing, by default.

    Args:
        interpolate: every turn interpolates, quarter turns too: by 30° and then by the rest.
        no_disc: the picture turns without the soft disc, and the error counts the corners.
        naive: the small normalised image is turned and filled with 0.
        odd_size: the image has one pixel less, so that pooling drops a row and a column.
        half: weights and activations in float16.
        group: another group; its network has fresh weights, for those of one group do not fit another.
        rule: the relative rule of group attention.
    """

    interpolate: bool = False
    no_disc: bool = False
    naive: bool = False
    odd_size: bool = False
    half: bool = False
    group: str = ""
    rule: str = "ge_vit"


WHY: dict[str, str] = {
    "interpolate": "A turned pixel that falls between pixels is a mean of its neighbours, which is another picture: "
    "even a quarter turn is lost once it is made of two interpolated ones.",
    "no_disc": "A square turned by 45° loses its corners and gains others: what enters was never in the picture.",
    "naive": "The small normalised image is filled with 0, and 0 is not its background: grey wedges turn with it.",
    "odd_size": "2×2 pooling of an odd plane drops the last row and column, at the same side however the picture lies.",
    "half": "float16 keeps eleven bits: sums in another order differ by half a per mille, and layers add that up.",
    "group": "Only the turns of the group are built in; with more of them the exact angles lie closer, "
    "as far as the pixel grid follows. The weights are fresh.",
    "rule": "GSA-Net's relative element changes when everything is turned together, so turned neighbours get "
    "another embedding.",
}


def spoilt_subject(model: AnyModel, switches: Switches) -> Subject:
    """The model as the switches leave it; the model itself is not changed.

    Raises:
        ValueError: if it has no group attention.
    """
    seen = subject(model)
    if not has_group_attention(seen.network):
        raise ValueError(f"{seen.name} has no group attention whose rule could be exchanged")
    network: Any = seen.network
    group = seen.group
    if switches.group and (group is None or switches.group != group.name):
        network = copy.copy(network)  # only its configuration is replaced, the weights stay shared
        network.config = dataclasses.replace(network.config, group=switches.group)
        network = untrained_copy(network)
        group = network.group
    if not follows(network, switches.rule):
        network = with_rule(network, switches.rule)
    if switches.half:
        network = copy.deepcopy(network).half()
    size = (seen.size or network.config.image_size) - int(switches.odd_size)
    return dataclasses.replace(seen, network=network, group=group, size=size, prepare=preparation(model))


def preparation(model: AnyModel) -> Callable[[Tensor], Tensor]:
    """Normalisation and orientation of a model's card, for images of any size."""
    card = getattr(model, "card", None)
    if card is None:
        return subject(model).prepare

    def prepare(images: Tensor) -> Tensor:
        mean, std = (images.new_tensor(values)[:, None, None] for values in (card.mean, card.std))
        oriented = images.transpose(-1, -2) if card.orientation == "transposed" else images
        return (oriented - mean) / std

    return prepare


def turned(
    picture: Picture, angle_deg: float, size: int, switches: Switches, mean: Sequence[float]
) -> Float[Tensor, "1 channel size size"]:
    """What the model sees of the turned picture under the switches, in [0, 1]."""
    fill = torch.tensor(tuple(mean))
    if switches.no_disc:
        return _without_disc(picture, angle_deg, size, switches, fill)
    method, working = ("naive", size) if switches.naive else ("fair", MINIMUM_WORKING_SIZE)
    if not (switches.interpolate and angle_deg):
        return views(picture, torch.tensor([angle_deg]), size, method, mean=fill)
    # Any angle but a quarter turn's will do as the first part: both parts then interpolate.
    part_way = views(picture, torch.tensor([DETOUR_DEG]), working, method, mean=fill)
    rest_deg = angle_deg - DETOUR_DEG
    return rotate(part_way, rest_deg, size=size, background=picture.background, method=method, mean=fill)


def _without_disc(
    picture: Picture, angle_deg: float, size: int, switches: Switches, fill: Tensor
) -> Float[Tensor, "1 channel size size"]:
    """Turned at high resolution (naïvely: at the model's) with nothing hidden."""
    level = fill if switches.naive else torch.as_tensor(picture.background)
    outside = level.double().reshape(-1, 1, 1)
    large = resample(picture.values[None].double(), size if switches.naive else MINIMUM_WORKING_SIZE) - outside
    steps = (DETOUR_DEG, angle_deg - DETOUR_DEG) if switches.interpolate and angle_deg else (angle_deg,)
    for step_deg in steps:
        large = turn_plane(large, step_deg)
    return (resample(large, size) + outside).clamp(0, 1).float()


def spoilt_errors(
    model: AnyModel,
    picture: Picture,
    switches: Switches,
    angles_deg: Sequence[float] = ANGLES_DEG,
    progress: Callable[[int, int], None] | None = None,
    chunk: int = 4,
) -> tuple[tuple[str, ...], Float[np.ndarray, "probe angle"]]:
    """The equivariance error of every probe at each angle, under the switches.

    Args:
        model: a model with group attention.
        picture: what is turned.
        switches: what is spoilt.
        angles_deg: counter-clockwise.
        progress: called with (angles done, all); it cancels by raising.
        chunk: images in one forward pass.

    Returns:
        Names of the probes and their errors; NaN where a record of the unmoved picture is all zero.
    """
    seen = spoilt_subject(model, switches)
    kinds = seen.choose(None)
    picture, size = seen.sees(picture), seen.size or picture.values.shape[-1]
    still = run_probes(seen, turned(picture, 0.0, size, switches, seen.mean), kinds, 1)
    columns = []
    for start in range(0, len(angles_deg), chunk):
        part = [float(angle) for angle in angles_deg[start : start + chunk]]
        images = torch.cat([turned(picture, angle, size, switches, seen.mean) for angle in part])
        moved = run_probes(seen, images, kinds, chunk)
        for place, angle in enumerate(part):
            columns.append([_distance(seen, moved[n][place : place + 1], still[n], k, angle, not switches.no_disc)
                            for n, k in kinds.items()])  # fmt: skip
        if progress is not None:
            progress(start + len(part), len(angles_deg))
    return tuple(kinds), np.array(columns).T


def _distance(seen: Subject, moved: Tensor, still: Tensor, kind: str, angle_deg: float, mask: bool) -> float:
    difference = act_back(moved, kind, Transform(angle_deg), seen.group) - still
    if mask and kind not in INVARIANT:
        difference, still = masked(difference, kind), masked(still, kind)
    size = float(still.norm())
    return float(difference.norm()) / size if size > 0 else float("nan")
