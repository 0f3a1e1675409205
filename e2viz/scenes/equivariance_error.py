"""The equivariance-error page: a layer × angle map for each model, and the curves of one layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import e2viz
from e2viz.images.picture import Picture
from e2viz.measure import kept
from e2viz.measure.layer_errors import LayerErrors, facts, from_arrays, layer_errors
from e2viz.measure.subject import subject
from e2viz.render.figures import two_digits
from e2viz.render.palette import model_colors
from e2viz.render.recipe import Recipe
from e2viz.render.scene import Curve, Panel, Row, Scene
from e2viz.scenes.turning import turning_panel
from e2viz.zoo.names import short_labels

PAGE = "equivariance_error"
STEPS_DEG = (5, 15, 45)
STEP_DEG, PROBE = 15, "logits"
# Limits of every map, in powers of ten: float32 alone leaves about 10⁻⁶, 1 is as far as another picture.
LOW, HIGH = -7.0, 0.5
MAP_HEIGHT, MAP_WIDTH = 60, 72
MATHS = r"""
With $z = \Phi(x)$ what a layer holds, $R_\theta$ turning the picture, $\rho(\theta)$ turning the record (the plane
turns **and** the group axis moves along) and $M$ a disc that keeps corners out:

$$\mathrm{EE}(\theta) = \frac{\lVert M(\rho(-\theta)\,\Phi(R_\theta x) - z)\rVert}{\lVert M z\rVert}$$

For what should not change at all (the embedding, the logits) there is no $\rho$. ViT's patch tokens are planes of
$7\times7$. At the **group's angles** nothing is interpolated, and an equivariant layer is left with the rounding of
float32. In between, $\rho$ interpolates: the **floor** $\lVert M(R_{-\theta}R_\theta z - z)\rVert/\lVert Mz\rVert$ is
what that alone costs. The **ceiling** is the same error against a different picture. The **untrained** copy has
fresh weights: what is built in, it has too.

Source: the equivariance error of e3nn's and e2cnn's tests, with the group axis moved as in Cohen & Welling 2016,
equation 10; floor and ceiling are ours. `e2viz.measure.equivariance`.
"""


def make(recipe: Recipe) -> Scene:
    """The scene of a recipe; errors that are shipped are not measured again."""
    from e2viz.scenes import picture_of

    picture = picture_of(recipe)
    models = [e2viz.load(name) for name in recipe.models]
    return compose(recipe, measured(models, picture, step_of(recipe), recipe.method), picture)


def step_of(recipe: Recipe) -> int:
    """The step between measured angles that the recipe's settings ask for, in degrees.

    Raises:
        ValueError: for a step that the page does not offer.
    """
    step = recipe.settings.get("step", STEP_DEG)
    if step not in STEPS_DEG:
        raise ValueError(f"step must be one of {', '.join(map(str, STEPS_DEG))} degrees, got {step}")
    return int(step)


def shipped(model: Any, picture: Picture, step_deg: int, method: str) -> LayerErrors | None:
    """The errors that are kept for this model and picture; every multiple of the kept step will do."""
    if step_deg % STEP_DEG:
        return None
    held = kept.find(PAGE, picture, model.name, facts(model, STEP_DEG, method))
    if held is None:
        return None
    every = step_deg // STEP_DEG
    thinned = {name: values[:, ::every] if values.ndim == 2 else values for name, values in held.items()}
    return from_arrays(model, step_deg, thinned)


def measured(
    models: Sequence[Any],
    picture: Picture,
    step_deg: int = STEP_DEG,
    method: str = "fair",
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, LayerErrors]:
    """The errors of each model, by name: shipped, or measured now."""
    found = {model.name: shipped(model, picture, step_deg, method) for model in models}
    missing = [model for model in models if found[model.name] is None]
    for place, model in enumerate(missing):
        told = None
        if progress is not None:
            told = lambda done, total, place=place: progress(place * total + done, len(missing) * total)  # noqa: E731
        found[model.name] = layer_errors(model, picture, step_deg, method, told)
    return {name: errors for name, errors in found.items() if errors is not None}


def compose(
    recipe: Recipe, errors: Mapping[str, LayerErrors], picture: Picture, labels: Mapping[str, str] | None = None
) -> Scene:
    """The scene of measured errors.

    Args:
        recipe: what was asked for.
        errors: by model.
        picture: what is turned.
        labels: what the models are called on screen.
    """
    labels = labels or short_labels(tuple(errors))
    colors = model_colors(list(errors))
    angles_deg = next(iter(errors.values())).angles_deg
    return Scene(
        title=sentence(errors, labels),
        angles_deg=angles_deg,
        picture=turning_panel(picture, tuple(errors), angles_deg, method=recipe.method),
        rows=(
            Row(
                "log₁₀ of the error",
                tuple(error_map(each, labels[name], colors[name]) for name, each in errors.items()),
            ),
        ),
        curves=curves(errors, probe_of(recipe, errors), labels, colors),
        numbers=numbers(errors),
        recipe=recipe,
    )


def probes_of(models: Sequence[str]) -> list[str]:
    """Every layer that one of the models has, in the order of the forward pass."""
    kinds = (subject(e2viz.load(name)).choose(None) for name in models)
    return list(dict.fromkeys(probe for each in kinds for probe in each))


def probe_of(recipe: Recipe, errors: Mapping[str, LayerErrors]) -> str:
    """The layer whose curves are drawn: the recipe's, if any model has it."""
    asked = str(recipe.settings.get("probe", PROBE))
    return asked if any(asked in each.kinds for each in errors.values()) else PROBE


def logarithm(values: np.ndarray) -> np.ndarray:
    """log₁₀ within the limits of the maps; an error of nothing, or undefined, is shown as the lower limit."""
    return np.log10(np.clip(np.nan_to_num(values, nan=0.0), 10.0**LOW, 10.0**HIGH))


def error_map(errors: LayerErrors, label: str, color: str) -> Panel:
    """Layers from top to bottom, angles from left to right; a box follows the angle shown.

    Every map is drawn about as large as every other, whatever the number of layers.
    """
    layers, frames = errors.error.shape
    tall, wide = max(1, round(MAP_HEIGHT / layers)), max(1, round(MAP_WIDTH / frames))
    values = logarithm(errors.error).repeat(tall, axis=0).repeat(wide, axis=1)
    ones = np.ones(frames)
    box = np.stack([0 * ones, wide * np.arange(frames), tall * layers * ones, wide * ones], axis=1)
    return Panel.from_values(
        label, values[None], "viridis", low=LOW, high=HIGH,
        probe=f"{errors.probes[0]} … {errors.probes[-1]}", color=color, outline=box,
        caption=f"{layers} layers from top to bottom, {frames} angles from left to right",
    )  # fmt: skip


def curves(
    errors: Mapping[str, LayerErrors], probe: str, labels: Mapping[str, str], colors: Mapping[str, str]
) -> tuple[Curve, ...]:
    """log₁₀ of the error of one layer against angle, with what it has to be read beside, dashed."""
    found = []
    for name, each in errors.items():
        if probe not in each.kinds:
            continue
        what = f"log₁₀ error at {probe}"
        found.append(Curve(labels[name], colors[name], logarithm(each.of(probe)), what))
        for track in ("floor", "ceiling", "untrained"):
            if each.of(probe, track).any():
                found.append(
                    Curve(f"{labels[name]}, {track}", colors[name], logarithm(each.of(probe, track)), what, dashed=True)
                )
    return tuple(found)


def sentence(errors: Mapping[str, LayerErrors], labels: Mapping[str, str]) -> str:
    """What to look for, with this picture's numbers."""
    parts = []
    for name, each in errors.items():
        logits, exact = each.of("logits"), each.on_group & (each.angles_deg > 0)
        between = f"{two_digits(float(logits[~each.on_group].max()))} in between" if (~each.on_group).any() else ""
        where = "at the group's angles" if each.group else "at quarter turns"
        at = f"by {two_digits(float(logits[exact].max()))} {where}" if exact.any() else ""
        parts.append(f"{labels[name]}'s logits move {' and '.join(filter(None, (at, between)))}")
    return f"Where does the turn get lost? {'; '.join(parts)}."


def numbers(errors: Mapping[str, LayerErrors]) -> dict[str, list]:
    """Columns of the CSV: the angle, then each layer's error and what it is read beside."""
    columns: dict[str, list] = {"angle_deg": next(iter(errors.values())).angles_deg.tolist()}
    for name, each in errors.items():
        for probe in each.probes:
            for track in ("error", "floor", "ceiling", "untrained"):
                columns[f"{name} {probe} {track}"] = [float(f"{value:.6g}") for value in each.of(probe, track)]
    return columns
