"""The page of feature maps: every layer as the picture turns, beside the same maps turned back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

import e2viz
from e2viz.data.table import DEFAULT, data_set
from e2viz.images.picture import Picture
from e2viz.kept.parts import Part, kept_part
from e2viz.measure.rules import has_group_attention, with_rule
from e2viz.measure.subject import Subject, subject
from e2viz.measure.sweep import Sweep, sweep
from e2viz.render.palette import model_colors
from e2viz.render.recipe import Recipe
from e2viz.render.scene import Panel, Row, Scene
from e2viz.scenes.asked import angles_of, picture_of
from e2viz.scenes.latent_maps import KINDS, Layer, layer_of, moving_panels, panels_of
from e2viz.scenes.turning import data_of_model, turned
from e2viz.scenes.words import ROUNDING, element_name, listed, small
from e2viz.zoo.names import short_labels

PAGE = "latents"
VIEWS = ("turned back", "figure 7")
MOST_COLUMNS = 7
KEPT_SAMPLES = 2  # of each data set, those that are shown first
# Before the name of a model: the same weights under GSA-Net's rule, in GSA-Net's colour.
OLD_RULE = "gsa_net rule of "
MATHS = r"""
A feature map $f(x, h)$ has a plane of pixels $x$ and an axis of group elements $h$. Turning the picture by $\theta$
turns the map of an equivariant network **and** moves its group axis: $\Phi(R_\theta x) = \rho(\theta)\,\Phi(x)$ with
$[\rho(\theta) f](x, h) = f(R_{-\theta}\, x, R_{-\theta}\, h)$ (Cohen & Welling 2016, equation 10). The **stabilised
view** shows $\rho(-\theta)\,\Phi(R_\theta x)$, which then stands still. The number is

$$EE(\theta) = \frac{\lVert M\,(\rho(-\theta)\,\Phi(R_\theta x) - \Phi(x)) \rVert}{\lVert M\,\Phi(x) \rVert}$$

over all channels and elements, with $M$ the inscribed disc. At multiples of 90° nothing is interpolated. In between,
the plane is sampled by cubic interpolation and, where the angle is none of the group's, the group axis linearly round
the circle of rotations. *Resampling alone* is what turning $\Phi(x)$ itself there and back costs: an error of that
size in between says nothing against a network. A ViT has no group axis: its patch tokens are turned back as a plane.
The animation follows e2cnn's (Weiler & Cesa 2019), which turns the plane alone.
"""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the page lets one choose.

    Args:
        view: "turned back", beside the maps as they turn; or "figure 7", as they turn alone, every layer.
        channel: shown of each layer; -1 for the root mean square of all.
        layers: probes, the columns; none for those where the plane changes.
        elements: names of group elements, the rows; none for all.
        old_rule: show each GE-ViT once more, with GSA-Net's rule in the place of its own and the same weights.

    Raises:
        ValueError: for a view that there is not.
    """

    view: str = "turned back"
    channel: int = 0
    layers: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()
    old_rule: bool = False

    def __post_init__(self) -> None:
        if self.view not in VIEWS:
            raise ValueError(f"view must be one of {', '.join(VIEWS)}, got {self.view!r}")

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> Settings:
        """The settings of a recipe.

        Raises:
            ValueError: for one that the page does not have.
        """
        if unknown := set(settings) - {each.name for each in fields(cls)}:
            raise ValueError(f"the page of feature maps has no setting {', '.join(sorted(unknown))}")
        read: dict[str, Any] = {n: tuple(value) if isinstance(value, list) else value for n, value in settings.items()}
        return cls(**read)

    def changed(self) -> dict[str, Any]:
        """Those that are not as at first; a recipe holds no others."""
        held = {
            each.name: getattr(self, each.name) for each in fields(self) if getattr(self, each.name) != each.default
        }
        return {name: list(value) if isinstance(value, tuple) else value for name, value in held.items()}


def make(recipe: Recipe) -> Scene:
    """The scene of a recipe."""
    picture, settings, angles = picture_of(recipe), Settings.read(recipe.settings), angles_of(recipe)
    parts = {}
    for model in shown(list(map(e2viz.load, recipe.models)), settings):
        found = kept_part(PAGE, model, picture, angles, recipe.method, kept_settings(settings))
        parts[model.name] = found or part(model, picture, angles, recipe.method, settings)
    return compose(recipe, parts, picture, labels_of(parts))


def shown(models: list[Any], settings: Settings) -> list[Any]:
    """The models, each GE-ViT followed by itself with GSA-Net's rule where that is asked for."""
    found = []
    for model in models:
        found.append(model)
        seen = subject(model)
        if settings.old_rule and has_group_attention(seen.network):
            name, checksum = OLD_RULE + seen.name, f"{seen.checksum} gsa_net"
            found.append(replace(seen, name=name, checksum=checksum, network=with_rule(seen.network, "gsa_net")))
    return found


def kept_settings(settings: Settings) -> dict[str, Any]:
    """The settings that what one model shows depends on."""
    return replace(settings, old_rule=False).changed()


def labels_of(names: Iterable[str]) -> dict[str, str]:
    """What models are called on screen, those with the old rule too."""
    labels = short_labels(tuple(name for name in names if not name.startswith(OLD_RULE)))
    old = {name: f"{labels[name.removeprefix(OLD_RULE)]} with GSA-Net’s rule" for name in names if name not in labels}
    return labels | old


def layers_of(seen: Subject) -> list[str]:
    """Probes with a plane, in the order of the forward pass, without the classifier's votes."""
    return [name for name, kind in seen.kinds().items() if kind in KINDS and name != "classifier"]


def columns(layers: Mapping[str, Layer], wanted: tuple[str, ...] = (), every: bool = False) -> list[str]:
    """The layers asked for; or else the last of each size of plane, or all where the size never changes."""
    if chosen := [name for name in layers if name in wanted]:
        return chosen
    names = list(layers)
    sizes = [layers[name].size for name in names]
    if not every and len(set(sizes)) > 1:
        names = [name for k, name in enumerate(names) if k + 1 == len(names) or sizes[k + 1] != sizes[k]]
    if len(names) > MOST_COLUMNS:
        names = [names[k] for k in np.linspace(0, len(names) - 1, MOST_COLUMNS).round().astype(int)]
    return names


def captured(
    model: Any,
    picture: Picture,
    angles_deg: Any,
    method: str = "fair",
    progress: Callable[[int, int], None] | None = None,
) -> Sweep:
    """The records of every layer of one model with a plane, as the picture turns."""
    seen = subject(model)
    return sweep([seen], picture, angles_deg, {seen.name: layers_of(seen)}, method, progress)


def part(
    model: Any,
    picture: Picture,
    angles_deg: Any,
    method: str = "fair",
    settings: Settings | None = None,
    swept: Sweep | None = None,
) -> Part:
    """What one model shows: a row for each group element, and what still moves after turning back.

    Args:
        model: a zoo model, a module in eval mode or a subject.
        picture: what is turned.
        angles_deg: counter-clockwise, the first upright.
        method: "fair" or "naive".
        settings: what was chosen.
        swept: what ``captured`` gave for this, where it is there already.
    """
    settings, seen = settings or Settings(), subject(model)
    swept = swept or captured(seen, picture, angles_deg, method)
    layers = {name: layer_of(name, swept.record(seen.name, name), seen) for name in layers_of(seen)}
    if not layers:
        return Part(())
    names = columns(layers, settings.layers, every=settings.view == "figure 7")
    chosen = {name: layers[name].turned_back(swept.angles_deg) for name in names}
    first = chosen[names[0]]
    elements = elements_of(seen, first, settings.elements)
    rows = []
    for place, element in enumerate(elements):
        pairs = [panels_of(each, settings.channel, element, titled=not place) for each in chosen.values()]
        turning, back = zip(*pairs, strict=True)
        both = settings.view == "turned back"
        what = f"element {element_name(seen.group, element)}" if seen.group and first.grouped else first.unit
        label = f"{what}, {first.channel_name(settings.channel)}"
        rows.append(Row(label, turning + back, halves=True) if both else Row(label, turning, columns=len(turning)))
    if settings.view == "turned back":
        moving, still = zip(*map(moving_panels, chosen.values()), strict=True)
        rows.append(
            Row(
                "difference to the upright maps, all channels; the number is the largest at quarter turns",
                moving + still,
                halves=True,
            )
        )
    return Part(tuple(rows), facts_of(chosen))


def elements_of(seen: Subject, layer: Layer, wanted: tuple[str, ...]) -> list[int]:
    """The group elements whose names are wanted, or all of a layer's."""
    every = list(range(layer.elements))
    if seen.group is None or not layer.grouped:
        return every
    return [e for e in every if element_name(seen.group, e) in wanted] or every


def facts_of(layers: Mapping[str, Layer]) -> dict[str, Any]:
    """Numbers of the sentence and the CSV."""
    first = next(iter(layers.values()))
    exact = {name: worst for name, each in layers.items() if (worst := each.worst_exact) is not None}
    facts: dict[str, Any] = {
        "unit": first.unit + "s",
        "how": first.between,
        "table": [each.numbers for each in layers.values()],
        "curves": {name: [float(f"{value:.4g}") for value in each.errors] for name, each in layers.items()},
    }
    if exact:
        facts |= {"worst": max(exact.values()), "layer": max(exact, key=exact.__getitem__)}
    return facts


def compose(
    recipe: Recipe, parts: Mapping[str, Part], picture: Picture, labels: Mapping[str, str] | None = None
) -> Scene:
    """The scene of the parts of all models.

    Args:
        recipe: what was asked for.
        parts: by model.
        picture: what is turned.
        labels: what the models are called on screen; their names, by default.
    """
    labels = labels or {name: name for name in parts}
    colors, angles = model_colors(list(parts)), angles_of(recipe)
    known = [found for found in map(data_of_model, parts) if found is not None]
    size = max((found.size for found in known), default=data_set(DEFAULT).size)
    image = Panel.from_picture(
        f"{size} × {size}", turned(picture, tuple(parts), angles, size, recipe.method), probe="image"
    )
    rows = [row for name, each in parts.items() for row in each.colored(labels[name], colors[name])]
    curves = {f"{name} {probe}": c for name, each in parts.items() for probe, c in each.facts.get("curves", {}).items()}
    return Scene(
        title=sentence(parts, labels),
        angles_deg=angles,
        rows=(Row("what the model sees", (image,)), *rows),
        caption=caption(parts, labels),
        numbers={"angle_deg": angles.tolist()} | curves,
        recipe=recipe,
    )


def sentence(parts: Mapping[str, Part], labels: Mapping[str, str]) -> str:
    """What to look for, with this picture's numbers."""
    said = []
    for name, each in parts.items():
        if "worst" not in each.facts:
            continue
        worst, unit = each.facts["worst"], each.facts["unit"]
        whose = f"the {unit} of {labels[name]}" if name.startswith(OLD_RULE) else f"{labels[name]}’s {unit}"
        how = f"stand still, to {small(worst)}" if worst < ROUNDING else f"still move, by {small(worst)} of their size"
        said.append(f"{whose} {how}")
    return f"Turn it, and turn the maps back. At quarter turns {listed(said)}." if said else "Turn it."


def caption(parts: Mapping[str, Part], labels: Mapping[str, str]) -> str:
    """What is exact and what is interpolated."""
    between = [f"{labels[name]}: {each.facts['how']}" for name, each in parts.items() if each.facts.get("how")]
    words = "Each layer has one scale for all frames. Turned back exactly at multiples of 90°."
    return f"{words} At other angles, {listed(between)}." if between else words
