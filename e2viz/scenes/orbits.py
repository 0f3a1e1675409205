"""The orbits page: the closed path of the embedding while the picture turns once round, and the compass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

import e2viz
from e2viz.data.samples import sample, sample_names
from e2viz.groups import Group
from e2viz.images.picture import Picture
from e2viz.kept.sweeps import stored_sweep
from e2viz.measure.orbit import Compass, Orbit, Plane, compass, orbit, principal_plane
from e2viz.measure.subject import subject
from e2viz.measure.sweep import Sweep, sweep
from e2viz.measure.turning import on_step
from e2viz.render.figures import two_digits
from e2viz.render.palette import model_colors
from e2viz.render.recipe import Recipe
from e2viz.render.scene import Panel, Row, Scene
from e2viz.scenes.asked import angles_of, picture_of
from e2viz.scenes.compass_dial import compass_dial
from e2viz.scenes.orbit_charts import compass_chart, path_chart
from e2viz.scenes.turning import models_for, turned
from e2viz.zoo.names import short_labels

PAGE = "orbits"
PROBE, VOTES = "embedding", "orientation"
GROUNDS = ("orbit", "reference")
# Pixels of the panel that shows the votes, about the same whatever the number of elements and of angles.
THICKNESS, WIDTH = 48, 72
MATHS = r"""
$\varphi(R_\theta x)$ for equispaced $\theta$ is a closed path in the space of embeddings. It is drawn on the plane in
which a set of embeddings spreads most (principal component analysis): the set is the **orbit** itself, or a
**reference set**, the shipped samples at all their angles, which gives every picture the same ground. The **radius** is
measured in all dimensions and not on the plane: the root mean square distance from the orbit's mean, also as a share
of the embeddings' root mean square norm. An invariant embedding has radius 0 at the group's angles.

**The compass.** GE-ViT's logits are $\max_h\, votes(c, h)$ over the group. Turning the picture by an element $a$ moves
the votes: $votes(c, h) \to votes(c, a^{-1}h)$, so the element that wins is multiplied by $a$. It is a compass that
nobody trained. Its **margin** is how far the winner is ahead of the second, in logits.

Source: `e2viz.measure.orbit`; the network of Romero & Cordonnier 2021 and Xu et al. 2023.
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Turning:
    """What one model's embedding does over the turn.

    Attributes:
        model: its name.
        group: its group; None if it has none.
        orbit: of the embedding, over all angles.
        exact_radius: relative radius over the angles that are exact for the group, quarter turns without one.
        compass: which element wins; None for a model without votes.
        votes: what the compass was read from, for the class that is followed: [frame group].
    """

    model: str
    group: Group | None
    orbit: Orbit
    exact_radius: float
    compass: Compass | None = None
    votes: np.ndarray | None = None


def make(recipe: Recipe) -> Scene:
    """The scene of a recipe."""
    picture, angles_deg = picture_of(recipe), angles_of(recipe)
    models = [e2viz.load(name) for name in recipe.models]
    found = shipped(models, picture, angles_deg, recipe.method) or swept(models, picture, angles_deg, recipe.method)
    return compose(recipe, turnings(models, found, ground_of(recipe)), found, picture)


def ground_of(recipe: Recipe) -> str:
    """What the principal plane is of: "orbit" or "reference".

    Raises:
        ValueError: for anything else.
    """
    ground = recipe.settings.get("ground", GROUNDS[0])
    if ground not in GROUNDS:
        raise ValueError(f"ground must be one of {', '.join(GROUNDS)}, got {ground}")
    return str(ground)


def probes_of(models: Sequence[Any]) -> dict[str, tuple[str, ...]]:
    """The small records that the page needs, by model."""
    kinds = {subject(model).name: subject(model).kinds() for model in models}
    return {name: tuple(probe for probe in (PROBE, VOTES) if probe in held) for name, held in kinds.items()}


def shipped(models: Sequence[Any], picture: Picture, angles_deg: np.ndarray, method: str) -> Sweep | None:
    """The kept sweep of a sample, if it answers this."""
    return stored_sweep(models, picture, angles_deg, probes_of(models), method)


def swept(models: Sequence[Any], picture: Picture, angles_deg: np.ndarray, method: str, progress=None) -> Sweep:
    """The sweep, made now."""
    return sweep(models, picture, angles_deg, probes_of(models), method=method, progress=progress)


def reference_embeddings(model: Any) -> np.ndarray | None:
    """Embeddings of all shipped samples of the model's data set at all their stored angles; None where they are not
    shipped."""
    seen = subject(model)
    name, found = seen.name, []
    for each in sample_names(seen.data.name) if seen.data else ():
        if name in models_for(each):
            kept = stored_sweep([model], sample(each), probes={name: (PROBE,)})
            if kept is not None:
                found.append(kept.records[name][PROBE])
    return np.concatenate(found) if found else None


def turnings(models: Sequence[Any], found: Sweep, ground: str = "orbit") -> dict[str, Turning]:
    """Orbit and compass of each model, by name; a model without an embedding is left out.

    Args:
        models: those of the sweep.
        found: a sweep with the records of ``probes_of``.
        ground: "orbit", or "reference" where a reference set is shipped.
    """
    result = {}
    for model in models:
        seen = subject(model)
        held = found.records.get(seen.name, {})
        if PROBE not in held:
            continue
        plane: Plane | None = None
        if ground == "reference" and (known := reference_embeddings(model)) is not None:
            plane = principal_plane(known)
        group = seen.group
        exact = [on_step(float(angle), 90.0) for angle in found.angles_deg]
        votes = held.get(VOTES)
        reading = None
        if votes is not None and group is not None and group.order > 1:
            reading = compass(votes, group, int(np.bincount(found.logits[seen.name].argmax(1)).argmax()))
        result[seen.name] = Turning(
            model=seen.name,
            group=group,
            orbit=orbit(held[PROBE], plane),
            exact_radius=orbit(held[PROBE][exact]).relative_radius,
            compass=reading,
            votes=None if reading is None or votes is None else votes[:, int(reading.classes[0])],
        )
    return result


def compose(
    recipe: Recipe,
    turning: Mapping[str, Turning],
    found: Sweep,
    picture: Picture,
    labels: Mapping[str, str] | None = None,
) -> Scene:
    """The scene of measured orbits.

    Args:
        recipe: what was asked for.
        turning: by model.
        found: the sweep they are of.
        picture: what is turned.
        labels: what the models are called on screen.
    """
    labels = labels or short_labels(tuple(turning))
    colors = model_colors(list(turning))
    images = turned(picture, tuple(turning), found.angles_deg, method=recipe.method)
    limit = max(float(np.abs(each.orbit.path).max()) / each.orbit.size for each in turning.values()) or 1.0
    angles = np.asarray(found.angles_deg, dtype=np.float64)
    paths = tuple(path_chart(each.orbit, labels[name], colors[name], angles, limit) for name, each in turning.items())
    readable = {name: each.compass for name, each in turning.items() if each.compass is not None}
    compasses = compass_chart(readable, labels, colors, angles)
    rows = []
    readings = tuple(
        panel
        for name, each in turning.items()
        for panel in compass_panels(each, labels[name], colors[name], images, found.class_names(name))
    )
    if readings:
        rows.append(Row("votes of the group's elements, the compass", readings))
    return Scene(
        title=sentence(turning, labels),
        angles_deg=np.asarray(found.angles_deg, dtype=np.float64),
        picture=Panel.from_picture("", images),
        rows=tuple(rows),
        charts=(*paths, *([compasses] if compasses else [])),
        numbers=numbers(turning, found),
        recipe=recipe,
    )


def compass_panels(
    turning: Turning, label: str, color: str, picture: Float[np.ndarray, "frame channel size size"],
    class_names: tuple[str, ...],
) -> tuple[Panel, ...]:
    """The compass round the turning picture, and its votes over the whole turn; none for a model without votes."""
    votes, reading, group = turning.votes, turning.compass, turning.group
    if votes is None or reading is None or group is None:
        return ()
    what = f"votes for {class_names[int(reading.classes[0])]}"
    dial = compass_dial(
        votes, reading, group, picture, f"{label}, {what}", probe=VOTES, color=color,
        caption="a sector an element, 0° at the top; the point is on the winner",
    )  # fmt: skip
    frames, elements = votes.shape
    thick, wide = max(1, THICKNESS // elements), max(1, WIDTH // frames)
    ones = np.ones(frames)
    box = np.stack([thick * reading.elements, wide * np.arange(frames), thick * ones, wide * ones], axis=1)
    drawn = votes.T.repeat(thick, axis=0).repeat(wide, axis=1)
    over_turn = Panel.from_values(
        f"{label}, over the turn", drawn[None], "viridis", low=dial.low, high=dial.high,
        probe=VOTES, color=color, outline=box.astype(np.float64),
        caption=f"{elements} elements from top to bottom, {frames} angles from left to right",
    )  # fmt: skip
    return (dial, over_turn)


def share(value: float) -> str:
    """A share of the embedding's size; below what stored sweeps can tell, half a per mille, only that."""
    return f"{two_digits(100 * value)} %" if value >= 5e-4 else "under 0.05 %"


def follows(turning: Turning, angles_deg: np.ndarray) -> float:
    """Share of the group's exact angles at which the winner is the upright winner, turned along."""
    group, reading = turning.group, turning.compass
    if group is None or reading is None:
        raise ValueError(f"{turning.model} has no compass")
    step_deg = 360.0 / group.rotations
    right = []
    for frame, angle in enumerate(np.asarray(angles_deg).tolist()):
        if on_step(angle, step_deg) and on_step(angle, 90.0):
            element = round(angle / step_deg) % group.rotations
            right.append(group.compose(element, int(reading.elements[0])) == int(reading.elements[frame]))
    return float(np.mean(right))


def sentence(turning: Mapping[str, Turning], labels: Mapping[str, str]) -> str:
    """What to look for, with this picture's numbers."""
    parts = []
    for name, each in turning.items():
        where = "the group's exact angles" if each.group else "quarter turns"
        parts.append(
            f"{labels[name]}'s orbit has a radius of {share(each.orbit.relative_radius)} of the embedding's size, "
            f"{share(each.exact_radius)} at {where}"
        )
    return f"A point or a loop? {'; '.join(parts)}."


def table(turning: Mapping[str, Turning], labels: Mapping[str, str]) -> dict[str, list[str]]:
    """Radius and its like in numbers, one line a model."""
    each = list(turning.values())
    return {
        "model": [labels[name] for name in turning],
        "radius": [two_digits(one.orbit.radius) for one in each],
        "radius / size": [share(one.orbit.relative_radius) for one in each],
        "at exact angles": [share(one.exact_radius) for one in each],
        "length of the path": [two_digits(one.orbit.length) for one in each],
        "shown by the plane": [f"{100 * float(one.orbit.plane.explained.sum()):.0f} %" for one in each],
    }


def compass_sentence(turning: Mapping[str, Turning], labels: Mapping[str, str], angles_deg: np.ndarray) -> list[str]:
    """What each compass does on this picture."""
    lines = []
    for name, each in turning.items():
        if each.compass is None or each.group is None:
            continue
        lines.append(
            f"{labels[name]}'s compass ({each.group.name.upper()}) turns with the picture at "
            f"{100 * follows(each, angles_deg):.0f} % of the exact angles; its smallest margin over the turn is "
            f"{two_digits(float(each.compass.margin.min()))} logits."
        )
    return lines


def numbers(turning: Mapping[str, Turning], found: Sweep) -> dict[str, list]:
    """Columns of the CSV: the angle, each path's coordinates, and the compass."""
    columns: dict[str, list] = {"angle_deg": [float(angle) for angle in found.angles_deg]}
    for name, each in turning.items():
        for component, values in enumerate(each.orbit.path[:-1].T):
            columns[f"{name} component {component + 1}"] = [float(f"{value:.6g}") for value in values]
        if each.compass is not None:
            columns[f"{name} compass_deg"] = each.compass.angles_deg.tolist()
            columns[f"{name} compass mirrored"] = [bool(value) for value in each.compass.mirrored]
            columns[f"{name} compass margin"] = [float(f"{value:.6g}") for value in each.compass.margin]
    return columns
