"""Which results are shipped, so that pages are full when they open: one table for all of them.

``e2viz make sweeps``, ``make panels`` and ``make results`` make what is missing; see ``e2viz.kept.making``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from types import ModuleType
from typing import Any

import numpy as np

import e2viz
from e2viz.architectures import architecture_of, row_of
from e2viz.data.samples import data_of, first_samples, sample, sample_names
from e2viz.data.table import DATA_SETS, data_set
from e2viz.images.picture import Picture
from e2viz.kept import parts, sweeps
from e2viz.kept.entries import Arrays, Entry, Facts
from e2viz.kept.making import Page, Wanted
from e2viz.measure.layer_errors import facts as error_facts
from e2viz.measure.layer_errors import layer_errors
from e2viz.measure.steering import SIZES, steered
from e2viz.measure.steering import facts as steering_facts
from e2viz.measure.subject import subject
from e2viz.measure.sweep import sweep
from e2viz.scenes import (
    attention,
    broken,
    efficiency,
    equivariance_error,
    latents,
    positional_encodings,
    rule_lines,
    steerability,
    views,
)  # fmt: skip
from e2viz.scenes.group_networks import kind_of, network_of
from e2viz.scenes.turning import models_for
from e2viz.zoo import catalogue
from e2viz.zoo.weights import Model

# What the page shows first; every other set of switches is measured when it is asked for.
SHIPPED_SWITCHES = ((), ("rule",))
PANEL_ANGLES_DEG = np.arange(72) * 5.0
# Key, facts, and how to make the arrays.
Result = tuple[str, Facts, Callable[[], Arrays]]


def samples() -> tuple[str, ...]:
    """The shipped samples that any trained model knows."""
    known = {catalogue.card(name).data_set.name for name in catalogue.list_models(catalogue.WEIGHTS_FOLDER)}
    return tuple(name for name in sample_names() if data_of(name) in known)


def _errors(picture: Picture) -> Iterator[Result]:
    step_deg = equivariance_error.STEP_DEG
    first = data_set(data_of(picture.name)).default_models
    for name in models_for(picture.name):
        row = row_of(name)
        if row is not None and not row.errors_shipped and name not in first:
            continue
        model = e2viz.load(name)
        yield name, error_facts(model, step_deg, "fair"), partial(_errors_of, model, picture, step_deg)


def _errors_of(model: Model, picture: Picture, step_deg: float) -> Arrays:
    return layer_errors(model, picture, step_deg).arrays()


def _rules(picture: Picture) -> Iterator[Result]:
    for group, rules in positional_encodings.RULES.items():
        seen = subject(network_of(group, kind_of(picture))[0])
        for rule in rules:
            case = rule_lines.case_of(group, rule)
            made = lambda case=case: rule_lines.arrays(rule_lines.rule_line(case, picture, fresh=True))  # noqa: E731
            yield rule_lines.key_of(case), rule_lines.facts(seen, case), made


def _broken(picture: Picture) -> Iterator[Result]:
    kind = kind_of(picture)
    model, _ = broken.network_to_break(kind.default_models, kind)
    for chosen in SHIPPED_SWITCHES:
        switches = broken.switches_of(chosen)
        made = lambda s=switches: broken.arrays(broken.broken(model, picture, s, fresh=True))  # noqa: E731
        yield broken.key_of(switches), broken.facts(model, switches), made


def _steered(picture: Picture) -> Iterator[Result]:
    kind = kind_of(picture)
    model, _ = steerability.network(kind.default_models, kind)
    for size in SIZES:
        yield str(size), steering_facts(model, size), partial(_steered_at, model, picture, size)


def _steered_at(model: Model, picture: Picture, size: int) -> Arrays:
    return steered(model, picture, size).arrays()


def _post_hoc(picture: Picture) -> Iterator[Result]:
    group = views.shipped_group(picture.name)
    if not group:
        return
    for name in models_for(picture.name):
        if architecture_of(name) == "vit":
            model = e2viz.load(name)
            made = lambda m=model: views.arrays(views.look(m, group, picture, views.SHIPPED_ANGLES_DEG))  # noqa: E731
            yield views.key_of(model, group), views.facts(model, group), made


def _artificial(picture: Picture) -> Iterator[Result]:
    data = data_of(picture.name)
    for model in efficiency.artificial_models(data) if picture.name in first_samples(data)[:1] else ():
        name = subject(model).name
        yield name, efficiency.facts(model), partial(_artificial_of, name, picture, data)


def _artificial_of(name: str, picture: Picture, data: str) -> dict[str, Any]:
    found = efficiency.look(picture, efficiency.SHIPPED_ANGLES_DEG, data=data)
    return next(efficiency.arrays(each) for each in found if each.name == name)


def _wanted(results: Callable[[Picture], Iterator[Result]], picture: Picture) -> Iterator[Wanted]:
    for key, facts, make in results(picture):
        yield Wanted(key, facts, partial(_entry, facts, make))


def _entry(facts: Facts, make: Callable[[], Arrays]) -> Entry:
    return Entry(facts, make())


def _swept(picture: Picture) -> Iterator[Wanted]:
    for place, name in enumerate(models_for(picture.name)):
        if place == 0:
            yield Wanted(sweeps.FRAMES, sweeps.frames_facts(), partial(_sweep_of, name, picture, sweeps.FRAMES))
        facts = sweeps.facts_of(catalogue.card(name).weights_checksum)
        yield Wanted(name, facts, partial(_sweep_of, name, picture, name))


def _sweep_of(name: str, picture: Picture, key: str) -> Entry:
    """The entry of a key, out of the sweep of one model."""
    model = e2viz.load(name)
    small = [probe for probe, kind in model.probe_kinds().items() if kind in sweeps.SMALL_KINDS]
    return sweeps.to_entries(sweep([model], picture, sweeps.ANGLES_DEG, small))[key]


def _panels(scene: ModuleType, picture: Picture) -> Iterator[Wanted]:
    settings = scene.Settings().changed()
    for name in models_for(picture.name):
        facts = parts.facts_of(catalogue.card(name).weights_checksum, PANEL_ANGLES_DEG, "fair", settings)
        yield Wanted(name, facts, partial(_panels_of, scene, name, picture, facts))


def _panels_of(scene: ModuleType, name: str, picture: Picture, facts: Facts) -> Entry:
    return parts.to_entry(scene.part(e2viz.load(name), picture, PANEL_ANGLES_DEG), facts)


def _first_samples(count: int) -> tuple[str, ...]:
    first = chain.from_iterable(first_samples(data)[:count] for data in DATA_SETS)
    return tuple(name for name in first if models_for(name))


SWEEPS = {sweeps.PAGE: Page(sweeps.PAGE, samples, _swept, sample)}
PANELS = {
    scene.PAGE: Page(scene.PAGE, partial(_first_samples, scene.KEPT_SAMPLES), partial(_panels, scene), sample)
    for scene in (attention, latents)
}
RESULTS = {
    name: Page(name, samples, partial(_wanted, results), sample)
    for name, results in {
        equivariance_error.PAGE: _errors,
        rule_lines.PAGE: _rules,
        broken.PAGE: _broken,
        steerability.PAGE: _steered,
        views.PAGE: _post_hoc,
        efficiency.PAGE: _artificial,
    }.items()
}
PAGES = SWEEPS | PANELS | RESULTS
