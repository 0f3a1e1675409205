"""The positions page: index maps, learned encodings and their combination, for each group element.

Source: figures 3, 4 and 5 of Xu et al. 2023, for any group and any layer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from e2viz.groups import Group
from e2viz.images.picture import Picture
from e2viz.images.rotate import views
from e2viz.measure.encodings import Encodings, encoding_layers, encodings_of
from e2viz.measure.subject import subject
from e2viz.nn.relative import relative_table
from e2viz.render.figures import two_digits
from e2viz.render.palette import MODEL_COLORS
from e2viz.render.recipe import Recipe
from e2viz.render.scene import Panel, Row, Scene
from e2viz.scenes.rotation import PICTURE_SIZE
from e2viz.scenes.rule_lines import network_of

PAGE = "positional_encodings"
GROUPS = ("c4", "c8", "d4")
RULES = {"c4": ("ge_vit", "gsa_net"), "c8": ("ge_vit", "gsa_net"), "d4": ("ge_vit", "gsa_net", "published_p4m")}
COLOR = MODEL_COLORS["ge_vit"][0]
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
    from e2viz.scenes import picture_of

    group = group_of(recipe)
    model, trained = network_of(group, recipe.models)
    return compose(recipe, model, trained, picture_of(recipe))


def group_of(recipe: Recipe) -> str:
    """The group that the recipe's settings ask for.

    Raises:
        ValueError: for a group that the page does not offer.
    """
    group = recipe.settings.get("positions_group", GROUPS[0])
    if group not in GROUPS:
        raise ValueError(f"positions_group must be one of {', '.join(GROUPS)}, got {group}")
    return str(group)


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
    found = encodings_of(seen.network, layer if layer in layers else layers[-1])
    channel = min(int(recipe.settings.get("positions_channel", 0)), found.channels - 1)
    return Scene(
        title=sentence(found),
        angles_deg=np.array([found.group.angle_deg(v) for v in found.group.elements]),
        picture=Panel.from_values("", moved_pictures(picture, found.group), "grey", low=0.0, high=1.0),
        rows=(*coordinate_rows(found), *encoding_rows(found, channel), *table_rows(found.group)),
        caption=f"{found.layer} of {seen.name}, {'trained' if trained else 'not trained: fresh weights'}.",
        numbers=numbers(found, channel),
        recipe=recipe,
    )


def moved_pictures(picture: Picture, group: Group) -> Float[np.ndarray, "element size size"]:
    """The picture moved by each element: mirrored first, then turned."""
    frames = []
    for element in group.elements:
        angle = torch.tensor([group.angle_deg(element)])
        values = picture.values.flip(-1) if group.is_reflection(element) else picture.values
        mirrored = Picture(values=values, background=picture.background, name=picture.name)
        frames.append(views(mirrored, angle, PICTURE_SIZE)[0].mean(0))
    return torch.stack(frames).numpy()


def element_name(group: Group, element: int) -> str:
    """A group element as it is written above a panel: "90°", "90° mirrored"."""
    return f"{group.angle_deg(element):g}°" + (" mirrored" if group.is_reflection(element) else "")


def _row(label: str, group: Group, maps: np.ndarray, palette: str, low: float, high: float, probe: str) -> Row:
    panels = (
        Panel.from_values(f"v = {element_name(group, v)}", maps[v][None], palette, low=low, high=high, probe=probe)
        for v in group.elements
    )
    return Row(label, tuple(panels), COLOR)


def coordinate_rows(found: Encodings) -> tuple[Row, ...]:
    """Figure 3: where each offset of the window comes from, its row and its column."""
    limit = float(np.sqrt(2.0))
    return tuple(
        _row(
            f"{word} coordinate of v⁻¹u", found.group, maps, "diverging", -limit, limit, f"{found.name}.{word}_offsets"
        )
        for word, maps in (("row", found.rows), ("column", found.columns))
    )


def encoding_rows(found: Encodings, channel: int) -> tuple[Row, ...]:
    """Figures 4 and 5: one learned channel of the row and of the column encoding, and their sum."""
    row, column = found.row_encoding[:, channel], found.column_encoding[:, channel]
    limit = float(np.abs([row, column]).max())
    group, name = found.group, found.name
    return (
        _row(f"row encoding, channel {channel}", group, row, "diverging", -limit, limit, f"{name}.row"),
        _row(f"column encoding, channel {channel}", group, column, "diverging", -limit, limit, f"{name}.column"),
        _row(
            f"row + column, channel {channel}", group, row + column, "diverging", -2 * limit, 2 * limit, name
        ),
    )  # fmt: skip


def table_rows(group: Group) -> tuple[Row, ...]:
    """Which entry of the group embedding belongs to (v, g, m): one table a rule, g down and m across."""
    last = float(group.order - 1)
    return tuple(
        _row(
            f"{rule}(v, g, m), g down, m across", group, relative_table(group, rule).numpy().astype(np.float64),
            "viridis", 0.0, last, "relative",
        )
        for rule in RULES[group.name]
    )  # fmt: skip


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
