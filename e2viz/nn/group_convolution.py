"""Convolution on a group of exact turns and mirrors: image to group, and group to group.

One stored filter serves every group element: the filter bank holds it moved by each of them. For filters of pixels,
moves are array rotations and mirrors with a permutation of the group axis, so nothing is interpolated, and groups with
other angles are refused; steerable filters take any angle (e2viz.nn.steerable).
Source: Cohen & Welling, *Group Equivariant Convolutional Networks*, ICML 2016, equations 10 and 11.
"""

from __future__ import annotations

import math

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from e2viz.groups import Group
from e2viz.nn.steerable import steerable_basis


def _require_exact(group: Group) -> None:
    if not all(group.is_exact(element) for element in group.elements):
        raise ValueError(
            f"group convolution needs turns by multiples of 90 degrees, got {group.name}; "
            "steerable filters take any angle"
        )


def lifting_index(group: Group, kernel: int) -> Int[Tensor, "order position"]:
    """For each element h and filter position u, where W(h⁻¹u) stands in the flattened filter W."""
    positions = torch.arange(kernel**2).view(kernel, kernel)
    return torch.stack([group.act_on_plane(positions, h).flatten() for h in group.elements])


def group_index(group: Group, kernel: int) -> Int[Tensor, "order position"]:
    """For each element h and position (m, u), where W(h⁻¹m, h⁻¹u) stands in the flattened filter W."""
    positions = torch.arange(group.order * kernel**2).view(group.order, kernel, kernel)
    return torch.stack([group.act_on_feature_map(positions, h).flatten() for h in group.elements])


def moved_filters(
    weight: Float[Tensor, "*filters positions"], index: Int[Tensor, "order positions"]
) -> Float[Tensor, "*filters order positions"]:
    """Each filter as every group element moves it."""
    if weight.is_cuda:  # the gradient of a selection adds in place; that of an index sorts first
        return weight.index_select(-1, index.flatten()).unflatten(-1, index.shape)
    return weight[..., index]


class LiftingConvolution(nn.Module):
    """Image to feature map: out(x, h) = Σ_u W(h⁻¹u) · image(x + u).

    Acting on the image with a group element moves the output's plane and permutes its group axis.

    Args:
        group: of multiples of 90 degrees.
        inputs, outputs: channels.
        kernel: side of the filter in pixels.
        padding: zeros around the plane, alike on all sides, which keeps the property.
        bias: whether a number is added to each output channel.
        steerable: whether filters are sums of circular harmonics, for groups of any angle.

    Raises:
        ValueError: if the group would need interpolation, or a steerable filter has an even side.
    """

    index: Tensor
    basis: Tensor

    def __init__(
        self, group: Group, inputs: int, outputs: int, kernel: int, *, padding: int = 0, bias: bool = True,
        steerable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.group, self.kernel, self.padding, self.steerable = group, kernel, padding, steerable
        if steerable:
            self.register_buffer("basis", steerable_basis(group, kernel), persistent=False)
        else:
            _require_exact(group)
            self.register_buffer("index", lifting_index(group, kernel), persistent=False)
        numbers = self.basis.shape[1] if steerable else kernel**2
        self.weight = nn.Parameter(torch.randn(outputs, inputs, numbers) * math.sqrt(2.0 / (inputs * numbers)))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def _moved(self) -> Float[Tensor, "outputs inputs order positions"]:
        if self.steerable:
            return torch.einsum("oib,gbu->oigu", self.weight, self.basis)
        return moved_filters(self.weight, self.index)

    def forward(self, images: Float[Tensor, "batch inputs height width"]) -> Float[Tensor, "batch outputs group h w"]:
        bank = rearrange(self._moved(), "o i g (y x) -> (o g) i y x", y=self.kernel)
        maps = functional.conv2d(images, bank, padding=self.padding).unflatten(1, (-1, self.group.order))
        return maps if self.bias is None else maps + self.bias[:, None, None, None]


class GroupConvolution(nn.Module):
    """Feature map to feature map: out(x, h) = Σ_m Σ_u W(h⁻¹m, h⁻¹u) · map(x + u, m).

    Acting on the input with a group element acts on the output with the same.

    Args:
        group: of multiples of 90 degrees.
        inputs, outputs: channels.
        kernel: side of the filter in pixels.
        padding: zeros around the plane, alike on all sides, which keeps the property.
        bias: whether a number is added to each output channel.
        steerable: whether filters are sums of circular harmonics, for groups of any angle.

    Raises:
        ValueError: if the group would need interpolation, or a steerable filter has an even side.
    """

    index: Tensor
    basis: Tensor

    def __init__(
        self, group: Group, inputs: int, outputs: int, kernel: int, *, padding: int = 0, bias: bool = True,
        steerable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.group, self.kernel, self.padding, self.steerable = group, kernel, padding, steerable
        if steerable:
            self.register_buffer("basis", steerable_basis(group, kernel), persistent=False)
        else:
            _require_exact(group)
        numbers = group.order * (self.basis.shape[1] if steerable else kernel**2)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, numbers) * math.sqrt(2.0 / (inputs * numbers)))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        index = group.cayley[group.inverses] if steerable else group_index(group, kernel)
        self.register_buffer("index", index, persistent=False)

    def _moved(self) -> Float[Tensor, "outputs inputs order positions"]:
        if self.steerable:
            weights = moved_filters(self.weight.unflatten(-1, (self.group.order, -1)).movedim(3, 1), self.index)
            return torch.einsum("obigm,gbu->oigmu", weights, self.basis).flatten(-2)
        return moved_filters(self.weight, self.index)

    def forward(
        self, maps: Float[Tensor, "batch inputs group height width"]
    ) -> Float[Tensor, "batch outputs group h w"]:
        order = self.group.order
        bank = rearrange(self._moved(), "o i g (m y x) -> (o g) (i m) y x", m=order, y=self.kernel)
        flat = maps.flatten(1, 2)
        out = functional.conv2d(flat, bank, padding=self.padding).unflatten(1, (-1, order))
        return out if self.bias is None else out + self.bias[:, None, None, None]
