"""How far a network is from turning with its picture, probe by probe and angle by angle.

With z = Φ(x), ρ the action on a record (the plane and the group axis) and M a disc mask,

    EE(θ) = ‖ M (ρ(-θ) Φ(R_θ x) - z) ‖ / ‖ M z ‖

What should be invariant (vectors, logits) has no ρ: ‖φ(R_θ x) - φ(x)‖ / ‖φ(x)‖.
Source: docs/measures.md; the group axis is what published tools leave out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from e2viz import capture, groups
from e2viz.groups import Group
from e2viz.images.picture import Picture
from e2viz.images.rotate import rotate, views
from e2viz.measure.action import Transform, act_back, as_maps, checked, how, masked, there_and_back
from e2viz.measure.orientation import upright
from e2viz.measure.subject import AnyModel, Subject, subject
from e2viz.measure.turning import EXACT, Angles
from e2viz.nn.fresh import drawing
from e2viz.nn.plain import with_output_probe

# (images in [0, 1], angle in degrees counter-clockwise) -> turned images
Rotation = Callable[[Tensor, float], Tensor]
Images = Float[Tensor, "image channel size size"]
# A network without a group is tried on the symmetries of the square.
SQUARE = groups.group("d4")


@dataclass(frozen=True, eq=False)
class ProbeError:
    """The error of one probe.

    Attributes:
        kind: the probe's kind; it decides how a symmetry acts.
        error: [transform image] EE; NaN where the record of the unmoved picture is all zero.
        floor: [transform image] ‖M(R₋θ R_θ z - z)‖/‖M z‖, what turning the plane of z there and back costs;
            None if it was not asked for.
        ceiling: [transform image] EE against a different picture; None if there is none.
        how: for each transform "exact", or what of the record is interpolated.
    """

    kind: str
    error: Float[np.ndarray, "transform image"]
    floor: Float[np.ndarray, "transform image"] | None
    ceiling: Float[np.ndarray, "transform image"] | None
    how: tuple[str, ...]

    @property
    def mean(self) -> Float[np.ndarray, " transform"]:
        """The error of each transform, averaged over images."""
        return self.error.mean(axis=1)

    @property
    def worst_exact(self) -> float:
        """The largest error among the transforms for which nothing is interpolated; NaN if there is none."""
        exact = np.array([each == EXACT for each in self.how])
        return float(self.error[exact].max()) if exact.any() else float("nan")


@dataclass(frozen=True, eq=False)
class EquivarianceError:
    """Errors of all probes of one model, for the same transforms.

    Attributes:
        model: its name.
        transforms: what was done to the picture, elements before angles.
        probes: by name, in the order of the forward pass.
        untrained: the same for a copy with fresh weights, if it was asked for.
    """

    model: str
    transforms: tuple[Transform, ...]
    probes: dict[str, ProbeError] = field(repr=False)
    untrained: EquivarianceError | None = field(default=None, repr=False)

    @property
    def angles_deg(self) -> Float[np.ndarray, " transform"]:
        """The turn of each transform."""
        return np.array([transform.angle_deg for transform in self.transforms])

    def table(self) -> Float[np.ndarray, "probe transform"]:
        """The layer × angle map: each probe's error for each transform, averaged over images."""
        return np.stack([each.mean for each in self.probes.values()])


def untrained_copy(network: nn.Module, seed: int = 0) -> nn.Module:
    """The same architecture with fresh weights, in eval mode; torch's generator is left as it was.

    A network that only its weights' owner can build, as a graph that a person brings, gives a copy of itself with the
    numbers inside each matrix of weights permuted: ``shuffled``.

    Raises:
        TypeError: if the network does not keep the ``config`` that it was built from.
    """
    if hasattr(network, "shuffled"):
        return network.shuffled(seed)  # type: ignore[operator,no-any-return]
    if not hasattr(network, "config"):
        raise TypeError(f"an untrained copy needs network.config, {type(network).__name__} has none")
    with drawing(seed):
        fresh = type(network)(network.config)
    return fresh.to(next(network.parameters())).eval().requires_grad_(False)


def equivariance_error(
    model: AnyModel,
    images: Picture | Images,
    *,
    angles_deg: Angles = (),
    elements: Sequence[int] | None = None,
    probes: Sequence[str] | None = None,
    group: Group | str | None = None,
    other: Picture | Images | None = None,
    method: str | Rotation = "fair",
    untrained: bool = False,
    floor: bool = True,
    progress: Callable[[int, int], None] | None = None,
    chunk: int = 8,
) -> EquivarianceError:
    """The equivariance error of every probe, for group elements and for any angles.

    Group elements act by array rotation and mirror: nothing is interpolated, and float32 gives about 1e-6 for an
    equivariant network. For angles the picture is turned by the fair rotation, which is exact at quarter turns;
    in between, ρ interpolates and ``how`` says what. A model that sees transposed images is measured on the
    upright picture.

    Args:
        model: a zoo model, a module in eval mode, or a ``Subject``. Of a module without probes the output is
            measured, as ``e2viz.nn.plain`` says.
        images: a picture, or upright images in [0, 1] of the model's size.
        angles_deg: turns, counter-clockwise.
        elements: elements of the group (of D4 for a model without one), each exact on the pixel grid. By
            default all of them if there are no ``angles_deg``, none if there are.
        probes: names; by default all but attention maps.
        group: the group of the group axes, where the model does not say it.
        other: for the ceiling, a different picture for each image; by default the next image of the batch.
        method: "fair", "naive", or a function of images and an angle that turns them.
        untrained: whether to measure a copy with fresh weights too, without its floor.
        floor: whether to measure what turning each record there and back costs.
        progress: called with (transforms done, all) between chunks; it cancels by raising.
        chunk: images in one forward pass.

    Raises:
        LookupError: for a probe that is not there.
        ValueError: if a probe has a group axis and no group is known, a record has other axes than its kind, or
            an element does not act exactly.
    """
    seen = subject(model, group=group)
    acting = seen.group or SQUARE
    if elements is None:
        elements = [] if len(angles_deg) else [each for each in acting.elements if acting.is_exact(each)]
    transforms = [Transform.of(acting, each) for each in elements] + [Transform(float(a)) for a in angles_deg]
    still = _turned(seen, images, method, Transform(0.0))
    seen = _with_output(seen, still)
    kinds = seen.choose(tuple(probes)) if probes is not None else passed(seen, still)
    different = still.roll(1, 0) if len(still) > 1 else None
    if other is not None:
        different = _turned(seen, other, method, Transform(0.0))
    measure = _Comparison(seen, kinds, still, different, floor, chunk)
    per_pass = max(1, chunk // len(still))
    for start in range(0, len(transforms), per_pass):
        part = transforms[start : start + per_pass]
        measure.add(part, torch.cat([_turned(seen, images, method, each) for each in part]))
        if progress is not None:
            progress(start + len(part), len(transforms))
    fresh = None
    if untrained:
        fresh = equivariance_error(
            dataclasses.replace(seen, network=untrained_copy(seen.network)),
            images,
            angles_deg=angles_deg,
            elements=elements,
            probes=probes,
            other=other,
            method=method,
            floor=False,
            chunk=chunk,
        )
    return EquivarianceError(seen.name, tuple(transforms), measure.result(), fresh)


def _with_output(seen: Subject, images: Images) -> Subject:
    """The subject; one without probes gets a probe on its output."""
    like = next(seen.network.parameters(), images)
    return dataclasses.replace(seen, network=with_output_probe(seen.network, seen.prepare(images[:1]).to(like)))


def passed(seen: Subject, images: Images) -> dict[str, str]:
    """The kinds of all probes but attention maps, without those that this network never passes.

    A network made of parts may have probes that its setting has no use for, as one that combines logits has for
    embeddings. One image is run to see.
    """
    kinds = seen.choose(None)
    with torch.no_grad(), capture.record(kinds) as record:
        seen.network(seen.prepare(images[:1]).to(next(seen.network.parameters(), images)))
    return {name: kind for name, kind in kinds.items() if name in record}


def _turned(seen: Subject, images: Picture | Images, method: str | Rotation, transform: Transform) -> Images:
    """The images after a transform, upright and in [0, 1]."""
    if transform.element is not None:
        still = _turned(seen, images, method, Transform(0.0))
        return transform.group.act_on_plane(still, transform.element)
    mean = torch.tensor(seen.mean)
    angle = torch.tensor([transform.angle_deg], dtype=torch.float64)
    if callable(method):
        if isinstance(images, Picture):
            shown = seen.sees(images)
            images = views(shown, torch.zeros_like(angle), seen.size or shown.values.shape[-1])
        return method(images, transform.angle_deg)
    if isinstance(images, Picture):
        shown = seen.sees(images)
        return views(shown, angle, seen.size or shown.values.shape[-1], method, mean=mean)
    background = torch.tensor(seen.data.background) if seen.data is not None else 0.0
    return rotate(images, transform.angle_deg, background=background, method=method, mean=mean)


def run_probes(seen: Subject, images: Images, kinds: dict[str, str], chunk: int) -> dict[str, Tensor]:
    """The records of chosen probes, upright and in float64, so that comparing them adds no error of its own."""
    parameters = next(seen.network.parameters(), images)
    parts: dict[str, list[Tensor]] = {name: [] for name in kinds}
    for batch in images.split(chunk):
        with torch.no_grad(), capture.record(kinds) as record:
            seen.network(seen.prepare(batch).to(parameters))
        for name, kind in kinds.items():
            held = checked(record[name], kind, seen.group).double()
            parts[name].append(as_maps(upright(held, kind, seen.group) if seen.transposed else held, kind))
    return {name: torch.cat(held) for name, held in parts.items()}


class _Comparison:
    """Compares what the probes hold for moved images with what they held for the unmoved ones."""

    def __init__(
        self,
        seen: Subject,
        kinds: dict[str, str],
        still: Images,
        different: Images | None,
        with_floor: bool,
        chunk: int,
    ) -> None:
        self.seen, self.kinds, self.with_floor, self.chunk, self.images = seen, kinds, with_floor, chunk, len(still)
        self.still = run_probes(seen, still, kinds, chunk)
        self.different = None if different is None else run_probes(seen, different, kinds, chunk)
        self.rows: dict[str, list[tuple]] = {name: [] for name in kinds}

    def add(self, transforms: Sequence[Transform], images: Images) -> None:
        moved = run_probes(self.seen, images, self.kinds, self.chunk)
        for name, kind in self.kinds.items():
            for transform, maps in zip(transforms, moved[name].split(self.images), strict=True):
                back = act_back(maps, kind, transform, self.seen.group)
                still = self.still[name]
                error = relative(back, still, kind)
                floor = relative(there_and_back(still, kind, transform), still, kind) if self.with_floor else None
                ceiling = None if self.different is None else relative(back, self.different[name], kind)
                self.rows[name].append((error, floor, ceiling, how(kind, transform, self.seen.group)))

    def result(self) -> dict[str, ProbeError]:
        found = {}
        for name, kind in self.kinds.items():
            errors, floors, ceilings, labels = zip(*self.rows[name], strict=True)
            floor = np.stack(floors) if self.with_floor else None
            ceiling = None if self.different is None else np.stack(ceilings)
            found[name] = ProbeError(kind, np.stack(errors), floor, ceiling, labels)
        return found


def relative(maps: Tensor, reference: Tensor, kind: str) -> Float[np.ndarray, " image"]:
    """‖M(maps - reference)‖ / ‖M reference‖ for each image; NaN where the reference is all zero."""
    distance = masked(maps - reference, kind).flatten(1).norm(dim=1)
    size = masked(reference, kind).flatten(1).norm(dim=1)
    return torch.where(size > 0, distance / size, torch.nan).cpu().numpy()
