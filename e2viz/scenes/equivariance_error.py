"""The equivariance-error page: a layer × angle map for each model, and the curves of one layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import e2viz
from e2viz.images.picture import Picture
from e2viz.kept.entries import find_arrays
from e2viz.measure.layer_errors import LayerErrors, facts, from_arrays, layer_errors
from e2viz.measure.subject import subject
from e2viz.render.figures import two_digits
from e2viz.render.palette import model_colors
from e2viz.render.recipe import Recipe
from e2viz.render.scene import Scene
from e2viz.scenes.asked import picture_of
from e2viz.scenes.error_charts import error_curves, error_map
from e2viz.scenes.turning import turning_panel
from e2viz.zoo.names import short_labels

PAGE = "equivariance_error"
STEPS_DEG = (5, 15, 45)
STEP_DEG, PROBE = 15, "logits"
MATHS = r"""
With $z = \Phi(x)$ what a layer holds, $R_\theta$ turning the picture, $\rho(\theta)$ turning the record (the plane
turns **and** the group axis moves along) and $M$ a disc that keeps corners out:

$$\mathrm{EE}(\theta) = \frac{\lVert M(\rho(-\theta)\,\Phi(R_\theta x) - z)\rVert}{\lVert M z\rVert}$$

For what should not change at all (the embedding, the logits) there is no $\rho$. ViT's patch tokens are a plane of
patches. At the **group's angles** nothing is interpolated, and an equivariant layer is left with the rounding of
float32. In between, $\rho$ interpolates: the **floor** $\lVert M(R_{-\theta}R_\theta z - z)\rVert/\lVert Mz\rVert$ is
what that alone costs. The **ceiling** is the same error against a different picture. The **untrained** copy has
fresh weights: what is built in, it has too.

Source: the equivariance error of e3nn's and e2cnn's tests, with the group axis moved as in Cohen & Welling 2016,
equation 10; floor and ceiling are ours. `e2viz.measure.equivariance`.
"""


def make(recipe: Recipe) -> Scene:
    """The scene of a recipe; errors that are shipped are not measured again."""
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
    held = find_arrays(PAGE, picture, model.name, facts(model, STEP_DEG, method))
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
        charts=(
            *([curve] if (curve := error_curves(errors, probe_of(recipe, errors), labels, colors)) else []),
            *(error_map(each, labels[name]) for name, each in errors.items()),
        ),
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
