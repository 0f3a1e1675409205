"""One layer of a network as the picture turns: its maps, the same turned back, and what still moves."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from e2viz.groups import Group
from e2viz.measure.subject import Subject
from e2viz.measure.turning import EXACT, disc, on_step, patch_map, stabilise, turn_plane
from e2viz.render.scene import Panel
from e2viz.scenes.words import small

KINDS = ("feature_map", "plane_map", "tokens")
UNITS = {"feature_map": "feature map", "plane_map": "plane", "tokens": "patch token"}
BETWEEN_DEG = 45.0


@dataclass(frozen=True, eq=False)
class Layer:
    """Maps of one probe.

    Args:
        name: of the probe.
        kind: of the probe.
        group: of the group axis; None without one.
        maps: as the picture turns; a plane without a group axis gets one of length one.
        back: the same turned back, inside the disc; None before `turned_back`.
        angles_deg: of the frames.
        how: for each frame "exact", or what is interpolated.
    """

    name: str
    kind: str
    group: Group | None
    maps: Float[Tensor, "frame channel group height width"]
    back: Float[Tensor, "frame channel group height width"] | None = None
    angles_deg: Any = ()
    how: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Pixels along a side of the plane."""
        return self.maps.shape[-1]

    @property
    def grouped(self) -> bool:
        """Whether there is a group axis."""
        return self.group is not None

    @property
    def elements(self) -> int:
        """Length of the group axis."""
        return self.maps.shape[2]

    @property
    def unit(self) -> str:
        """What one map is called."""
        return UNITS[self.kind]

    def channel_name(self, channel: int) -> str:
        """What is shown of the channels."""
        if channel < 0:
            return f"root mean square of {self.maps.shape[1]} channels"
        return f"channel {min(channel, self.maps.shape[1] - 1)} of {self.maps.shape[1]}"

    def turned_back(self, angles_deg: Float[np.ndarray, " frame"]) -> Layer:
        """The layer with its stabilised view."""
        record = self.maps if self.grouped else self.maps[:, :, 0]
        found = stabilise(record, angles_deg, self.group)
        back = found.maps if self.grouped else found.maps[:, :, None]
        return replace(self, back=back * disc(self.size).to(back), angles_deg=angles_deg, how=found.how)

    @property
    def moved(self) -> Float[Tensor, "frame channel group height width"]:
        """What still moves: the difference to the first frame, inside the disc."""
        assert self.back is not None, "turned_back comes first"
        return self.back - self.back[0]

    @property
    def errors(self) -> Float[np.ndarray, " frame"]:
        """EE of each frame: how far the turned-back maps are from the upright ones, relative to those."""
        assert self.back is not None, "turned_back comes first"
        size = self.back[0].norm().clamp_min(torch.finfo(torch.float32).tiny)
        return (self.moved.flatten(1).norm(dim=1) / size).numpy()

    @property
    def worst_exact(self) -> float | None:
        """The largest error of the turns that interpolate nothing; None if there is no such turn."""
        found = [float(error) for error, how in zip(self.errors[1:], self.how[1:], strict=True) if how == EXACT]
        return max(found) if found and on_step(float(self.angles_deg[0]), 360.0) else None

    @property
    def between(self) -> str:
        """What is interpolated at the other angles; "" if nothing is."""
        ways = dict.fromkeys(how for how in self.how if how != EXACT)
        steps = "" if self.group is None else f" (elements every {360 / self.group.rotations:g}°)"
        return " or ".join(ways) + (steps if any("group" in way for way in ways) else "")

    @property
    def numbers(self) -> dict[str, str]:
        """A line of the page's table: what still moves, and what resampling alone would move."""
        line = {"layer": self.name, "at quarter turns": "" if self.worst_exact is None else small(self.worst_exact)}
        frame = int(np.abs(np.asarray(self.angles_deg) - BETWEEN_DEG).argmin())
        angle = float(self.angles_deg[frame])
        if math.isclose(angle, BETWEEN_DEG, abs_tol=1e-3):
            line |= {"at 45°": small(float(self.errors[frame])), "resampling alone, 45°": small(self.floor(angle))}
        return line

    def floor(self, angle_deg: float) -> float:
        """What turning the upright maps there and back costs by resampling alone."""
        upright, mask = self.maps[0], disc(self.size).to(self.maps)
        again = turn_plane(turn_plane(upright, angle_deg), -angle_deg)
        return float(((again - upright) * mask).norm() / (upright * mask).norm().clamp_min(1e-30))


def layer_of(name: str, record: Float[Tensor, "frame *shape"], seen: Subject) -> Layer:
    """The maps of a record as [frame channel group height width]."""
    kind = seen.kinds()[name]
    if kind == "feature_map":
        return Layer(name, kind, seen.group, record)
    return Layer(name, kind, None, (patch_map(record) if kind == "tokens" else record)[:, :, None])


def panels_of(layer: Layer, channel: int, element: int, *, titled: bool) -> tuple[Panel, Panel]:
    """One map as the picture turns, and turned back, on one scale."""
    assert layer.back is not None, "turned_back comes first"
    if channel < 0:
        pair = [each.square().mean(1).sqrt() for each in (layer.maps, layer.back)]
        limits: dict[str, Any] = {"palette": "viridis", "low": 0.0}
    else:
        pair = [each[:, min(channel, each.shape[1] - 1)] for each in (layer.maps, layer.back)]
        limits = {"palette": "diverging"}
    high = max(float(pair[0].abs().max()), 1e-6)
    limits |= {"high": high, "low": limits.get("low", -high), "probe": layer.name}
    titles = ("turning", "turned back") if titled else ("", "")
    turning, back = (
        Panel.from_values(title, each[:, element].numpy(), **limits) for title, each in zip(titles, pair, strict=True)
    )
    return turning, back


def moving_panels(layer: Layer) -> tuple[Panel, Panel]:
    """How far the maps are from the upright ones, as they turn and turned back, on one scale.

    Root mean square over channels and elements; the numbers below are the largest differences at quarter turns.
    """
    mask = disc(layer.size).to(layer.maps)
    turning = ((layer.maps - layer.maps[0]) * mask).square().mean((1, 2)).sqrt()
    still = layer.moved.square().mean((1, 2)).sqrt()
    high = max(float(turning.max()), float(still.max()), 1e-6)
    before = (layer.maps[0] * mask).norm().clamp_min(1e-30)
    moved = ((layer.maps - layer.maps[0]) * mask).flatten(1).norm(dim=1) / before
    quarters = [float(each) for each, how in zip(moved[1:], layer.how[1:], strict=True) if how == EXACT]
    first, second = ("", "") if layer.worst_exact is None else (small(max(quarters)), small(layer.worst_exact))
    limits: dict[str, Any] = {"low": 0.0, "high": high, "probe": layer.name}
    return (
        Panel.from_values("", turning.numpy(), "viridis", caption=first, **limits),
        Panel.from_values("", still.numpy(), "viridis", caption=second, **limits),
    )
