"""Steerability of C8 on a square grid: which of its eight turns agree, and what resolution has to do with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from e2viz.images.picture import Picture
from e2viz.images.rotate import views
from e2viz.measure.action import Transform, act_back, there_and_back
from e2viz.measure.breaking import preparation
from e2viz.measure.equivariance import relative, run_probes
from e2viz.measure.subject import AnyModel, subject

ANGLES_DEG = np.arange(8) * 45.0
SIZES = (28, 56, 112)
QUARTERS, DIAGONALS = slice(0, None, 2), slice(1, None, 2)
# The feature map that is shown turned back: the first that has a group axis, and the largest.
SHOWN = "lifting"


@dataclass(frozen=True, kw_only=True, eq=False)
class Steered:
    """One picture at one resolution through the eight turns of C8.

    Attributes:
        size: side of the image in pixels.
        distance: [angle angle] of the logits from each other, relative to those of the upright picture.
        probes: names of the layers.
        error: [probe] of the turn by 45°: EE with the group axis moved exactly and the plane by interpolation.
        floor: [probe] what turning the plane there and back costs.
        maps: [channel angle size size] the lifted feature map of the first element, turned back.
    """

    size: int
    distance: Float[np.ndarray, "angle angle"]
    probes: tuple[str, ...]
    error: Float[np.ndarray, " probe"]
    floor: Float[np.ndarray, " probe"]
    maps: Float[np.ndarray, "channel angle size size"]

    @property
    def within_quarters(self) -> float:
        """Largest distance between two quarter turns."""
        return float(self.distance[QUARTERS, QUARTERS].max())

    @property
    def within_diagonals(self) -> float:
        """Largest distance between two diagonals."""
        return float(self.distance[DIAGONALS, DIAGONALS].max())

    @property
    def between(self) -> float:
        """Mean distance of a diagonal from a quarter turn."""
        return float(self.distance[QUARTERS, DIAGONALS].mean())

    def arrays(self) -> dict[str, np.ndarray]:
        """What is stored; of the maps one channel, in steps of 1/127 of its largest value."""
        limit = float(np.abs(self.maps[:1]).max()) or 1.0
        return {
            "distance": self.distance.astype(np.float32),
            "probes": np.array(self.probes),
            "error": self.error.astype(np.float32),
            "floor": self.floor.astype(np.float32),
            "maps": np.rint(self.maps[:1] * (127 / limit)).astype(np.int8),
            "limit": np.array(limit),
        }


def from_arrays(size: int, held: dict[str, np.ndarray]) -> Steered:
    """Inverse of ``Steered.arrays``."""
    numbers = {name: held[name].astype(np.float64) for name in ("distance", "error", "floor")}
    maps = held["maps"].astype(np.float64) * (float(held["limit"]) / 127)
    return Steered(size=size, probes=tuple(held["probes"].tolist()), maps=maps, **numbers)


def facts(model: AnyModel, size: int) -> dict[str, Any]:
    """What the result depends on, beside the picture."""
    return {"weights": subject(model).checksum, "size": size}


def steered(
    model: AnyModel,
    picture: Picture,
    size: int,
    progress: Callable[[int, int], None] | None = None,
    channels: int = 1,
) -> Steered:
    """Turn the picture by multiples of 45°, at a resolution that need not be the one of the weights.

    Attention windows keep their side in pixels, and the layers their weights: nothing in the network depends on the
    size of the image.

    Args:
        model: a C8 network: a zoo model, a module or a subject.
        picture: what is turned.
        size: side of the image in pixels; its planes must halve exactly.
        progress: called with (angles done, all); it cancels by raising.
        channels: how many channels of the feature map are kept.

    Raises:
        ValueError: if the group of the model has no turn by 45°.
    """
    seen = subject(model)
    if seen.group is None or seen.group.rotations % 8:
        raise ValueError(f"{seen.name} must have turns by 45°, its group is {seen.group and seen.group.name}")
    seen = dataclasses.replace(seen, size=size, prepare=preparation(model))
    kinds = {name: kind for name, kind in seen.choose(None).items() if kind != "group_vector"}
    logits, maps = [], []
    still: dict[str, Tensor] = {}
    error, floor = np.zeros(len(kinds)), np.zeros(len(kinds))
    for place, angle in enumerate(ANGLES_DEG.tolist()):
        held = run_probes(seen, views(seen.sees(picture), torch.tensor([angle]), size), kinds, 1)
        still = still or held
        transform = Transform(angle)
        logits.append(held["logits"][0].numpy())
        maps.append(act_back(held[SHOWN], "feature_map", transform, seen.group)[0, :channels, 0].numpy())
        if place == 1:
            for row, (name, kind) in enumerate(kinds.items()):
                back = act_back(held[name], kind, transform, seen.group)
                error[row] = relative(back, still[name], kind)[0]
                floor[row] = relative(there_and_back(still[name], kind, transform), still[name], kind)[0]
        if progress is not None:
            progress(place + 1, len(ANGLES_DEG))
    points = np.stack(logits)
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1) / np.linalg.norm(points[0])
    return Steered(
        size=size, distance=distance, probes=tuple(kinds), error=error, floor=floor, maps=np.stack(maps, axis=1)
    )
