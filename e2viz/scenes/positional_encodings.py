"""The positions page: index maps, learned encodings and their combination, for each group element.

Source: figures 3, 4 and 5 of Xu et al. 2023, for any group and any layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from e2viz.architectures import color_of
from e2viz.data.data_set import DataSet
from e2viz.groups import Group
from e2viz.groups import group as find_group
from e2viz.images.picture import Picture
from e2viz.images.rotate import views
from e2viz.measure.encodings import Encodings, encoding_layers, encodings_of
from e2viz.measure.subject import Subject, subject
from e2viz.nn.relative import relative_table
from e2viz.render.figures import two_digits
from e2viz.render.recipe import Recipe
from e2viz.render.scene import Panel, Row, Scene
from e2viz.scenes.asked import picture_of
from e2viz.scenes.group_networks import kind_of, network_of, why_others
from e2viz.scenes.turning import PICTURE_SIZE, shown

PAGE = "positional_encodings"
GROUPS = ("c4", "c8", "d4")
RULES = {"c4": ("ge_vit", "gsa_net"), "c8": ("ge_vit", "gsa_net"), "d4": ("ge_vit", "gsa_net", "published_p4m")}
# Every element beside the others, or the one that has moved the picture.
VIEWS = ("every element", "this element")
COLOR = color_of("ge_vit")
MATHS = r"""
The offsets $u$ of a $p\times p$ window lie at coordinates in $[-1, 1]$. For each output element $v$ the whole grid is
acted on by $v$, and the acted row and column coordinate each pass through their own small network
($1 \to 16 \to$ norm $\to$ swish $\to d$):

$$\mathrm{Row}_v(u) = f_{row}\big((v^{-1}u)_{row}\big), \qquad \mathrm{Col}_v(u) = f_{col}\big((v^{-1}u)_{col}\big)$$

A quarter turn or a mirror takes the grid onto itself: the encoding of $v$ is that of the identity in another
order. A turn by 45° takes it between the pixels: the numbers are new ones.

On the group axis the encoding is a table of learned vectors, and the rule says which one belongs to the output
element $v$, the query element $g$ and the key element $m$. Multiply all three by the same $a$ from the left, as
turning the picture does: the rule must give the same entry, or the layer cannot be equivariant.

| | any group | rotations |
|---|---|---|
| GE-ViT | $v^{-1} g\, m^{-1} g$ | $(2g - m - v) \bmod n$ |
| GSA-Net | $v\, g^{-1} m$ | $(v + m - g) \bmod n$ |

Source: Romero & Cordonnier 2021, section 4; Xu et al. 2023; the published code. `e2viz.nn.positional`,
`e2viz.nn.relative`.
"""


def make(recipe: Recipe) -> Scene:
    """The scene of a recipe."""
    picture = picture_of(recipe)
    model, trained = encoder_of(group_of(recipe), recipe.models, kind_of(picture, recipe.models))
    return compose(recipe, model, trained, picture)


def encoder_of(group: str, preferred: Sequence[str] = (), kind: DataSet | None = None) -> tuple[Any, bool]:
    """The network whose learned encodings are shown, and whether it is trained.

    One of that group, if it knows such pictures; else one of another group that does. What is learned is a function
    of one coordinate, so that every group can move its grid.
    """
    model, trained = network_of(group, kind, preferred)
    if trained and not (kind and why_others(model, kind)):
        return model, True
    other, known = network_of("", kind, preferred)
    return (other, known) if not trained or (kind and not why_others(other, kind)) else (model, True)


def group_of(recipe: Recipe) -> str:
    """The group that the recipe's settings ask for.

    Raises:
        ValueError: for a group that the page does not offer.
    """
    group = recipe.settings.get("positions_group", GROUPS[0])
    if group not in GROUPS:
        raise ValueError(f"positions_group must be one of {', '.join(GROUPS)}, got {group}")
    return str(group)


def view_of(recipe: Recipe) -> str:
    """Which elements the recipe's settings ask for, one of VIEWS.

    Raises:
        ValueError: for a view that the page does not offer.
    """
    view = str(recipe.settings.get("positions_view", VIEWS[0]))
    if view not in VIEWS:
        raise ValueError(f"positions_view must be one of {', '.join(VIEWS)}, got {view[:40]}")
    return view


def compose(recipe: Recipe, model: Any, trained: bool, picture: Picture) -> Scene:
    """The scene of one layer of a network; each frame is a group element.

    Args:
        recipe: its settings choose layer and channel.
        model: a network with group attention.
        trained: whether its weights are trained; the caption says so.
        picture: moved by the elements, as the window's grid is.
    """
    seen = subject(model)
    layers = encoding_layers(seen.network)
    layer = str(recipe.settings.get("positions_layer", layers[-1]))
    acting = find_group(group_of(recipe))
    found = encodings_of(seen.network, layer if layer in layers else layers[-1], acting)
    channel = min(int(str(recipe.settings.get("positions_channel", 0))), found.channels - 1)
    return Scene(
        title=sentence(found),
        angles_deg=np.array([found.group.angle_deg(v) for v in found.group.elements]),
        picture=Panel.from_picture("", moved_pictures(shown(picture, recipe.models), found.group)),
        rows=moving_row(found, channel)
        if view_of(recipe) == VIEWS[1]
        else (*coordinate_rows(found), *encoding_rows(found, channel), *table_rows(found.group)),
        caption=caption(found, seen, trained),
        numbers=numbers(found, channel),
        recipe=recipe,
    )


def caption(found: Encodings, seen: Subject, trained: bool) -> str:
    """Whose functions are shown, and what moves their grid."""
    text = f"{found.layer} of {seen.name}, {'trained' if trained else 'not trained: fresh weights'}"
    if seen.group != found.group:
        text += (
            f"; what it learned is a function of one coordinate, here the grid is moved by {found.group.name.upper()}"
        )
    if not trained:
        text += "; with fresh biases of 0 the norm leaves only the sign of a coordinate"
    return f"{text}."


def moved_pictures(picture: Picture, group: Group) -> Float[np.ndarray, "element channel size size"]:
    """The square picture moved by each element: mirrored first, then turned."""
    frames = []
    for element in group.elements:
        angle = torch.tensor([group.angle_deg(element)])
        values = picture.values.flip(-1) if group.is_reflection(element) else picture.values
        mirrored = Picture(values=values, background=picture.background, name=picture.name)
        frames.append(views(mirrored, angle, PICTURE_SIZE)[0])
    return torch.stack(frames).numpy()


def element_name(group: Group, element: int) -> str:
    """A group element as it is written above a panel: "90°", "90° mirrored"."""
    return f"{group.angle_deg(element):g}°" + (" mirrored" if group.is_reflection(element) else "")


@dataclass(frozen=True, kw_only=True, eq=False)
class Quantity:
    """One map for each element, with what its panels have in common."""

    label: str
    maps: Float[np.ndarray, "element height width"]
    palette: str
    low: float
    high: float
    probe: str

    def panels(self, group: Group) -> tuple[Panel, ...]:
        """A panel for each element; those that are exact on the pixel grid before those that are not."""
        order = sorted(group.elements, key=lambda v: not group.is_exact(v))
        return tuple(
            Panel.from_values(
                f"v = {element_name(group, v)}", self.maps[v][None], self.palette, low=self.low, high=self.high,
                probe=self.probe,
            )
            for v in order
        )  # fmt: skip


def _rows(group: Group, *quantities: Quantity) -> tuple[Row, ...]:
    """Quantities of four elements share a line, two by two; those of eight fill one each, four beside four."""
    lines = [quantities[i : i + 2] for i in range(0, len(quantities), 2)] if group.order <= 4 else [
        (each,) for each in quantities
    ]  # fmt: skip
    return tuple(
        Row(
            " | ".join(each.label for each in line),
            tuple(panel for each in line for panel in each.panels(group)),
            COLOR,
            halves=group.order > 4 or len(line) == 2,
        )
        for line in lines
    )


def coordinate_rows(found: Encodings) -> tuple[Row, ...]:
    """Figure 3: where each offset of the window comes from, its row and its column."""
    limit = float(np.sqrt(2.0))
    return _rows(found.group, *_coordinates(found, limit))


def _coordinates(found: Encodings, limit: float) -> list[Quantity]:
    return [
        Quantity(
            label=f"{word} coordinate of v⁻¹u", maps=maps.astype(np.float64), palette="diverging", low=-limit,
            high=limit, probe=f"{word}_offsets",
        )
        for word, maps in (("row", found.rows), ("column", found.columns))
    ]  # fmt: skip


def encoding_rows(found: Encodings, channel: int) -> tuple[Row, ...]:
    """Figures 4 and 5: one learned channel of the row and of the column encoding, and their sum."""
    quantities = _encodings(found, channel)
    return _rows(found.group, *quantities[:2]) + _rows(found.group, quantities[2])


def moving_row(found: Encodings, channel: int) -> tuple[Row, ...]:
    """Figure 5 in motion: coordinates, encodings and their sum of the element that has moved the picture."""
    quantities = [*_coordinates(found, float(np.sqrt(2.0))), *_encodings(found, channel)]
    panels = tuple(
        Panel.from_values(each.label, each.maps, each.palette, low=each.low, high=each.high, probe=each.probe)
        for each in quantities
    )
    return (Row("coordinates of the window", panels[:2], COLOR), Row("what is learned of them", panels[2:], COLOR))


def _encodings(found: Encodings, channel: int) -> list[Quantity]:
    row = found.row_encoding[:, channel].astype(np.float64)
    column = found.column_encoding[:, channel].astype(np.float64)
    limit = max(float(np.abs(row).max()), float(np.abs(column).max()))
    return [
        Quantity(label=label, maps=maps, palette="diverging", low=-high, high=high, probe=probe)
        for label, maps, high, probe in (
            ("row encoding", row, limit, "encoding.row"),
            ("column encoding", column, limit, "encoding.column"),
            ("row + column", row + column, 2 * limit, "encoding"),
        )
    ]


def table_rows(group: Group) -> tuple[Row, ...]:
    """Which entry of the group embedding belongs to (v, g, m): one table a rule, g down and m across."""
    quantities = [
        Quantity(
            label=f"{rule}(v, g, m): g down, m across", palette="viridis", low=0.0, high=float(group.order - 1),
            maps=relative_table(group, rule).numpy().astype(np.float64), probe="relative",
        )
        for rule in RULES[group.name]
    ]  # fmt: skip
    return _rows(group, *quantities)


def sentence(found: Encodings) -> str:
    """What to look for, with this layer's numbers."""
    group = found.group
    exact = max(found.difference(v) for v in group.elements if group.is_exact(v))
    quarters = f"moved by quarter turns{' and mirrors' if group.reflections else ''} the encoding only changes places"
    text = f"Follow one colour through the group: {quarters} (largest difference {two_digits(exact)})"
    between = [found.difference(v) for v in group.elements if not group.is_exact(v)]
    if between:
        text += f"; at the diagonals it falls between the pixels and differs by {100 * max(between):.0f} %"
    return f"{text}."


def numbers(found: Encodings, channel: int) -> dict[str, list]:
    """Columns of the CSV, one line for each element: coordinates and encodings at every offset of the window."""
    group, side = found.group, found.rows.shape[-1]
    columns: dict[str, list] = {"element": [element_name(group, v) for v in group.elements]}
    maps = {
        "row": found.rows,
        "column": found.columns,
        f"row encoding {channel}": found.row_encoding[:, channel],
        f"column encoding {channel}": found.column_encoding[:, channel],
    }
    for name, each in maps.items():
        for y in range(side):
            for x in range(side):
                columns[f"{name} [{y}, {x}]"] = [round(float(value), 6) for value in each[:, y, x]]
    return columns
