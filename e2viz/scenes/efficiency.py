"""The efficiency page: accuracy against measured time, and the artificial images that make GE-ViT cheap, turning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from torch import nn

import e2viz
from e2viz import places
from e2viz.architectures import ARCHITECTURES
from e2viz.data import data_set, task
from e2viz.data.samples import data_of, offered_names
from e2viz.data.table import DEFAULT
from e2viz.images.picture import Picture
from e2viz.kept.entries import find_arrays
from e2viz.measure.subject import subject
from e2viz.measure.sweep import sweep
from e2viz.models import build
from e2viz.nn.fresh import drawing
from e2viz.render.palette import model_colors
from e2viz.render.recipe import Recipe
from e2viz.render.scene import Panel, Row, Scene
from e2viz.scenes.asked import angles_of, picture_of
from e2viz.scenes.efficiency_charts import efficiency_charts
from e2viz.scenes.efficiency_points import artificial, numbers, on_data, points, sentence
from e2viz.scenes.turning import data_of_model, shown_data, turning_panel
from e2viz.train.recipes import RECIPES
from e2viz.zoo import catalogue, names
from e2viz.zoo.brought import is_own

PAGE = "efficiency"
FILE = places.EFFICIENCY
TABLES = places.TABLES
PROBE = "artificial_image"
REFERENCE = "ge_vit_p4.rotmnist"
CHANNELS = 4
SHIPPED_ANGLES_DEG = np.arange(72) * 5.0
PICTURE_SIZE = 112
MATHS = r"""
GE-ViT's cost grows with the number of pixels, with $|G|^2$ and with the area of the window. Two ways to fewer pixels:

**Patches.** Each patch $p$ is moved by every group element, projected by one linear layer, averaged and normalised:
$\mathrm{LN}\big(\frac{1}{|G|} \sum_g W\, g p\big)$. The result does not change when the patch turns, and the grid of
results turns with the picture: it is a small image. The average and the projection commute, so only the part of a
patch that is alike in every orientation gets through. That is the published form; with a swish between projection and
average, more gets through.

**Hybrid.** Group convolutions (Cohen & Welling 2016) reduce the plane. As published, the maximum over the group comes
next and GE-ViT lifts a plain image again; ours hands the feature map over with its group axis.

Each artificial image stands with its size in pixels; in the library it is the layer `artificial_image`.

Time is that of the processor, one thread, in batches of eight, the fastest of many repetitions; `make efficiency`
measures it. Accuracy is on the turned test images, with its 95 % interval.
"""


def artificial_models(data: str = DEFAULT) -> list[Any]:
    """Models of a data set that look at an artificial image: trained ones, or with fresh weights where none is.

    By kind, then in the order of their recipes, to which new ones are added at the end: a figure that shows a row by
    its number goes on showing the same one.
    """
    wanted = [recipe for recipe in RECIPES.values() if ARCHITECTURES[recipe.architecture].artificial]
    wanted = [each for each in wanted if task(each.task).data == data]
    trained = [name for name in catalogue.list_models() if artificial(name)]
    trained = [name for name in trained if data_of_model(name) == data_set(data)]
    if trained:
        kinds, order = list(ARCHITECTURES), list(RECIPES)

        def place(name: str) -> tuple[int, int]:
            kind = kinds.index(catalogue.card(name).architecture)
            return kind, order.index(name) if name in RECIPES else len(order)

        return [e2viz.load(name) for name in sorted(names.in_order(trained), key=place)]
    found = []
    for recipe in wanted:
        with drawing(seed=0):
            network: nn.Module = build(recipe.architecture, recipe.config).eval().requires_grad_(False)
        found.append(subject(network, name=recipe.name))
    return found


def data_of_recipe(recipe: Recipe) -> str:
    """Name of the data set that a recipe's models know; of a person's own, which know none of ours, its picture's."""
    found = shown_data(name for name in recipe.models if not is_own(name))
    if found is None and recipe.picture in offered_names():
        return data_of(recipe.picture)
    return found.name if found else DEFAULT


@dataclass(frozen=True, eq=False)
class Artificial:
    """What one model makes of the turning picture before its GE-ViT looks at it: the planes that are shown.

    Attributes:
        name: of the model.
        checksum: of its weights.
        titles: of the planes.
        planes: a few channels, or group elements of one channel.
        channel: "channel 7", where the planes are elements of one.
    """

    name: str
    checksum: str
    titles: tuple[str, ...]
    planes: Float[np.ndarray, "frame plane height width"]
    channel: str = ""


def make(recipe: Recipe) -> Scene:
    """The scene of a recipe, with a sweep of its own."""
    picture, data = picture_of(recipe), data_of_recipe(recipe)
    return compose(recipe, look(picture, angles_of(recipe), recipe.method, data=data), picture)


def look(
    picture: Picture,
    angles_deg: Any,
    method: str = "fair",
    progress: Callable[[int, int], None] | None = None,
    data: str = DEFAULT,
) -> list[Artificial]:
    """The artificial images of the turning picture, by models of a data set: shipped, or computed now."""
    models = artificial_models(data)
    if not models:
        return []
    asked = np.asarray(angles_deg, dtype=np.float64)
    known = [shipped_planes(model, picture, asked, method) for model in models]
    if all(each is not None for each in known):
        return known  # type: ignore[return-value]
    swept = sweep(models, picture, asked, (PROBE,), method, progress)
    return [
        Artificial(name, swept.checksums[name], *_planes(swept.records[name][PROBE], swept.kinds[name][PROBE]))
        for name in swept.models
    ]


def facts(model: Any) -> dict[str, Any]:
    """What shipped planes depend on, beside the picture."""
    return {"weights": subject(model).checksum, "angles": len(SHIPPED_ANGLES_DEG), "titles": 2}


def arrays(found: Artificial) -> dict[str, np.ndarray]:
    """What of a model's planes is shipped."""
    words = {"titles": np.array(found.titles), "channel": np.array(found.channel)}
    return {**words, "planes": found.planes.astype(np.float16)}


def shipped_planes(model: Any, picture: Picture, angles_deg: np.ndarray, method: str) -> Artificial | None:
    """The planes that are shipped for a sample, at any of its angles; None if there are none for these weights."""
    seen = subject(model)
    held = find_arrays(PAGE, picture, seen.name, facts(model))
    frames = np.abs(SHIPPED_ANGLES_DEG[None] - angles_deg[:, None]).argmin(1)
    if held is None or method != "fair" or not np.allclose(SHIPPED_ANGLES_DEG[frames], angles_deg, atol=1e-3):
        return None
    titles = tuple(str(title) for title in held["titles"])
    planes = held["planes"][frames].astype(np.float32)
    return Artificial(seen.name, seen.checksum, titles, planes, str(held["channel"]))


def _planes(maps: np.ndarray, kind: str) -> tuple[tuple[str, ...], np.ndarray, str]:
    """The channels that vary most; of a map with a group axis, the elements of the one that varies most."""
    variance = maps.reshape(len(maps), maps.shape[1], -1).var(axis=(0, 2))
    chosen = np.argsort(-variance)[:CHANNELS]
    if kind == "feature_map":
        best, elements = int(chosen[0]), range(min(maps.shape[2], CHANNELS))
        return tuple(f"element {e}" for e in elements), maps[:, best, : len(elements)], f"channel {best}"
    return tuple(f"channel {channel}" for channel in chosen), maps[:, chosen], ""


def compose(recipe: Recipe, found: list[Artificial], picture: Picture) -> Scene:
    """The turning picture, and what is left of it for GE-ViT to look at.

    Args:
        recipe: what was asked for.
        found: the artificial images of each model.
        picture: what is turned.
    """
    angles_deg, data = angles_of(recipe), data_of_recipe(recipe)
    colors = model_colors([each.name for each in found])
    trained, labels = catalogue.list_models(), _row_labels([each.name for each in found])
    return Scene(
        title=sentence(on_data(points(), data)),
        angles_deg=np.asarray(angles_deg, dtype=np.float64),
        picture=turning_panel(picture, [each.name for each in found], angles_deg),
        rows=tuple(
            Row(", ".join(filter(None, (labels[each.name], each.channel))), _panels(each), color, columns=CHANNELS)
            for each, color in ((each, colors[each.name]) for each in found)
        ),
        caption=_caption([each.name for each in found], labels, bool(found) and found[0].name in trained),
        numbers=numbers(on_data(points(), data)),
        recipe=recipe,
        charts=efficiency_charts(on_data(points(), data), data_set(data)),
    )


def _row_labels(found: list[str]) -> dict[str, str]:
    """Names of the rows: architecture and group, and what a model was trained on where two would be called alike."""
    published = {name for name in found if name.startswith("hybrid") and "invariant" in name}
    short = {name: names.label(name).partition(",")[0] for name in found}
    alike = {name for name in found if list(short.values()).count(short[name]) > 1}
    labels = {name: names.label(name) if name in alike else short[name] for name in found}
    return {name: f"{label}, published form" if name in published else label for name, label in labels.items()}


def _caption(found: list[str], labels: dict[str, str], trained: bool) -> str:
    """What sets some of the rows apart from the others of their kind."""
    if not found:
        return ""
    with_swish = [labels[name] for name in found if _swish(name)]
    words = [] if trained else ["Fresh weights: none of these models is trained yet."]
    words += [f"With a swish before the average: {', '.join(with_swish)}."] if with_swish else []
    return " ".join(words)


def _swish(name: str) -> bool:
    """Whether a patch passes a swish before it is averaged over the group."""
    config = RECIPES[name].config if name in RECIPES else {}
    if name in catalogue.list_models():
        config = catalogue.card(name).config
    return bool(config.get("swish"))


def _panels(found: Artificial) -> tuple[Panel, ...]:
    """One panel a plane, all of one model on one scale."""
    largest = float(np.abs(found.planes).max())
    side = found.planes.shape[-1]
    return tuple(
        Panel.from_values(
            title, found.planes[:, index], "diverging", low=-largest, high=largest, symmetric=True,
            caption=f"{side} × {side}",
        )
        for index, title in enumerate(found.titles)
    )  # fmt: skip
