"""The attention page: what each model attends to from one point of the picture, as the picture turns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

import e2viz
from e2viz.groups import group
from e2viz.images.picture import Picture
from e2viz.kept.parts import Part, kept_part
from e2viz.measure.subject import Subject, subject
from e2viz.measure.sweep import Sweep, joined, sweep
from e2viz.render.palette import model_colors
from e2viz.render.recipe import Recipe
from e2viz.render.scene import Panel, Row, Scene, picture_pixels
from e2viz.scenes.asked import angles_of, picture_of
from e2viz.scenes.attention_maps import group_part, token_part
from e2viz.scenes.attention_settings import Settings
from e2viz.scenes.element_ring import element_ring
from e2viz.scenes.planes import SIZE, attention_planes, striking_pixel, track, turned_point
from e2viz.scenes.turning import data_of_model, shown_data, turned, under
from e2viz.scenes.view_attention import PROBE, attends_to_views, view_part
from e2viz.scenes.words import ROUNDING, listed, small, tail

PAGE = "attention"
KEPT_SAMPLES = 4  # of each data set, those that are shown first
MATHS = r"""
**GE-ViT.** For one head, query pixel $x$, output element $v$ and query element $g$, the weights over key elements $m$
and offsets $u$ in the window are

$$\alpha_{v,g}(m, u) = \mathrm{softmax}_{m,u}\; \frac{q(x,g)\cdot k(x+u,m) + q_{row}(x,g)\cdot R_v(u) +
q_{col}(x,g)\cdot C_v(u) + q_{grp}(x,g)\cdot E[v^{-1} g\, m^{-1} g]}{\sqrt{c}}$$

and the output is $\sum_g \sum_{m,u} \alpha_{v,g}(m,u)\, \mathrm{value}(x+u, m)$. The sum over $g$ is outside the
softmax, so a map summed over $g$ adds up to the number of elements. Turn the picture by an element $a$: the query
pixel moves to $ax$ and $\alpha_{av,ag}(am, au)$ there equals $\alpha_{v,g}(m, u)$ before. That is what the number
above compares, for all heads and elements of the layer. Romero & Cordonnier 2021, equations 14 and 16, with the
relative element of Xu et al. 2023.

**ViT.** $\mathrm{softmax}(q k^\top / \sqrt d)$ over the patches and the class token. **Rollout** multiplies
$\tfrac12 (A_l + I)$ over the layers, heads averaged (Abnar & Zuidema 2020). It describes what is mixed, not what is
decisive: attention is not an explanation of the answer.

**Learned post-hoc attention.** A class token attends to the embeddings of all views of the picture, without positions:
turning the picture by an element only changes which view is which. Figure 10 of the study.
"""


def make(recipe: Recipe) -> Scene:
    """The scene of a recipe."""
    picture, settings = picture_of(recipe), Settings.read(recipe.settings)
    models = [e2viz.load(name) for name in recipe.models]
    angles = angles_of(recipe)
    parts = {model.name: made_part(model, picture, angles, recipe.method, settings) for model in models}
    return compose(recipe, parts, picture)


def made_part(model: Any, picture: Picture, angles_deg: Any, method: str, settings: Settings) -> Part:
    """The part of one model: shipped, or computed."""
    found = kept_part(PAGE, model, picture, angles_deg, method, settings.changed())
    return found or part(model, picture, angles_deg, method, settings)


def query_point(picture: Picture, settings: Settings, models: Iterable[str] = ()) -> tuple[int, int]:
    """Row and column of the query pixel on the grid of the upright picture, as these models see it."""
    if min(settings.row, settings.column) >= 0:
        return settings.row, settings.column
    return striking_pixel(turned(picture, models, np.zeros(1), SIZE)[0].mean(0), SIZE * 0.2)


def captured(
    model: Any,
    picture: Picture,
    angles_deg: Any,
    method: str = "fair",
    point: tuple[int, int] = (SIZE // 2, SIZE // 2),
    progress: Callable[[int, int], None] | None = None,
    chunk: int = 8,
) -> Sweep:
    """All attention of a model from one point of the picture, which is followed as the picture turns.

    Attention of a chunk of frames is taken at the query pixels of all of them, and each frame keeps its own: one
    forward pass serves a whole chunk. Records are [frame head v pixel p p], [frame head v g pixel m p p] with one
    pixel, or [frame head token token].

    Args:
        model: a zoo model, a module in eval mode or a subject.
        picture: what is turned.
        angles_deg: counter-clockwise.
        method: "fair" or "naive".
        point: row and column on the grid of the upright picture.
        progress: called with (frames done, frames in all); it cancels by raising.
        chunk: frames in one forward pass.
    """
    seen, angles = subject(model), np.asarray(angles_deg, dtype=np.float64)
    probes = {name: kind for name, kind in seen.kinds().items() if kind in ("attention", "token_attention")}
    planes = attention_planes(seen.network)
    tracks = {name: torch.from_numpy(track(plane, point, angles)) for name, plane in planes.items()}
    parts = []
    for start in range(0, len(angles), chunk):
        frames = slice(start, start + chunk)
        pixels = {name: one[frames] for name, one in tracks.items()}
        found = sweep([seen], picture, angles[frames], {seen.name: list(probes)}, method, chunk=chunk, pixels=pixels)
        for name in planes:
            found.records[seen.name][name] = _own_pixel(found.records[seen.name][name])
        parts.append(found)
        if progress is not None:
            progress(min(start + chunk, len(angles)), len(angles))
    return joined(parts)


def _own_pixel(record: np.ndarray) -> np.ndarray:
    """Of [frame ... pixel ...] with as many pixels as frames, each frame's own pixel."""
    axis = 3 if record.ndim == 6 else 4
    return np.stack([record[frame].take([frame], axis=axis - 1) for frame in range(len(record))])


def part(
    model: Any,
    picture: Picture,
    angles_deg: Any,
    method: str = "fair",
    settings: Settings | None = None,
    swept: Sweep | None = None,
) -> Part:
    """What one model shows: its attention maps, and how far they are from the upright ones moved.

    Args:
        model: a zoo model, a module in eval mode or a subject.
        picture: what is turned.
        angles_deg: counter-clockwise.
        method: "fair" or "naive".
        settings: what was chosen.
        swept: what ``captured`` gave for this, where it is there already.
    """
    settings, seen = settings or Settings(), subject(model)
    point = query_point(picture, settings, (seen.name,))
    swept = swept or captured(seen, picture, angles_deg, method, point)
    kinds = seen.kinds()
    if attends_to_views(seen) and PROBE in kinds:
        return view_part(seen, swept)
    if "attention" in kinds.values():
        return group_part(seen, swept, settings, point)
    if "token_attention" in kinds.values():
        return token_part(seen, swept, settings, point)
    return Part(())


def compose(
    recipe: Recipe, parts: Mapping[str, Part], picture: Picture, labels: Mapping[str, str] | None = None
) -> Scene:
    """The scene of the parts of all models.

    Args:
        recipe: what was asked for.
        parts: by model.
        picture: what is turned.
        labels: what the models are called on screen; their names, by default.
    """
    parts = {name: each for name, each in parts.items() if each.rows}  # a model without attention shows nothing
    labels = labels or {name: name for name in parts}
    colors = model_colors(list(parts))
    settings = Settings.read(recipe.settings)
    angles = angles_of(recipe)
    figure = settings.view == "figure 6"
    point = turned_point(*query_point(picture, settings, tuple(parts)), SIZE, angles) - 0.5
    shown = picture_pixels(turned(picture, tuple(parts), angles, SIZE, recipe.method))
    through = pictures_under(picture, parts, angles, recipe.method, shown)
    rows: list[Row] = []
    if not figure:
        seen = Panel("the picture: click a pixel", shown, "grey", 0.0, 1.0, "image", marker=np.round(point, 3))
        for name, each in parts.items():
            rows += _with_ring(each, labels[name], colors[name], through.get(name))
        rows = _with_picture(rows, seen)
    else:
        for name, each in parts.items():
            rows += _quarters(_with_ring(each, labels[name], colors[name], through.get(name))[:1], angles, shown)
    return Scene(
        title=sentence(parts, labels),
        angles_deg=angles if not figure else np.zeros(1),
        rows=tuple(rows),
        caption=_caption(parts),
        numbers=numbers(parts, angles, point) if not figure else {},
        recipe=recipe,
    )


def pictures_under(
    picture: Picture, parts: Mapping[str, Part], angles: np.ndarray, method: str, shown: np.ndarray
) -> dict[str, np.ndarray]:
    """The picture that shows through each model's maps; models that see the same share one array, sent once."""
    made = {(SIZE, shown_data(parts)): shown}
    found = {}
    for name, each in parts.items():
        if each.under:
            size = each.rows[0].panels[0].values.shape[1]
            key = (size, data_of_model(name))
            if key not in made:
                made[key] = under(picture, name, angles, size, method)
            found[name] = made[key]
    return found


def _with_ring(part: Part, label: str, color: str, through: np.ndarray | None) -> list[Row]:
    """The rows of one model, the windows of its group's elements once more in a ring."""
    first, *rest = part.colored(label, color, through)
    if wanted := part.facts.get("ring"):
        ring = element_ring(first.panels, group(wanted["group"]), wanted["axis"], wanted["side"])
        first = replace(first, panels=(*first.panels, ring))
    return [first, *rest]


def _with_picture(rows: list[Row], seen: Panel) -> list[Row]:
    """The turning picture in front of the first row, or above it where that row has two halves."""
    if not rows or rows[0].halves:
        return [Row("the picture, as it turns", (seen,)), *rows]
    first = rows[0]
    # More than six panels go on two lines of one length.
    columns = -(-(1 + len(first.panels)) // 2) if len(first.panels) > 5 else 0
    return [Row(first.label, (seen, *first.panels), first.color, columns=columns), *rows[1:]]


def _quarters(rows: Sequence[Row], angles: np.ndarray, shown: np.ndarray) -> list[Row]:
    """Still rows, one for each quarter turn that the sweep has."""
    found = []
    for row in rows:
        for angle in (0.0, 90.0, 180.0, 270.0):
            frame = int(np.abs(angles - angle).argmin())
            if abs(angles[frame] - angle) > 1e-3:
                continue
            stills = [_still(panel, frame) for panel in row.panels]
            picture = Panel(f"turned {angle:g}°", shown[frame : frame + 1], "grey", 0.0, 1.0, "image")
            panels = (picture, *stills)
            found.append(Row(f"{row.label} · {angle:g}°", panels, row.color, columns=len(panels)))
    return found


def _still(panel: Panel, frame: int) -> Panel:
    def one(track: np.ndarray | None) -> np.ndarray | None:
        return None if track is None else track[frame : frame + 1]

    return Panel(
        panel.title, panel.values[frame : frame + 1], panel.palette, panel.low, panel.high, panel.probe,
        marker=one(panel.marker), outline=one(panel.outline), under=one(panel.under),
    )  # fmt: skip


def sentence(parts: Mapping[str, Part], labels: Mapping[str, str]) -> str:
    """What to look for, with this picture's numbers."""
    said = []
    for name, each in parts.items():
        worst = each.facts.get("worst")
        if worst is None:
            continue
        where = tail(each.facts["layer"])
        if worst < ROUNDING:
            said.append(f"{labels[name]}’s weights in {where} are the upright ones, moved, to {small(worst)}")
        else:
            said.append(f"{labels[name]}’s in {where} are off by {small(worst)}")
    first = "Turn it, and follow the marked pixel."
    return f"{first} At quarter turns {listed(said)}." if said else first


def _caption(parts: Mapping[str, Part]) -> str:
    words = ["Colour is the attention weight, viridis from 0 to the largest of the sweep; the picture shows through."]
    words += dict.fromkeys(each.facts["about"] for each in parts.values() if "about" in each.facts)
    if any("ring" in each.facts for each in parts.values()):
        words.append(
            "In the ring every window stands at its element's angle, 0° at the top and 90° at the left: for an "
            "equivariant network a quarter turn of the picture turns the whole ring."
        )
    return " ".join(words)


def numbers(parts: Mapping[str, Part], angles: np.ndarray, point: np.ndarray) -> dict[str, list]:
    """Columns of the CSV: the angle, the query pixel, and the largest weight of each panel."""
    columns: dict[str, list] = {
        "angle_deg": angles.tolist(),
        "query row": np.round(point[:, 0], 3).tolist(),
        "query column": np.round(point[:, 1], 3).tolist(),
    }
    for name, each in parts.items():
        for row in each.rows:
            for panel in row.panels:
                peak = panel.low + panel.values.reshape(panel.frames, -1).max(1) / 255 * (panel.high - panel.low)
                columns[f"{name} {panel.probe} {panel.title} largest weight"] = np.round(peak, 5).tolist()
    return columns


def has_attention(seen: Subject) -> bool:
    """Whether a model has attention maps to show."""
    return any("attention" in kind for kind in seen.kinds().values())
