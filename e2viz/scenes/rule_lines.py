"""GE-ViT, GSA-Net, the published p4m rule and ours on one chart: the error of each layer at the group's elements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

import e2viz
from e2viz.architectures import color_of
from e2viz.images.picture import Picture
from e2viz.measure import kept
from e2viz.measure.kept import Arrays
from e2viz.measure.rules import has_group_attention, rule_errors
from e2viz.measure.subject import Subject, subject
from e2viz.render.chart import Chart, Track, categories
from e2viz.render.figures import two_digits
from e2viz.render.palette import mix
from e2viz.render.recipe import Recipe
from e2viz.render.scene import Scene
from e2viz.scenes.asked import picture_of
from e2viz.scenes.error_charts import error_axis, shown
from e2viz.scenes.untrained import fresh_subject
from e2viz.zoo.names import in_order

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
    """

    case: Case
    network: str
    trained: bool
    probes: tuple[str, ...]
    error: Float[np.ndarray, " probe"]
    elements: int


def case_of(group: str, rule: str) -> Case:
    """The case of a group and a rule; one that is not on the chart gets the colour of its rule."""
    for case in CASES:
        if (case.group, case.rule) == (group, rule):
            return case
    color = color_of("ge_vit" if rule == "ge_vit" else "gsa_net")
    return Case(label=f"{NAMES[rule]}, {group.upper()}", group=group, rule=rule, color=color)


def network_of(group: str, preferred: Sequence[str] = ()) -> tuple[Any, bool]:
    """A trained GE-ViT of that group, or a small one with fresh weights; and whether it is trained.

    Args:
        group: "c4", "d4", "c8", ...
        preferred: names of models that are looked at before the rest of the catalogue.
    """
    for name in (*preferred, *in_order(e2viz.list_models())):
        model = e2viz.load(name)
        if model.card.group == group and model.card.architecture == "ge_vit" and has_group_attention(model.network):
            return model, True
    return fresh_subject(group), False


def facts(seen: Subject, case: Case) -> dict[str, Any]:
    """What a line depends on, beside the picture."""
    return {"weights": seen.checksum, "rule": case.rule, "group": case.group}


def arrays(line: RuleLine) -> Arrays:
    """What is stored of a line."""
    error = line.error.astype(np.float32)
    return {"probes": np.array(line.probes), "error": error, "elements": np.array(line.elements)}


def rule_lines(
    picture: Picture, progress: Callable[[int, int], None] | None = None, *, fresh: bool = False
) -> tuple[RuleLine, ...]:
    """All lines of the chart: shipped, or measured now.

    Args:
        picture: what is turned and mirrored.
        progress: called with (lines done, all) while measuring.
        fresh: measure even what is shipped.
    """
    lines = []
    for place, case in enumerate(CASES):
        if progress is not None:
            progress(place, len(CASES))
        lines.append(rule_line(case, picture, fresh=fresh))
    return tuple(lines)


def rule_line(case: Case, picture: Picture, *, fresh: bool = False) -> RuleLine:
    """One line: shipped, or measured now."""
    model, trained = network_of(case.group)
    seen = subject(model)
    held = None if fresh else kept.find(PAGE, picture, key_of(case), facts(seen, case))
    return _line(case, seen, trained, held) if held else _measured(case, model, trained, picture)


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


def rule_chart(lines: Sequence[RuleLine]) -> Chart:
    """The error of each layer at the group's elements, a line for each rule."""
    layers = list(dict.fromkeys(probe for line in lines for probe in line.probes))
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
    return compose(recipe, rule_lines(picture_of(recipe)))


def compose(recipe: Recipe, lines: tuple[RuleLine, ...]) -> Scene:
    """One chart: a line for each rule.

    Args:
        recipe: what was asked for.
        lines: what was measured.
    """
    layers = list(dict.fromkeys(probe for line in lines for probe in line.probes))
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
    return f"{'; '.join(parts)}. Nothing is interpolated; the same weights stand under both rules of a group."
