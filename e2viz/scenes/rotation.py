"""The rotation page: the turning picture, what each model says at each angle, and how steady it is."""

from __future__ import annotations

import numpy as np

import e2viz
from e2viz.data import DataSet
from e2viz.data.sees import label_in
from e2viz.images.picture import Picture
from e2viz.kept.sweeps import stored_sweep
from e2viz.measure.stability import Stability
from e2viz.measure.sweep import Sweep, sweep
from e2viz.render.palette import model_colors
from e2viz.render.recipe import Recipe
from e2viz.render.scene import Bars, Ring, Scene
from e2viz.scenes.asked import angles_of, picture_of
from e2viz.scenes.classes import drawn
from e2viz.scenes.probability_charts import probability_chart
from e2viz.scenes.turning import seen_row, turning_panel
from e2viz.zoo.names import short_labels

MATHS = r"""
The picture is turned at high resolution in [0, 1], inside a soft disc, and only then reduced to the model's size and
normalised; multiples of 90° interpolate nothing. *Naïve* turns the small normalised image and fills with 0, as the
published demo did: part of the instability it shows is the grey corner.

With $p_k = \mathrm{softmax}\, f(R_{\theta_k} x)$ at $K$ equispaced angles and $\hat y_k = \arg\max p_k$:
the **flip rate** is the share of $k$ with $\hat y_k \ne \hat y_{k-1}$ on the closed loop (Hendrycks & Dietterich
2019); **agreement** the share with $\hat y_k = \hat y_0$ (Azulay & Weiss 2019); the **worst margin**
$\min_k\, p_k[y] - \max_{c \ne y} p_k[c]$, below 0 where the answer is lost (Engstrom et al. 2019). $y$ is the label,
or without one the upright answer. A model that is always wrong is perfectly stable: read accuracy beside it.
"""


def make(recipe: Recipe) -> Scene:
    """The scene of a recipe: of the shipped sweep, as the page shows it, or of one of its own."""
    picture = picture_of(recipe)
    models = [e2viz.load(name) for name in recipe.models]
    angles_deg = angles_of(recipe)
    found = stored_sweep(models, picture, angles_deg, method=recipe.method)
    return compose(recipe, found or sweep(models, picture, angles_deg, method=recipe.method), picture)


def compose(recipe: Recipe | None, swept: Sweep, picture: Picture, labels: dict[str, str] | None = None) -> Scene:
    """The scene of a sweep.

    Args:
        recipe: what was asked for; None for models that no catalogue has, of which no recipe can be made again.
        swept: the sweep of its models.
        picture: what is turned.
        labels: what the models are called; the shortest names that tell them apart, by default.
    """
    labels = labels or short_labels(swept.models)
    colors = model_colors(list(swept.models))
    classes = {name: swept.class_names(name) for name in swept.models}
    probability = {name: swept.probability(name) for name in swept.models}
    measured = stabilities(swept, picture)
    said, named = drawn(probability, classes)
    return Scene(
        title=sentence(swept, picture, labels),
        angles_deg=np.asarray(swept.angles_deg, dtype=np.float64),
        picture=turning_panel(picture, swept.models, swept.angles_deg),
        rings=tuple(Ring.from_probability(labels[n], colors[n], said[n], named[n]) for n in swept.models),
        bars=tuple(Bars(labels[n], colors[n], said[n], named[n]) for n in swept.models),
        rows=(seen_row(swept, labels),),
        charts=(probability_chart(measured, labels, colors, _followed(measured, classes)),),
        numbers=numbers(swept, probability, classes),
        recipe=recipe,
    )


def _followed(measured: dict[str, Stability], classes: dict[str, tuple[str, ...]]) -> str:
    """What the chart's lines are the probability of: one class, or each model's upright answer."""
    followed = {classes[name][each.reference] for name, each in measured.items()}
    return followed.pop() if len(followed) == 1 else "the upright answer"


def stabilities(swept: Sweep, picture: Picture) -> dict[str, Stability]:
    """Every stability measure, by model."""
    return {name: swept.stability(name, label_for(picture, swept.data.get(name))) for name in swept.models}


def label_for(picture: Picture, data: DataSet | None) -> int | None:
    """Place of the picture's true class among a model's; None where the model does not know it."""
    return picture.label if data is None else label_in(picture, data)


def sentence(swept: Sweep, picture: Picture, labels: dict[str, str]) -> str:
    """What to look for, with this picture's numbers."""
    parts = []
    for name, measured in stabilities(swept, picture).items():
        flips = len(measured.flips)
        changes = "never changes its mind" if not flips else f"changes its mind {flips} time{'s' * (flips != 1)}"
        parts.append(f"{labels[name]} {measured.says(swept.class_names(name))} and {changes}")
    return f"Turn it. {'; '.join(parts)}."


def numbers(swept: Sweep, probability: dict[str, np.ndarray], classes: dict[str, tuple[str, ...]]) -> dict[str, list]:
    """Columns of the CSV: the angle, then each model's answer and the probability of each class."""
    columns: dict[str, list] = {"angle_deg": [float(angle) for angle in swept.angles_deg]}
    for name in swept.models:
        winners = probability[name].argmax(1)
        columns[f"{name} prediction"] = [classes[name][k] for k in winners]
        for index, class_name in enumerate(classes[name]):
            columns[f"{name} p({class_name})"] = [round(float(p), 6) for p in probability[name][:, index]]
    return columns
