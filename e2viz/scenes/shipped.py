"""The results that fill six pages at once: errors, rules, switches, steerability, views, artificial images.

`e2viz make results` makes what is missing or was made from other weights; `--check` only says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import e2viz
from e2viz.architectures import architecture_of, row_of
from e2viz.data.samples import data_of, first_samples, sample, sample_names
from e2viz.data.table import data_set
from e2viz.images.picture import Picture
from e2viz.measure import kept
from e2viz.measure.kept import FOLDER, Arrays, Facts
from e2viz.measure.layer_errors import facts as error_facts
from e2viz.measure.layer_errors import layer_errors
from e2viz.measure.steering import SIZES, steered
from e2viz.measure.steering import facts as steering_facts
from e2viz.measure.subject import subject
from e2viz.scenes import broken, efficiency, equivariance_error, positional_encodings, rule_lines, steerability, views
from e2viz.scenes.group_networks import kind_of, network_of
from e2viz.scenes.sweeps import models_for
from e2viz.zoo.weights import Model

# What the page shows first; every other set of switches is measured when it is asked for.
SHIPPED_SWITCHES = ((), ("rule",))
# Key, facts, and how to make the arrays.
Entry = tuple[str, Facts, Callable[[], Arrays]]


def samples() -> tuple[str, ...]:
    """The shipped samples that any trained model knows."""
    return tuple(name for name in sample_names() if models_for(name))


def _errors(picture: Picture) -> Iterator[Entry]:
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


def _rules(picture: Picture) -> Iterator[Entry]:
    for group, rules in positional_encodings.RULES.items():
        seen = subject(network_of(group, kind_of(picture))[0])
        for rule in rules:
            case = rule_lines.case_of(group, rule)
            made = lambda case=case: rule_lines.arrays(rule_lines.rule_line(case, picture, fresh=True))  # noqa: E731
            yield rule_lines.key_of(case), rule_lines.facts(seen, case), made


def _broken(picture: Picture) -> Iterator[Entry]:
    kind = kind_of(picture)
    model, _ = broken.network_to_break(kind.default_models, kind)
    for chosen in SHIPPED_SWITCHES:
        switches = broken.switches_of(chosen)
        made = lambda s=switches: broken.arrays(broken.broken(model, picture, s, fresh=True))  # noqa: E731
        yield broken.key_of(switches), broken.facts(model, switches), made


def _steered(picture: Picture) -> Iterator[Entry]:
    kind = kind_of(picture)
    model, _ = steerability.network(kind.default_models, kind)
    for size in SIZES:
        yield str(size), steering_facts(model, size), partial(_steered_at, model, picture, size)


def _steered_at(model: Model, picture: Picture, size: int) -> Arrays:
    return steered(model, picture, size).arrays()


def _post_hoc(picture: Picture) -> Iterator[Entry]:
    group = views.shipped_group(picture.name)
    if not group:
        return
    for name in models_for(picture.name):
        if architecture_of(name) == "vit":
            model = e2viz.load(name)
            made = lambda m=model: views.arrays(views.look(m, group, picture, views.SHIPPED_ANGLES_DEG))  # noqa: E731
            yield views.key_of(model, group), views.facts(model, group), made


def _artificial(picture: Picture) -> Iterator[Entry]:
    data = data_of(picture.name)
    for model in efficiency.artificial_models(data) if picture.name in first_samples(data)[:1] else ():
        name = subject(model).name
        yield name, efficiency.facts(model), partial(_artificial_of, name, picture, data)


def _artificial_of(name: str, picture: Picture, data: str) -> dict[str, Any]:
    found = efficiency.look(picture, efficiency.SHIPPED_ANGLES_DEG, data=data)
    return next(efficiency.arrays(each) for each in found if each.name == name)


PAGES: dict[str, Callable[[Picture], Iterator[Entry]]] = {
    equivariance_error.PAGE: _errors,
    rule_lines.PAGE: _rules,
    broken.PAGE: _broken,
    steerability.PAGE: _steered,
    views.PAGE: _post_hoc,
    efficiency.PAGE: _artificial,
}


def stale(folder: Path = FOLDER, names: Sequence[str] | None = None) -> list[str]:
    """What is missing, or was made from other weights, another picture or other settings; empty when all is well."""
    found = []
    for page, entries in PAGES.items():
        for name in names or samples():
            picture = sample(name)
            for key, facts, _ in entries(picture):
                if kept.find(page, picture, key, facts, folder) is None:
                    found.append(f"{page}/{name}: {key}")
    return found


def remake(
    folder: Path = FOLDER,
    pages: Sequence[str] = tuple(PAGES),
    names: Sequence[str] | None = None,
    tell: Callable[[str], None] = print,
) -> None:
    """Make what is missing or stale; what agrees is kept, what nobody asks for any more is dropped."""
    for name in names or samples():
        for page in pages:
            picture = sample(name)
            wanted: dict[str, tuple[Any, Arrays]] = {}
            made = 0
            for key, facts, make in PAGES[page](picture):
                held = kept.find(page, picture, key, facts, folder)
                made += held is None
                wanted[key] = (facts, make() if held is None else held)
            if made:
                path = kept.save(page, picture, wanted, folder)
                tell(f"{page}/{name}: {made} made, {path.stat().st_size / 1024:.0f} kB")


def prune(folder: Path = FOLDER, tell: Callable[[str], None] = print) -> None:
    """Remove every entry that other weights, another picture or other settings made; the pages then measure."""
    for page, entries in PAGES.items():
        for path in sorted((folder / page).glob("*.npz")):
            if path.stem not in samples():
                path.unlink()
                continue
            picture = sample(path.stem)
            before = sum(each == path for each, _, _ in kept.entries(page, folder))
            left: dict[str, tuple[Facts, Arrays]] = {}
            for key, facts, _ in entries(picture):
                held = kept.find(page, picture, key, facts, folder)
                if held is not None:
                    left[key] = (facts, held)
            if len(left) == before:
                continue
            tell(f"{page}/{path.stem}: {before - len(left)} removed")
            if left:
                kept.save(page, picture, left, folder)
            else:
                path.unlink()
