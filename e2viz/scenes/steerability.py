"""The steerability page: a C8 network at multiples of 45°, at three resolutions. Figure 8 of Xu et al. 2023."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from e2viz.architectures import color_of
from e2viz.data.data_set import DataSet
from e2viz.images.picture import Picture
from e2viz.kept.entries import find_arrays
from e2viz.measure.steering import ANGLES_DEG, SHOWN, SIZES, Steered, facts, from_arrays, steered
from e2viz.measure.subject import subject
from e2viz.render.figures import two_digits
from e2viz.render.palette import mix
from e2viz.render.recipe import Recipe
from e2viz.render.scene import Panel, Row, Scene
from e2viz.scenes.asked import picture_of
from e2viz.scenes.error_charts import HIGH, LOW, logarithm
from e2viz.scenes.group_networks import kind_of, network_of
from e2viz.scenes.steering_charts import distance_chart, resolution_chart
from e2viz.scenes.turning import turning_panel
from e2viz.scenes.untrained import fresh_subject

PAGE = "steerability"
COLOR = color_of("ge_vit")
COLORS = {size: mix(COLOR, "#ffffff", share) for size, share in zip(SIZES, (1.0, 0.7, 0.45), strict=True)}
ROUNDING = 1e-5  # of the logits, after all layers in float32 on up to 12,544 pixels
MATHS = r"""
C8 has eight turns, and the pixel grid has four. A turned picture is made at high resolution; a further 90° is then the
same picture in another order, bit for bit, so that **the four quarter turns** give the same logits up to rounding, and
**the four diagonals** too, among themselves. Between the two sets lies a turn by 45°, which no square grid can make
exactly: pixels fall between pixels, and the square attention window stays square instead of turning.

$$d(\theta, \theta') = \frac{\lVert f(R_\theta x) - f(R_{\theta'} x)\rVert}{\lVert f(x)\rVert}$$

The same weights see the picture at 28, 56 and 112 pixels: nothing in the network depends on the size of the image, and
its windows keep their side in pixels. The **error at 45°** moves the group axis exactly, by one element of C8, and the
plane by interpolation; the **floor** is what turning the plane there and back costs by itself. Where the distance
falls with resolution it is the pixel grid, and not the weights, that breaks the symmetry.

Source: Xu et al. 2023, figure 8; `e2viz.measure.steering`.
"""


def make(recipe: Recipe) -> Scene:
    """The scene of a recipe."""
    picture = picture_of(recipe)
    model, trained = network(recipe.models, kind_of(picture, recipe.models))
    return compose(recipe, measured(model, picture, sizes_of(recipe)), picture, note(model, trained))


def sizes_of(recipe: Recipe) -> tuple[int, ...]:
    """The resolutions that the recipe's settings ask for.

    Raises:
        ValueError: for one that the page does not offer, or none.
    """
    asked = recipe.settings.get("sizes", list(SIZES))
    asked = asked if isinstance(asked, list) else [asked]
    if not asked or any(size not in SIZES for size in asked):
        raise ValueError(f"sizes must be some of {', '.join(map(str, SIZES))}, got {asked}")
    return tuple(size for size in SIZES if size in asked)


def network(preferred: Sequence[str] = (), kind: DataSet | None = None) -> tuple[Any, bool]:
    """A trained C8 network, one that knows such pictures if there is one; or else a small one with fresh weights.

    Args:
        preferred: names of the models that are looked at.
        kind: what the picture is of.

    Returns:
        The network, and whether it is trained.
    """
    model, trained = network_of("c8", kind, preferred)
    return (model, True) if trained else (fresh_subject("c8", width=4, heads=2), False)


def note(model: Any, trained: bool) -> str:
    """Whose weights these are."""
    name = subject(model).name
    if trained:
        return f"{name}, trained weights."
    return f"{name}: no trained C8 network is in the catalogue, so this is a small one with fresh weights."


def shipped(model: Any, picture: Picture, size: int) -> Steered | None:
    """The result that is kept for this network, picture and resolution."""
    held = find_arrays(PAGE, picture, str(size), facts(model, size))
    return None if held is None else from_arrays(size, held)


def measured(
    model: Any,
    picture: Picture,
    sizes: Sequence[int] = SIZES,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Steered, ...]:
    """The results at each resolution: shipped, or measured now. Progress counts in images of the smallest size."""
    found, weights = [], [size**2 // SIZES[0] ** 2 for size in sizes]
    total = len(ANGLES_DEG) * sum(weights)
    for place, size in enumerate(sizes):
        before, weight = len(ANGLES_DEG) * sum(weights[:place]), weights[place]
        told = None
        if progress is not None:
            told = lambda done, _, before=before, weight=weight: progress(before + weight * done, total)  # noqa: E731
        found.append(shipped(model, picture, size) or steered(model, picture, size, told))
    return tuple(found)


def compose(recipe: Recipe, results: Sequence[Steered], picture: Picture, caption: str = "") -> Scene:
    """The scene of measured results; one frame for each turn by 45°.

    Args:
        recipe: what was asked for.
        results: one for each resolution.
        picture: what is turned.
        caption: whose weights these are.
    """
    limit = max(float(np.abs(each.maps[0]).max()) for each in results) or 1.0
    return Scene(
        title=sentence(results),
        angles_deg=ANGLES_DEG,
        picture=turning_panel(picture, recipe.models, ANGLES_DEG),
        rows=(
            Row(f"{SHOWN}, first element, turned back", tuple(map_panel(each, limit) for each in results), COLOR),
            Row("distance between the logits at two angles", tuple(map(distance_panel, results)), COLOR),
        ),
        charts=(distance_chart(results, COLORS), *([resolution_chart(results, COLOR)] if len(results) > 1 else [])),
        caption=caption,
        numbers=numbers(results),
        recipe=recipe,
    )


def map_panel(result: Steered, limit: float) -> Panel:
    """The lifted feature map, plane and group axis turned back: it should stand still."""
    return Panel.from_values(
        f"{result.size} × {result.size}", result.maps[0], "diverging", low=-limit, high=limit, probe=SHOWN, color=COLOR,
        caption="channel 0",
    )  # fmt: skip


def distance_panel(result: Steered) -> Panel:
    """Eight by eight distances; a box marks the row of the angle shown."""
    count = len(ANGLES_DEG)
    box = np.stack([np.arange(count), np.zeros(count), np.ones(count), np.full(count, count)], axis=1)
    return Panel.from_values(
        f"log₁₀, {result.size} × {result.size}", logarithm(result.distance)[None], "viridis", low=LOW, high=HIGH,
        probe="logits", color=COLOR, outline=box.astype(np.float64), caption=f"apart: {percent(result.between)}",
    )  # fmt: skip


def percent(share: float) -> str:
    """A share as a percentage with two digits."""
    return f"{two_digits(100 * share)} %"


def sentence(results: Sequence[Steered]) -> str:
    """What to look for, with this picture's numbers."""
    quarters = max(each.within_quarters for each in results)
    diagonals = max(each.within_diagonals for each in results)
    apart = ", ".join(f"{percent(each.between)} at {each.size} pixels" for each in results)
    rounding = ", which is rounding" if max(quarters, diagonals) < ROUNDING else ""
    return (
        f"Four and four: the quarter turns agree to {two_digits(quarters)} and the diagonals among themselves to "
        f"{two_digits(diagonals)}{rounding}; the two sets are {apart} apart."
    )


def layers_table(results: Sequence[Steered]) -> dict[str, list[str]]:
    """The error of a turn by 45° at each layer and resolution, with its floor."""
    columns: dict[str, list[str]] = {"layer": list(results[0].probes)}
    for each in results:
        columns[f"error, {each.size} × {each.size}"] = [two_digits(float(value)) for value in each.error]
        columns[f"floor, {each.size} × {each.size}"] = [
            two_digits(float(value)) if value else "" for value in each.floor
        ]
    return columns


def numbers(results: Sequence[Steered]) -> dict[str, list]:
    """Columns of the CSV: the angle, and the distance of the logits from those at every angle."""
    columns: dict[str, list] = {"angle_deg": ANGLES_DEG.tolist()}
    for each in results:
        for angle, row in zip(ANGLES_DEG, each.distance, strict=True):
            columns[f"{each.size} px, distance from {angle:g}°"] = [float(f"{value:.6g}") for value in row]
    return columns
