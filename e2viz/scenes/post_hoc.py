"""The post-hoc page: the views of a turning picture, what is predicted for each, and what each method makes of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float

import e2viz
from e2viz.architectures import architecture_of
from e2viz.data.sees import label_in
from e2viz.groups import Group
from e2viz.groups import group as find_group
from e2viz.images.picture import Picture
from e2viz.measure.stability import ambiguity_note, softmax, stability
from e2viz.models.methods import KINDS, kind_of
from e2viz.nn.views import group_views
from e2viz.render.palette import class_table, model_colors
from e2viz.render.recipe import Recipe
from e2viz.render.scene import Bars, Panel, Ring, Row, Scene
from e2viz.scenes.asked import angles_of, picture_of
from e2viz.scenes.classes import drawn
from e2viz.scenes.method_words import KIND_WORDS, LABELS, rows_of
from e2viz.scenes.turning import turning_panel
from e2viz.scenes.view_ring import view_ring
from e2viz.scenes.views import Looked, Outcome, look, outcomes
from e2viz.zoo import catalogue, names

GROUPS = ("c2", "c4", "c8", "c16", "d4")
PICTURE_SIZE = 84
NOT_HERE = (
    "PCam could not be trained here: `python -m e2viz train post_hoc_mean_c4.pcam --data DIR` would, over a ResNet-50, "
    "and `python -m e2viz train resnet_50.pcam --data DIR` the ResNet-50 alone."
)


def make(recipe: Recipe) -> Scene:
    """The scene of a recipe, with a sweep of its own."""
    picture = picture_of(recipe)
    base = e2viz.load(str(recipe.settings.get("base", "")) or default_base(recipe.models))
    group = str(recipe.settings.get("group", "c16"))
    looked = look(base, group, picture, angles_of(recipe), recipe.method)
    return compose(recipe, looked, picture, str(recipe.settings.get("shown", "mean")))


def default_base(models: tuple[str, ...]) -> str:
    """The model that is wrapped before anybody chose: a ViT, which has most to gain."""
    bases = [name.partition("+")[0] for name in models] or names.in_order(catalogue.list_models())
    return next((name for name in bases if architecture_of(name) == "vit"), bases[0])


def compose(recipe: Recipe, looked: Looked, picture: Picture, shown: str = "mean") -> Scene:
    """The scene of what was looked at.

    Args:
        recipe: what was asked for.
        looked: every view of every frame.
        picture: what is turned.
        shown: the method whose outcome stands in the middle of the ring and in a stability ring.

    Raises:
        LookupError: if that method has no outcome for this model.
    """
    found = outcomes(looked)
    if shown not in found:
        raise LookupError(f"{shown} has no trained weights for {looked.base.name}; there are {', '.join(found)}")
    group = find_group(looked.group)
    classes = tuple(looked.base.card.class_names)
    colors = model_colors([looked.base.name, f"{looked.base.name}+{shown}_{looked.group}"])
    base_color, color = colors.values()
    probability = {"": softmax(looked.logits[:, 0])} | {m: softmax(each.logits) for m, each in found.items()}
    label = names.short_labels((looked.base.name,))[looked.base.name]
    labels = {"": label} | {method: LABELS[method] for method in found}
    both = {"": probability[""], shown: probability[shown]}
    said, named = drawn(both, {key: classes for key in both})
    return Scene(
        title=sentence(looked, found, classes, label),
        angles_deg=np.asarray(looked.angles_deg, dtype=np.float64),
        picture=turning_panel(picture, (looked.base.name,), looked.angles_deg, PICTURE_SIZE),
        rings=(
            Ring.from_probability(label, base_color, said[""], named[""]),
            Ring.from_probability(f"{label} + {labels[shown]}", color, said[shown], named[shown]),
        ),
        bars=(
            Bars(label, base_color, said[""], named[""]),
            Bars(f"{label} + {labels[shown]}", color, said[shown], named[shown]),
        ),
        rows=(
            Row(
                f"the views under {looked.group.upper()}",
                (_ring(looked, found[shown], group), _says(looked), *_attention(found)),
                columns=4,
            ),
            Row("how much each view counts", _by_kind(found, lambda methods: _weights(found, methods)), columns=4),
            Row(
                "the outcome of every method at every angle",
                _by_kind(found, lambda methods: _strip(probability, methods, labels[""])), columns=4,
            ),
        ),
        numbers=numbers(looked, probability, labels, classes),
        recipe=recipe,
    )  # fmt: skip


def _ring(looked: Looked, outcome: Outcome, group: Group) -> Panel:
    images = torch.from_numpy(looked.images)
    return view_ring(
        group_views(images, group).numpy(), looked.logits.argmax(-1), looked.images, outcome.logits.argmax(-1), group
    )


def _says(looked: Looked) -> Panel:
    """[class × view] what each view says: it moves sideways as the picture turns."""
    says = softmax(looked.logits).transpose(0, 2, 1)
    return Panel.from_values(
        "probability of each class, by view", square(says), low=0.0, high=1.0,
        probe="view_logits", caption="a row a class, a column a view; at group angles the columns only move",
    )  # fmt: skip


def _by_kind(found: dict[str, Outcome], panel: Callable[[list[str]], Panel]) -> tuple[Panel, ...]:
    """One panel for each kind of method that has an outcome."""
    there = {kind: [method for method in methods if method in found] for kind, methods in KINDS.items()}
    return tuple(panel(methods) for methods in there.values() if methods)


def _weights(found: dict[str, Outcome], methods: list[str]) -> Panel:
    """[method × view] how much each view counts. The colours end at four times an equal share."""
    values = np.stack([found[method].weights for method in methods], axis=1)
    caption = f"a row a method: {rows_of(methods)}"
    if "max" in methods:
        caption += "; of the maximum, the share of features it takes"
    high = min(1.0, 4.0 / values.shape[-1])
    title = KIND_WORDS[kind_of(methods[0])][0]
    return Panel.from_values(title, square(values), "cividis", low=0.0, high=high, caption=caption)


def _attention(found: dict[str, Outcome]) -> tuple[Panel, ...]:
    """The class token's attention over the views, where it was learned (the study's Figure 10)."""
    outcome = found.get("learned_attention")
    if outcome is None or outcome.attention is None:
        return ()
    return (
        Panel.from_values(
            "whom the class token attends to", square(outcome.attention), "viridis", low=0.0,
            probe="aggregate.attention", caption="learned attention: a row a head, a column a view",
        ),
    )  # fmt: skip


def square(table: Float[np.ndarray, "frame row column"]) -> Float[np.ndarray, "frame side side"]:
    """Each entry as a block of pixels, so that tables of any shape are as large as their neighbours."""
    rows, columns = table.shape[1:]
    side = math.lcm(rows, columns)
    return table.repeat(side // rows, axis=1).repeat(side // columns, axis=2)


def _strip(probability: dict[str, np.ndarray], methods: list[str], alone: str) -> Panel:
    """[method × frame] the predicted class in its colour, of the model alone first; the mark stands at this angle."""
    winners = np.stack([probability[key].argmax(1) for key in ("", *methods)])
    frames = winners.shape[1]
    marker = np.stack([np.full(frames, (len(winners) - 1) / 2), np.arange(frames)], axis=1)
    highest = max(int(each.argmax(1).max()) for each in probability.values())
    return Panel(
        title=KIND_WORDS[kind_of(methods[0])][0], values=class_table(highest + 1)[winners][None], marker=marker,
        caption=f"a row a method: {alone} alone, {rows_of(methods)}; from left to right one turn",
    )  # fmt: skip


def sentence(looked: Looked, found: dict[str, Outcome], classes: tuple[str, ...], label: str) -> str:
    """What to look for, with this picture's numbers."""
    votes = Counter(classes[k] for k in looked.logits[0].argmax(-1))
    said = ", ".join(f"{count} say{'s' * (count == 1)} {name}" for name, count in votes.most_common(3))
    others = len(votes) - 3
    said += f" and {others} other answer{'s' * (others > 1)}" if others > 0 else ""
    alone = len(stability(looked.logits[:, 0], angles_deg=looked.angles_deg).flips)
    still = [method for method, each in found.items() if len(set(each.logits.argmax(-1))) == 1]
    frames = len(looked.angles_deg)
    return (
        f"Many views, one answer. Of {looked.logits.shape[1]} views of this picture {said}. In a turn of {frames} "
        f"angles {label} alone changes its mind {alone} time{'s' * (alone != 1)}; "
        f"{len(still)} of {len(found)} methods give one answer throughout."
    )


def numbers(
    looked: Looked, probability: dict[str, np.ndarray], labels: dict[str, str], classes: tuple[str, ...]
) -> dict[str, list]:
    """Columns of the CSV: the angle, then each method's answer and its probability, then each view's answer."""
    columns: dict[str, list] = {"angle_deg": [float(angle) for angle in looked.angles_deg]}
    for key, values in probability.items():
        columns[f"{labels[key]} prediction"] = [classes[k] for k in values.argmax(1)]
        columns[f"{labels[key]} probability"] = [round(float(p), 6) for p in values.max(1)]
    for view in range(looked.logits.shape[1]):
        columns[f"view {view} prediction"] = [classes[k] for k in looked.logits[:, view].argmax(-1)]
    return columns


def ambiguity(looked: Looked, picture: Picture) -> str:
    """What to say where a half turn makes the picture's class another one; "" where it does not."""
    data = looked.base.card.data_set
    note = ambiguity_note(label_in(picture, data), data)
    return f"{note} A model that half turns do not change gives both the same answer." if note else ""


def outcome_table(looked: Looked, picture: Picture) -> dict[str, list[str]]:
    """One row a method: its upright answer, how often it changes over the turn, and whether it is right."""
    classes = tuple(looked.base.card.class_names)
    rows = {"": looked.logits[:, 0]} | {method: each.logits for method, each in outcomes(looked).items()}
    heads = ("what is done", "method", "upright answer", "probability", "flips", "right")
    table: dict[str, list[str]] = {key: [] for key in heads}
    data = looked.base.card.data_set
    for method, logits in rows.items():
        found = stability(logits, label_in(picture, data), looked.angles_deg, data=data)
        probability = softmax(logits)[0]
        table["what is done"].append(KIND_WORDS[kind_of(method)][0] if method else "")
        table["method"].append(LABELS[method] if method else "alone")
        table["upright answer"].append(classes[int(probability.argmax())])
        table["probability"].append(f"{probability.max():.2f}")
        table["flips"].append(f"{len(found.flips)} of {found.frames}")
        table["right"].append("no label" if found.accuracy is None else f"{100 * found.accuracy:.0f} % of angles")
    return table
