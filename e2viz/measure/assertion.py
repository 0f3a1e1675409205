"""The equivariance check for tests, ours and anybody's: exact, and not passed by a trivial network."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from e2viz import groups
from e2viz.groups import Group
from e2viz.measure.action import PLANE, Transform, act_back
from e2viz.measure.equivariance import passed, relative, run_probes
from e2viz.measure.subject import Subject
from e2viz.nn.plain import with_output_probe


def sheared(maps: Float[Tensor, "*batch height width"]) -> Float[Tensor, "*batch height width"]:
    """Row i rolled by i pixels: moves pixels exactly, as group elements do, but belongs to no C_n or D_n."""
    columns = torch.arange(maps.shape[-1])
    return torch.stack([maps[..., row, (columns - row) % len(columns)] for row in range(maps.shape[-2])], dim=-2)


def assert_equivariant(
    network: nn.Module,
    images: Float[Tensor, "image channel size size"],
    group: Group | str,
    tolerance: float = 1e-9,
    *,
    minimum: float = 1e-4,
    probes: Sequence[str] | None = None,
) -> dict[str, float]:
    """Fail unless a copy of the network in float64 is equivariant at every probe, and not trivially so.

    Each group element that is exact on the pixel grid, reflections included, acts on the images; every record must
    be ρ of what it was, over the whole plane, without a mask. A constant network passes that too, so at every
    probe after the image a shear, which is no member of the group, must change what is seen by ``minimum`` or
    more, and every feature map must vary that much along its group axis.

    Args:
        network: any module; it is copied and left untouched. Of one without probes the output is checked: [batch
            class] must stay as it is, [batch channel height width] must turn, and with a group axis permute it too.
        images: what the network takes, already normalised.
        group: its group.
        tolerance: largest relative error allowed for a member.
        minimum: smallest relative error asked of the non-member.
        probes: names; by default all but attention maps. Attention probes hold every pixel: use small images.

    Returns:
        The largest relative error of each probe over elements and images.

    Raises:
        AssertionError: if the network is not equivariant, or is trivially so.
        ValueError: if a record does not have the axes of its kind.
    """
    acting = groups.group(group) if isinstance(group, str) else group
    images = images.double()
    double = with_output_probe(copy.deepcopy(network).double().eval(), images)
    seen = Subject(name=type(network).__name__, network=double, group=acting)
    kinds = seen.choose(tuple(probes)) if probes is not None else passed(seen, images)
    still = run_probes(seen, images, kinds, len(images))
    worst = dict.fromkeys(kinds, 0.0)
    for element in (each for each in acting.elements if acting.is_exact(each)):
        transform = Transform.of(acting, element)
        moved = run_probes(seen, acting.act_on_plane(images, element), kinds, len(images))
        for name, kind in kinds.items():
            error = _distance(act_back(moved[name], kind, transform, acting), still[name])
            if not error <= tolerance:
                raise AssertionError(
                    f"{seen.name} must be equivariant under {acting.name} to {tolerance:g}, got {error:.3g} "
                    f"at {name} for {transform}"
                )
            worst[name] = max(worst[name], error)
    _assert_not_trivial(seen, images, kinds, still, minimum)
    return worst


def _distance(maps: Tensor, reference: Tensor) -> float:
    """The largest relative distance over images, without a mask."""
    return float(np.max(relative(maps, reference, "vector")))


def _assert_not_trivial(
    seen: Subject, images: Tensor, kinds: dict[str, str], still: dict[str, Tensor], minimum: float
) -> None:
    moved = run_probes(seen, sheared(images), kinds, len(images))
    for name, kind in kinds.items():
        if kind == "image":
            continue
        has_plane = kind in (*PLANE, "feature_map")
        error = _distance(moved[name], sheared(still[name]) if has_plane else still[name])
        if not error >= minimum:
            raise AssertionError(
                f"{seen.name} is trivially equivariant at {name}: a shear, which is no member of the group, gives "
                f"an error of {error:.3g}, at least {minimum:g} is asked"
            )
        if kind == "feature_map" and still[name].shape[-3] > 1:
            flat = rearrange(still[name], "image channel group y x -> image channel y x group")
            spread = _distance(flat.mean(-1, keepdim=True).expand_as(flat), flat)
            if not spread >= minimum:
                raise AssertionError(
                    f"{seen.name} is trivially equivariant at {name}: its group axis varies by {spread:.3g}, at "
                    f"least {minimum:g} is asked"
                )
