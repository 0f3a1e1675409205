"""The layer × angle map of one model and one picture, with everything it has to be read beside; kept and shipped."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from e2viz.data.samples import compared_with, sample
from e2viz.data.table import DEFAULT, data_set
from e2viz.groups import Group
from e2viz.images.picture import Picture
from e2viz.measure.equivariance import EquivarianceError, equivariance_error, untrained_copy
from e2viz.measure.subject import AnyModel, subject
from e2viz.measure.turning import on_step
from e2viz.zoo.golden import golden_images

TRACKS = ("error", "floor", "ceiling", "untrained")


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerErrors:
    """How far each layer is from turning with the picture.

    Attributes:
        model: its name.
        group: its group; None if it has none.
        angles_deg: [frame] counter-clockwise.
        kinds: the kind of each probe, by name, in the order of the forward pass.
        error: EE of each probe at each angle.
        floor: what turning the record there and back costs.
        ceiling: EE against a different picture.
        untrained: EE of a copy with fresh weights.
    """

    model: str
    group: Group | None
    angles_deg: Float[np.ndarray, " frame"]
    kinds: dict[str, str]
    error: Float[np.ndarray, "probe frame"]
    floor: Float[np.ndarray, "probe frame"]
    ceiling: Float[np.ndarray, "probe frame"]
    untrained: Float[np.ndarray, "probe frame"]

    @property
    def probes(self) -> tuple[str, ...]:
        """Names of the probes, in the order of the forward pass."""
        return tuple(self.kinds)

    @property
    def on_group(self) -> Bool[np.ndarray, " frame"]:
        """Where the turn belongs to the group and to the pixel grid: nothing is interpolated there.

        For a model without a group, the quarter turns.
        """
        step_deg = 360.0 / (self.group.rotations if self.group else 4)
        return np.array([on_step(a, 90.0) and on_step(a, step_deg) for a in self.angles_deg.tolist()])

    def of(self, probe: str, track: str = "error") -> Float[np.ndarray, " frame"]:
        """One track of one probe.

        Raises:
            LookupError: for a probe that the model does not have.
        """
        if probe not in self.kinds:
            raise LookupError(f"{self.model} has no probe {probe!r}; it has {', '.join(self.kinds)}")
        return getattr(self, track)[self.probes.index(probe)]

    def arrays(self) -> dict[str, np.ndarray]:
        """What is stored; the model and its group are known from elsewhere."""
        held = {name: getattr(self, name).astype(np.float32) for name in TRACKS}
        return held | {"probes": np.array(self.probes), "kinds": np.array(list(self.kinds.values()))}


def angles(step_deg: float | int) -> Float[np.ndarray, " frame"]:
    """The equispaced angles of a turn; the step divides 360."""
    return np.arange(round(360 / step_deg)) * float(step_deg)


def facts(model: AnyModel, step_deg: float | int, method: str) -> dict[str, Any]:
    """What the errors depend on, beside the picture."""
    weights, different = subject(model).checksum, list(others(model))
    return {"weights": weights, "step_deg": float(step_deg), "method": method, "others": different}


def from_arrays(model: AnyModel, step_deg: float | int, held: dict[str, np.ndarray]) -> LayerErrors:
    """Inverse of ``LayerErrors.arrays``."""
    seen = subject(model)
    tracks = {name: held[name].astype(np.float64) for name in TRACKS}
    kinds = dict(zip(held["probes"].tolist(), held["kinds"].tolist(), strict=True))
    return LayerErrors(model=seen.name, group=seen.group, angles_deg=angles(step_deg), kinds=kinds, **tracks)


def others(model: AnyModel) -> tuple[str, ...]:
    """Two samples of what the model knows, for the ceiling: one, and another where that is the picture itself.

    None where no sample is shipped. A model that knows no data set is shown those of the default one.
    """
    data = subject(model).data
    return compared_with(data_set(DEFAULT) if data is None else data)


def another(model: AnyModel, picture: Picture) -> Picture:
    """A different picture of what the model knows; a fixed pattern where no sample is shipped."""
    for name in others(model):
        if sample(name).checksum != picture.checksum:
            return sample(name)
    seen = subject(model).sees(picture)
    size = subject(model).size or seen.values.shape[-1]
    return Picture(values=golden_images(seen.channels, size)[0], name="pattern")


def layer_errors(
    model: AnyModel,
    picture: Picture,
    step_deg: float | int = 15,
    method: str = "fair",
    progress: Callable[[int, int], None] | None = None,
) -> LayerErrors:
    """Measure a model, and a copy of it with fresh weights, at every step of a turn.

    Args:
        model: a zoo model, a module with a ``config`` in eval mode, or a subject.
        picture: what is turned.
        step_deg: divides 360.
        method: "fair" or "naive".
        progress: called with (angles done, all) over both; it cancels by raising.
    """
    seen = subject(model)
    chosen = angles(step_deg)
    fresh = dataclasses.replace(seen, network=untrained_copy(seen.network))
    different = another(seen, picture)

    def measured(one: Any, before: int, **others: Any) -> EquivarianceError:
        told = None if progress is None else lambda done, _: progress(before + done, 2 * len(chosen))
        return equivariance_error(one, picture, angles_deg=chosen, method=method, progress=told, **others)

    trained = measured(seen, 0, other=different)
    untrained = measured(fresh, len(chosen), floor=False)
    return LayerErrors(
        model=seen.name,
        group=seen.group,
        angles_deg=chosen,
        kinds={name: each.kind for name, each in trained.probes.items()},
        error=trained.table(),
        floor=np.stack([each.floor.mean(1) for each in trained.probes.values() if each.floor is not None]),
        ceiling=np.stack([each.ceiling.mean(1) for each in trained.probes.values() if each.ceiling is not None]),
        untrained=untrained.table(),
    )
