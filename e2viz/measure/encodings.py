"""What a layer's positional encoding is, element by element, and how far it is from the identity's one, moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import nn

from e2viz.groups import Group
from e2viz.measure.turning import disc, turn_plane
from e2viz.nn.positional import PlaneEncoding, acted_offsets
from e2viz.nn.relative import relative_table


@dataclass(frozen=True, kw_only=True, eq=False)
class Encodings:
    """The encoding of one layer.

    Attributes:
        layer: the layer's dotted name.
        name: the dotted name of its plane encoding, as in the weights file.
        group: its group.
        rows: row coordinate of v⁻¹u for each element v and offset u.
        columns: its column coordinate.
        row_encoding: Row_v(u), learned.
        column_encoding: Col_v(u), learned.
    """

    layer: str
    name: str
    group: Group
    rows: Float[np.ndarray, "v window window"]
    columns: Float[np.ndarray, "v window window"]
    row_encoding: Float[np.ndarray, "v channel window window"]
    column_encoding: Float[np.ndarray, "v channel window window"]

    @property
    def channels(self) -> int:
        """Channels that row and column encoding both have."""
        return min(self.row_encoding.shape[1], self.column_encoding.shape[1])

    def difference(self, element: int) -> float:
        """Relative distance of the element's encoding from the identity's one, moved by the element.

        Rounding alone where the element takes the window's grid onto itself; elsewhere the identity's encoding is
        moved by cubic interpolation and compared inside the disc.
        """
        group = self.group
        both = torch.from_numpy(np.concatenate([self.row_encoding, self.column_encoding], axis=1)).double()
        if group.is_exact(element):
            moved, mask = group.act_on_plane(both[0], element), torch.ones(1, dtype=torch.float64)
        else:
            mirrored = both[0].flip(-1) if group.is_reflection(element) else both[0]
            moved = turn_plane(mirrored, group.angle_deg(element))
            mask = disc(both.shape[-1])
        return float((mask * (both[element] - moved)).norm() / (mask * both[element]).norm())


def encoding_layers(network: nn.Module) -> tuple[str, ...]:
    """Names of the layers that have a positional encoding on the plane, in the order of the forward pass."""
    found = (name for name, module in network.named_modules() if isinstance(module, PlaneEncoding))
    return tuple(name.removesuffix(".encoding") for name in found)


def encodings_of(network: nn.Module, layer: str, group: Group | None = None) -> Encodings:
    """The encoding of one layer.

    Args:
        network: a network with positional encodings.
        layer: a name of ``encoding_layers``.
        group: moves the window's grid instead of the network's own group: what is learned is a function of one
            coordinate, which knows no group.

    Raises:
        LookupError: if there is no such layer.
    """
    if layer not in encoding_layers(network):
        raise LookupError(
            f"no layer {layer!r} has a positional encoding; there are {', '.join(encoding_layers(network))}"
        )
    encoding: Any = network.get_submodule(f"{layer}.encoding")
    group = group or network.group  # type: ignore[assignment]
    assert isinstance(group, Group)
    rows, columns = acted_offsets(group, encoding.row_offsets.shape[-1]).to(encoding.row_offsets)
    with torch.no_grad():
        row, column = encoding.row(rows[:, None]), encoding.column(columns[:, None])
    return Encodings(
        layer=layer,
        name=f"{layer}.encoding",
        group=group,
        rows=rows.numpy(),
        columns=columns.numpy(),
        row_encoding=row.numpy(),
        column_encoding=column.numpy(),
    )


def changed_entries(group: Group, rule: str) -> Int[np.ndarray, " element"]:
    """How many entries of a rule's table change when v, g and m are all multiplied by each element.

    None may, in an equivariant layer.
    """
    table, cayley = relative_table(group, rule), group.cayley
    moved = [table[cayley[a]][:, cayley[a]][:, :, cayley[a]] for a in group.elements]
    return np.array([int((each != table).sum()) for each in moved])
