"""One scene of every page inside a network, of small networks with fixed weights: the same on every machine.

No frame stands at a quarter turn but the upright one, and errors are made up: what only rounding decides is not drawn.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from e2viz.measure.layer_errors import TRACKS, angles, from_arrays
from e2viz.measure.steering import ANGLES_DEG, Steered
from e2viz.render.recipe import Recipe
from e2viz.render.scene import Scene
from e2viz.scenes import attention, equivariance_error, latents, orbits, positional_encodings, steerability
from e2viz.scenes.untrained import fresh_subject
from tests.scenes.small import ge_vit, picture, vit

FRAMES = 9
TURN_DEG = np.arange(FRAMES) * (360.0 / FRAMES)
MODELS = {"ge_vit_small": ge_vit, "vit_small": vit}


def recipe(page: str, **settings) -> Recipe:
    return Recipe(page=page, models=tuple(MODELS), picture="mnist-4", angles=FRAMES, settings=settings)


def attention_scene() -> Scene:
    parts = {name: attention.part(make(), picture(), TURN_DEG) for name, make in MODELS.items()}
    return attention.compose(recipe("attention"), parts, picture())


def latents_scene() -> Scene:
    parts = {name: latents.part(make(), picture(), TURN_DEG) for name, make in MODELS.items()}
    return latents.compose(recipe("latents"), parts, picture())


def orbits_scene() -> Scene:
    models = [make() for make in MODELS.values()]
    found = orbits.swept(models, picture(), TURN_DEG, "fair")
    return orbits.compose(recipe("orbits"), orbits.turnings(models, found), found, picture())


def errors_scene() -> Scene:
    model = ge_vit()
    chosen = model.choose(None)
    angles_deg = angles(15)
    error = 10.0 ** -(1 + 5 * np.cos(np.deg2rad(2 * angles_deg)) ** 2)[None].repeat(len(chosen), 0)
    error *= np.linspace(0.5, 2, len(chosen))[:, None]
    held = {track: factor * error for factor, track in zip((1, 0.1, 10, 2), TRACKS, strict=True)}
    held |= {"probes": np.array(list(chosen)), "kinds": np.array(list(chosen.values()))}
    return equivariance_error.compose(
        recipe("equivariance_error", step=15), {model.name: from_arrays(model, 15, held)}, picture()
    )


def positions_scene() -> Scene:
    model = fresh_subject("c4", width=4, heads=2, depth=6)
    return positional_encodings.compose(recipe("positional_encodings"), model, False, picture())


def steerability_scene() -> Scene:
    apart = np.abs(np.subtract.outer(np.arange(8), np.arange(8))) % 2
    results = []
    for size in (28, 56):
        row, column = np.mgrid[:size, :size] / size
        wave = np.sin(9 * row)[None, None] * np.cos(7 * column) * (1 + 0.1 * (np.arange(8) % 2))[None, :, None, None]
        distance = np.where(apart, 5.6 / size, 1e-6 * (1 - np.eye(8)))
        results.append(
            Steered(
                size=size, distance=distance, probes=("lifting", "embedding"), error=np.full(2, 3 / size),
                floor=np.full(2, 1 / size), maps=wave,
            )
        )  # fmt: skip
    assert len(ANGLES_DEG) == 8
    return steerability.compose(recipe("steerability"), results, picture())


SCENES: dict[str, Callable[[], Scene]] = {
    "attention": attention_scene,
    "latents": latents_scene,
    "orbits": orbits_scene,
    "equivariance_error": errors_scene,
    "positional_encodings": positions_scene,
    "steerability": steerability_scene,
}


def stored_scene(name: str) -> Scene:
    """The scene of a page under a fixed title: sentences have tests of their own."""
    return dataclasses.replace(SCENES[name](), title=name.replace("_", " "))
