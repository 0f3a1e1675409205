"""GE-ViT, GSA-Net, the published p4m rule and ours on one chart: the error of each layer at the group's elements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from e2viz.architectures import color_of
from e2viz.data.data_set import DataSet
from e2viz.images.picture import Picture
from e2viz.kept.entries import Arrays, find_arrays
from e2viz.measure.rules import rule_errors
from e2viz.measure.subject import Subject, subject
from e2viz.render.chart import Chart, Track, categories
from e2viz.render.figures import two_digits
from e2viz.render.palette import mix
from e2viz.render.recipe import Recipe
from e2viz.render.scene import Scene
from e2viz.scenes.asked import picture_of
from e2viz.scenes.error_charts import error_axis, shown
from e2viz.scenes.group_networks import kind_of, network_of, why_others

PAGE = "rules"


NAMES = {"ge_vit": "GE-ViT", "gsa_net": "GSA-Net", "published_p4m": "published p4m rule"}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One line of the chart: a group and a relative rule, under a name and a colour of its own."""

    label: str
    group: str
    rule: str
    color: str
    dashed: bool = False


CASES = (
    Case(label="GE-ViT, C4", group="c4", rule="ge_vit", color=color_of("ge_vit")),
    Case(label="GSA-Net, C4", group="c4", rule="gsa_net", color=color_of("gsa_net")),
    Case(label="ours, D4", group="d4", rule="ge_vit", color=mix(color_of("ge_vit"), "#ffffff", 0.6), dashed=True),
    Case(
        label="published p4m rule, D4",
        group="d4",
        rule="published_p4m",
        color=mix(color_of("gsa_net"), "#ffffff", 0.6),
        dashed=True,
    ),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class RuleLine:
    """The error at each layer, the largest over the group's exact elements.

    Attributes:
        case: which group and rule.
        network: name of the network whose weights these are.
        trained: False for small networks with fresh weights.
        probes: names of the layers.
        error: of each layer.
        elements: how many group elements the picture was moved by.
        why: in a sentence, why a network is shown that was not trained on such pictures; "" for one that was.
    """

    case: Case
    network: str
    trained: bool
    probes: tuple[str, ...]
    error: Float[np.ndarray, " probe"]
    elements: int
    why: str = ""


def case_of(group: str, rule: str) -> Case:
    """The case of a group and a rule; one that is not on the chart gets the colour of its rule."""
    for case in CASES:
        if (case.group, case.rule) == (group, rule):
            return case
    color = color_of("ge_vit" if rule == "ge_vit" else "gsa_net")
    return Case(label=f"{NAMES[rule]}, {group.upper()}", group=group, rule=rule, color=color)


def facts(seen: Subject, case: Case) -> dict[str, Any]:
    """What a line depends on, beside the picture."""
    return {"weights": seen.checksum, "rule": case.rule, "group": case.group}


def arrays(line: RuleLine) -> Arrays:
    """What is stored of a line."""
    error = line.error.astype(np.float32)
    return {"probes": np.array(line.probes), "error": error, "elements": np.array(line.elements)}


def rule_lines(
    picture: Picture,
    progress: Callable[[int, int], None] | None = None,
    *,
    kind: DataSet | None = None,
    fresh: bool = False,
) -> tuple[RuleLine, ...]:
    """All lines of the chart: shipped, or measured now.

    Args:
        picture: what is turned and mirrored.
        progress: called with (lines done, all) while measuring.
        kind: what it is of, where it does not say so itself; a network that knows it is taken if there is one.
        fresh: measure even what is shipped.
    """
    lines = []
    for place, case in enumerate(CASES):
        if progress is not None:
            progress(place, len(CASES))
        lines.append(rule_line(case, picture, kind=kind, fresh=fresh))
    return tuple(lines)


def rule_line(case: Case, picture: Picture, *, kind: DataSet | None = None, fresh: bool = False) -> RuleLine:
    """One line: shipped, or measured now."""
    kind = kind or kind_of(picture)
    model, trained = network_of(case.group, kind)
    seen = subject(model)
    held = None if fresh else find_arrays(PAGE, picture, key_of(case), facts(seen, case))
    line = _line(case, seen, trained, held) if held else _measured(case, model, trained, picture)
    return replace(line, why=why_others(model, kind, case.group))


def key_of(case: Case) -> str:
    """The key under which a line is kept."""
    return f"{case.group}.{case.rule}"


def _line(case: Case, seen: Subject, trained: bool, held: Arrays) -> RuleLine:
    return RuleLine(
        case=case, network=seen.name, trained=trained, probes=tuple(held["probes"].tolist()),
        error=held["error"].astype(np.float64), elements=int(held["elements"]),
    )  # fmt: skip


def _measured(case: Case, model: Any, trained: bool, picture: Picture) -> RuleLine:
    probes, transforms, errors = rule_errors(model, case.rule, picture)
    return RuleLine(
        case=case, network=subject(model).name, trained=trained, probes=probes,
        error=errors.max(axis=1), elements=len(transforms),
    )  # fmt: skip


def layers_of(lines: Sequence[RuleLine]) -> list[str]:
    """The layers of all networks in the order of their forward passes: what one has more stands where it belongs."""
    layers: list[str] = []
    for line in lines:
        place = 0
        for probe in line.probes:
            if probe not in layers:
                layers.insert(place, probe)
            place = layers.index(probe) + 1
    return layers


def rule_chart(lines: Sequence[RuleLine]) -> Chart:
    """The error of each layer at the group's elements, a line for each rule."""
    layers = layers_of(lines)
    tracks = tuple(
        Track(
            label=line.case.label + ("" if line.trained else " (untrained)"), color=line.case.color,
            x=np.array([float(layers.index(probe)) for probe in line.probes]), y=shown(line.error), dots=True,
            thickness=2, dash=5.0 if line.case.dashed else 0.0,
        )
        for line in lines
    )  # fmt: skip
    axis = categories(layers, "layer", mono=True)
    return Chart(
        title="Error of each layer, the largest over the group's elements", x=axis, y=error_axis("relative error"),
        tracks=tracks,
    )  # fmt: skip


def make(recipe: Recipe) -> Scene:
    """The scene of a recipe."""
    picture = picture_of(recipe)
    return compose(recipe, rule_lines(picture, kind=kind_of(picture, recipe.models)))


def compose(recipe: Recipe, lines: tuple[RuleLine, ...]) -> Scene:
    """One chart: a line for each rule.

    Args:
        recipe: what was asked for.
        lines: what was measured.
    """
    layers = layers_of(lines)
    columns: dict[str, list] = {"layer": layers}
    for line in lines:
        known = dict(zip(line.probes, line.error.tolist(), strict=True))
        columns[line.case.label] = [float(f"{known[layer]:.6g}") if layer in known else "" for layer in layers]
    return Scene(
        title="", angles_deg=np.zeros(1), charts=(rule_chart(lines),), caption=provenance(lines), numbers=columns,
        recipe=recipe,
    )  # fmt: skip


def sentence(lines: tuple[RuleLine, ...]) -> str:
    """What the chart says, with this picture's numbers."""
    parts = [f"{line.case.label}: **{two_digits(float(line.error[line.probes.index('logits')]))}**" for line in lines]
    return (
        "The networks differ in which entry of the group embedding belongs to three elements, and in nothing else. "
        f"Error of the logits when the picture is moved by a group element, exactly: {'; '.join(parts)}."
    )


def provenance(lines: tuple[RuleLine, ...]) -> str:
    """Whose weights were measured."""
    parts = []
    for group in dict.fromkeys(line.case.group for line in lines):
        line = next(each for each in lines if each.case.group == group)
        weights = "trained weights" if line.trained else "a small network with fresh weights, none is trained yet"
        parts.append(f"{group.upper()}: {line.network}, {weights}, {line.elements} elements beside the identity")
    others = "".join(f" {why}" for why in dict.fromkeys(line.why for line in lines if line.why))
    return f"{'; '.join(parts)}. Nothing is interpolated; the same weights stand under both rules of a group.{others}"
