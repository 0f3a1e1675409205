"""Why does it break? What is shown: the error at each angle as it should be, and with the reader's switches."""

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
from e2viz.measure.breaking import ANGLES_DEG, WHY, Switches, spoilt_errors
from e2viz.measure.subject import subject
from e2viz.render.chart import Chart, Track, categories
from e2viz.render.figures import two_digits
from e2viz.render.recipe import Recipe
from e2viz.render.scene import Scene
from e2viz.scenes.asked import picture_of
from e2viz.scenes.error_charts import error_axis, shown
from e2viz.scenes.group_networks import kind_of, network_of, why_others
from e2viz.zoo.names import label

PAGE = "broken"
LABELS: dict[str, str] = {
    "interpolate": "Interpolate every turn",
    "no_disc": "No disc",
    "naive": "Naïve rotation",
    "odd_size": "Odd size",
    "half": "Half precision",
    "group": "Another group",
    "rule": "GSA-Net's old rule",
}
TURNED_ON: dict[str, Any] = {"rule": "gsa_net"}
GROUPS = ("c1", "c2", "c4", "c8", "d4")
QUARTERS = [place for place, angle in enumerate(ANGLES_DEG) if angle % 90 == 0]
BETWEEN = [place for place in range(len(ANGLES_DEG)) if place not in QUARTERS]


@dataclass(frozen=True, kw_only=True, eq=False)
class Broken:
    """The errors of one network under one set of switches.

    Attributes:
        probes: names of the layers.
        error: [probe angle] at ``ANGLES_DEG``.
    """

    probes: tuple[str, ...]
    error: Float[np.ndarray, "probe angle"]

    def at(self, probe: str) -> Float[np.ndarray, " angle"]:
        """The error of one layer at each angle."""
        return self.error[self.probes.index(probe)]

    def at_quarters(self, probe: str = "logits") -> float:
        """The largest error of one layer at the quarter turns."""
        return float(np.nanmax(self.at(probe)[QUARTERS]))

    def between(self, probe: str = "logits") -> float:
        """The largest error of one layer at the other angles."""
        return float(np.nanmax(self.at(probe)[BETWEEN]))


def switches_of(chosen: tuple[str, ...] | list[str], group: str = "c8") -> Switches:
    """The switches that are on, by name.

    Args:
        chosen: names of ``LABELS``.
        group: the group that "group" stands for.

    Raises:
        LookupError: for a switch that there is not.
    """
    for name in chosen:
        if name not in LABELS:
            raise LookupError(f"no switch is called {name!r}; there are {', '.join(LABELS)}")
    values = TURNED_ON | {"group": group}
    return Switches(**{name: values.get(name, True) for name in chosen})


def network_to_break(models: Sequence[str], kind: DataSet) -> tuple[Any, bool]:
    """The first of the chosen models that is a GE-ViT, or a network that knows such pictures; whether it is trained.

    Args:
        models: names of the models that are looked at.
        kind: what the picture is of.
    """
    model, trained = network_of("c4", kind, models)
    if not (trained and why_others(model, kind)):
        return model, trained
    return network_of("", kind, models)


def groups_of(model: Any) -> tuple[str, ...]:
    """The other groups that the network can be built with."""
    network: Any = subject(model).network
    found = []
    for name in GROUPS:
        try:
            replace(network.config, group=name)
        except ValueError:
            continue
        found.append(name)
    return tuple(name for name in found if name != network.config.group)


def name_of(model: Any) -> str:
    """What the network is called on screen."""
    name = subject(model).name
    return label(name) if hasattr(model, "card") else name


def breaking_chart(before: Broken, after: Broken, probe: str, color: str) -> Chart:
    """The error at each angle as it should be (dashed) and with the switches (solid)."""
    places = np.arange(len(ANGLES_DEG), dtype=np.float64)
    tracks = tuple(
        Track(label=label, color=color, x=places, y=shown(found.at(probe)), dots=True, dash=dash, thickness=2)
        for found, label, dash in ((before, "nothing spoilt", 4.0), (after, "with the switches", 0.0))
    )
    axis = categories([f"{angle:g}°" for angle in ANGLES_DEG], "angle")
    return Chart(title=f"Error at {probe}", x=axis, y=error_axis("relative error"), tracks=tracks)


def make(recipe: Recipe) -> Scene:
    """The scene of a recipe."""
    chosen = recipe.settings.get("spoil", ["rule"])
    switches = switches_of([str(each) for each in (chosen if isinstance(chosen, list) else [chosen])],
                           str(recipe.settings.get("other_group", "c8")))  # fmt: skip
    picture = picture_of(recipe)
    model, _ = network_to_break(recipe.models, kind_of(picture, recipe.models))
    before, after = (broken(model, picture, each) for each in (Switches(), switches))
    return compose(recipe, before, after, switches, name_of(model))


def compose(recipe: Recipe, before: Broken, after: Broken, switches: Switches, name: str) -> Scene:
    """One chart: the error as it should be, and with the switches.

    Args:
        recipe: what was asked for.
        before: with nothing spoilt.
        after: with the switches.
        switches: what is on.
        name: of the network.
    """
    columns: dict[str, list] = {"angle_deg": list(ANGLES_DEG)}
    for what, found in (("nothing spoilt", before), ("with the switches", after)):
        columns[what] = [float(f"{value:.6g}") for value in found.at("logits")]
    return Scene(
        title=sentence(before, after, switches, name).replace("*", ""),
        angles_deg=np.zeros(1),
        charts=(breaking_chart(before, after, "logits", color_of("ge_vit")),),
        numbers=columns,
        recipe=recipe,
    )


def provenance(model: Any, trained: bool, switches: Switches, kind: DataSet) -> str:
    """Whose weights were measured, and why those of another kind of picture where none of this kind is there."""
    weights = f"Measured on {name_of(model)} with its trained weights"
    if not trained:
        weights = f"No trained GE-ViT is in the catalogue: measured on {name_of(model)}, a small network, fresh weights"
    changed = f"; {switches.group.upper()} has fresh weights of the same sizes" if switches.group else ""
    return f"{weights}{changed}. The error is of the logits, probe `logits`. {why_others(model, kind)}".strip()


def facts(model: Any, switches: Switches) -> dict[str, Any]:
    """What the errors depend on, beside the picture."""
    return {"weights": subject(model).checksum, "switches": repr(switches), "angles_deg": list(ANGLES_DEG)}


def key_of(switches: Switches) -> str:
    """The key under which a set of switches is kept."""
    on = [name for name in LABELS if getattr(switches, name) != getattr(Switches(), name)]
    return "+".join(on) or "nothing"


def broken(
    model: Any,
    picture: Picture,
    switches: Switches,
    progress: Callable[[int, int], None] | None = None,
    *,
    fresh: bool = False,
) -> Broken:
    """The errors under the switches: shipped, or measured now."""
    held = None if fresh else shipped(model, picture, switches)
    if held is not None:
        return held
    probes, error = spoilt_errors(model, picture, switches, progress=progress)
    return Broken(probes=probes, error=error)


def shipped(model: Any, picture: Picture, switches: Switches) -> Broken | None:
    """The errors that are kept for this network, picture and set of switches."""
    held = find_arrays(PAGE, picture, key_of(switches), facts(model, switches))
    if held is None:
        return None
    return Broken(probes=tuple(held["probes"].tolist()), error=held["error"].astype(np.float64))


def arrays(found: Broken) -> Arrays:
    """What is stored."""
    return {"probes": np.array(found.probes), "error": found.error.astype(np.float32)}


def sentence(before: Broken, after: Broken, switches: Switches, name: str) -> str:
    """What the switches did to the logits, at quarter turns and at the other angles."""
    found, good = after.at_quarters(), before.at_quarters()
    if key_of(switches) == "nothing":
        return f"A quarter turn moves the logits of {name} by {two_digits(good)}: what float32 leaves of an exact turn."
    spoilt = " and ".join(_in_words(each, switches) for each in key_of(switches).split("+"))
    moved = f"by {two_digits(found)} instead of {two_digits(good)}"
    others = f"by up to {two_digits(after.between())} instead of {two_digits(before.between())}"
    return f"With {spoilt}, a quarter turn moves the logits of {name} {moved}; other turns {others}."


def _in_words(name: str, switches: Switches) -> str:
    return {
        "interpolate": "every turn interpolated",
        "no_disc": "no disc",
        "naive": "the naïve rotation",
        "odd_size": "an odd size",
        "half": "half precision",
        "group": f"the group {switches.group.upper()}",
        "rule": "GSA-Net's old rule",
    }[name]


def reasons(switches: Switches) -> list[str]:
    """One sentence of why for each switch that is on."""
    return [f"**{LABELS[name]}.** {WHY[name]}" for name in key_of(switches).split("+") if name in WHY]
