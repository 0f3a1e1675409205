"""Positional encodings that are acted on by the group.

For each output element v the grid of window offsets is moved by v⁻¹; the moved row and column coordinates each go
through their own small network. On quarter turns the moved grid is the same grid in another order, so the encoding
is permuted exactly; for C8 and finer it falls between the pixels.
Source: Romero & Cordonnier 2021, section 4; docs/ge_vit.md.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from e2viz.groups import Group
from e2viz.nn import fused
from e2viz.nn.pointwise import ChannelNorm, Pointwise, single_precision


def acted_offsets(group: Group, window: int) -> Float[Tensor, "coordinate v window window"]:
    """Row and column coordinates in [−1, 1] of every window offset, moved by v⁻¹ for each element v.

    Raises:
        ValueError: if the window is even or below 1.
    """
    if window < 1 or window % 2 == 0:
        raise ValueError(f"window must be odd and at least 1, got {window}")
    line = torch.linspace(-1.0, 1.0, window, dtype=torch.float64) if window > 1 else torch.zeros(1, dtype=torch.float64)
    row, column = torch.meshgrid(line, line, indexing="ij")
    x, y = column, -row
    moved = []
    for v in group.elements:
        (a, b), (c, d) = group.matrix(group.inverse(v))
        moved.append(torch.stack([-(c * x + d * y), a * x + b * y]))
    return torch.stack(moved, dim=1) + 0.0  # turns −0 into 0


class CoordinateEncoding(nn.Sequential):
    """One coordinate → 16 → norm over the 16 at each offset → swish → depth."""

    def __init__(self, depth: int, hidden: int = 16) -> None:
        super().__init__(Pointwise(1, hidden), ChannelNorm(hidden), nn.SiLU(), Pointwise(hidden, depth))

    def forward(self, offsets: Float[Tensor, "v 1 *positions"]) -> Float[Tensor, "v depth *positions"]:
        """The four modules with channels last, which takes a third of their calls: the maps are tiny."""
        layers: Any = self._modules.values()
        widen, norm, _, narrow = layers
        hidden = F.linear(offsets.movedim(1, offsets.ndim - 1), widen.weight, widen.bias)
        hidden = F.silu(F.layer_norm(hidden, norm.normalized_shape, norm.weight, norm.bias, norm.eps))
        return F.linear(hidden, narrow.weight, narrow.bias).movedim(hidden.ndim - 1, 1)


class PlaneEncoding(nn.Module):
    """Row and column encodings of all window offsets, for each group element.

    Args:
        group: the group whose elements move the grid.
        window: side of the window, odd.
        row_depth: channels of the row encoding; the column encoding has ``column_depth``.
    """

    row_offsets: Tensor
    column_offsets: Tensor

    def __init__(self, group: Group, window: int, row_depth: int, column_depth: int) -> None:
        super().__init__()
        offsets = acted_offsets(group, window).to(torch.get_default_dtype())
        self.register_buffer("row_offsets", offsets[0], persistent=False)
        self.register_buffer("column_offsets", offsets[1], persistent=False)
        self.row = CoordinateEncoding(row_depth)
        self.column = CoordinateEncoding(column_depth)

    def forward(self) -> Float[Tensor, "v depth window window"]:
        at_once = fused.plane_encoding(self.row_offsets, self.column_offsets, self.row, self.column)
        if at_once is not None:
            return at_once
        # They are a few hundred numbers that every score needs: single precision under autocast too.
        with single_precision(self.row_offsets.device):
            return self._step_by_step()

    def _step_by_step(self) -> Float[Tensor, "v depth window window"]:
        return torch.cat([self.row(self.row_offsets[:, None]), self.column(self.column_offsets[:, None])], dim=1)
