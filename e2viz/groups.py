"""The groups C_n (rotations) and D_n (rotations and reflections), as integers with a Cayley table.

Element ``s * n + r`` is R^r F^s: first the left-right mirror F, s times, then r turns by 360/n degrees
counter-clockwise. One multiplication rule, one action on the plane and one on feature maps serve all groups.
"""

from __future__ import annotations

import difflib
import functools
import math
import re
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from e2viz import limits


@dataclass(frozen=True)
class Group:
    """C_n, or D_n when ``reflections`` is true.

    Args:
        rotations: n, the number of rotations, at least 1.
        reflections: whether the mirror F belongs to the group.

    Raises:
        ValueError: if ``rotations`` is below 1.
    """

    rotations: int
    reflections: bool = False

    def __post_init__(self) -> None:
        if self.rotations < 1:
            raise ValueError(f"rotations must be at least 1, got {self.rotations}")

    @property
    def name(self) -> str:
        return f"{'d' if self.reflections else 'c'}{self.rotations}"

    @property
    def order(self) -> int:
        return self.rotations * (2 if self.reflections else 1)

    @property
    def elements(self) -> range:
        return range(self.order)

    def split(self, element: int) -> tuple[int, int]:
        """The pair (r, s) with element = R^r F^s.

        Raises:
            ValueError: if the group has no such element.
        """
        if element not in self.elements:
            raise ValueError(f"element of {self.name} must be in 0..{self.order - 1}, got {element}")
        return element % self.rotations, element // self.rotations

    def compose(self, first: int, second: int) -> int:
        """The product first · second: ``second`` acts first. F R = R⁻¹ F decides the rest."""
        (r1, s1), (r2, s2) = self.split(first), self.split(second)
        r = (r1 - r2 if s1 else r1 + r2) % self.rotations
        return (s1 ^ s2) * self.rotations + r

    def inverse(self, element: int) -> int:
        r, s = self.split(element)
        return element if s else (-r) % self.rotations

    @functools.cached_property
    def cayley(self) -> Int[Tensor, "order order"]:
        """``cayley[a, b]`` is a · b."""
        table = [[self.compose(a, b) for b in self.elements] for a in self.elements]
        return torch.tensor(table, device="cpu")  # kept, whatever device is the default now

    @functools.cached_property
    def inverses(self) -> Int[Tensor, " order"]:
        return torch.tensor([self.inverse(a) for a in self.elements], device="cpu")

    def angle_deg(self, element: int) -> float:
        """The counter-clockwise turn r · 360/n of R^r F^s, in degrees, 0 to 360."""
        return 360.0 * self.split(element)[0] / self.rotations

    def is_reflection(self, element: int) -> bool:
        return self.split(element)[1] == 1

    def is_exact(self, element: int) -> bool:
        """Whether the element moves a square pixel grid onto itself, so that nothing is interpolated."""
        return self.split(element)[0] * 4 % self.rotations == 0

    def matrix(self, element: int) -> Float[np.ndarray, "2 2"]:
        """The element acting on (x right, y up); entries are exact for multiples of 90 degrees."""
        r, s = self.split(element)
        if self.is_exact(element):
            cos, sin = [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)][r * 4 // self.rotations]
        else:
            angle = math.radians(self.angle_deg(element))
            cos, sin = math.cos(angle), math.sin(angle)
        mirror = -1.0 if s else 1.0
        return np.array([[cos * mirror, -sin], [sin * mirror, cos]])

    def act_on_plane(self, images: Shaped[Tensor, "*batch height width"], element: int) -> Shaped[Tensor, "*batch h w"]:
        """Move every plane by ``element``; array rotation and mirror alone, bit for bit.

        Raises:
            ValueError: if the element does not map the pixel grid onto itself.
        """
        r, s = self.split(element)
        if not self.is_exact(element):
            raise ValueError(
                f"only multiples of 90 degrees act exactly on pixels, got {self.angle_deg(element):g} degrees"
            )
        moved = images.flip(-1) if s else images
        return quarter_turned(moved, r * 4 // self.rotations)

    def act_on_group_axis(self, tensor: Shaped[Tensor, "..."], element: int, axis: int) -> Shaped[Tensor, "..."]:
        """[ρ(a) f](h) = f(a⁻¹h) along ``axis``, which must have one entry for each element.

        Raises:
            ValueError: if the axis has another length than the group.
        """
        if tensor.shape[axis] != self.order:
            raise ValueError(f"axis {axis} must have length {self.order} for {self.name}, got {tensor.shape[axis]}")
        return tensor.index_select(axis, self.cayley[self.inverse(element)].to(tensor.device))

    def act_on_feature_map(
        self, feature_map: Shaped[Tensor, "*batch group height width"], element: int
    ) -> Shaped[Tensor, "*batch group h w"]:
        """[ρ(a) f](x, h) = f(a⁻¹x, a⁻¹h): the plane turns and the group axis is permuted.

        Source: Cohen & Welling 2016, equation 10; docs/ge_vit.md.

        Raises:
            ValueError: if the element is not exact or the group axis has the wrong length.
        """
        return self.act_on_plane(self.act_on_group_axis(feature_map, element, -3), element)


@functools.cache
def group(name: str) -> Group:
    """The group called ``name``: "c4", "d4", "c16", ...; "p4" is C4 and "p4m" is D4.

    A name comes from a link, a recipe, a card or a file, so that its order has a bound; ``Group(n)`` has none.

    Raises:
        LookupError: if the name is not of that form.
        ValueError: if the group has more elements than may be asked for by name.
    """
    word = name.lower().strip()
    wallpaper = re.fullmatch(r"p([1-9][0-9]*)(m?)", word)
    point = re.fullmatch(r"([cd])([1-9][0-9]*)", word)
    if wallpaper or point:
        digits, mirrored = (wallpaper[1], wallpaper[2] == "m") if wallpaper else (word[1:], word[0] == "d")
        rotations = int(digits[: limits.MOST_DIGITS])
        if len(digits) > limits.MOST_DIGITS or rotations * (1 + mirrored) > limits.LARGEST_GROUP:
            raise ValueError(f"a group must have at most {limits.LARGEST_GROUP} elements, got {limits.shown(name)}")
        return Group(rotations, mirrored)
    near = difflib.get_close_matches(word, ["c1", "c2", "c4", "c8", "c16", "d1", "d2", "d4", "d8", "p4", "p4m"])
    raise LookupError(
        f"no group is called {name!r}; use c or d and a number, such as {', '.join(near or ['c4', 'd4'])}"
    )


def quarter_turned(images: Shaped[Tensor, "*batch height width"], quarters: int) -> Shaped[Tensor, "*batch h w"]:
    """``torch.rot90`` of every plane, counter-clockwise, in the two operations that exporters know."""
    match quarters % 4:
        case 0:
            return images.clone()
        case 2:
            return images.flip((-2, -1))
        case turn:
            return images.transpose(-2, -1).flip(-2 if turn == 1 else -1)
