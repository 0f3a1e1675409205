"""Panels of attention: windows of group attention at their place in the picture, and the tokens of a ViT."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from e2viz.groups import Group
from e2viz.kept.parts import Part
from e2viz.measure.rollout import class_token_attention, class_token_rollout, patch_grid
from e2viz.measure.subject import Subject
from e2viz.measure.sweep import Sweep
from e2viz.measure.turning import on_step, special_tokens
from e2viz.render.scene import Panel, Row
from e2viz.scenes.attention_settings import Settings
from e2viz.scenes.planes import SIZE, Plane, attention_planes, track, turned_point
from e2viz.scenes.words import element_name, tail

LONGEST_TITLE = 16
AXES = {"head": 1, "v": 2, "g": 3, "m": 4}


def group_part(seen: Subject, swept: Sweep, settings: Settings, point: tuple[int, int]) -> Part:
    """One row of windows, over the picture."""
    planes = attention_planes(seen.network)
    layer = chosen_layer(planes, settings.layer)
    plane, group = planes[layer], seen.group or Group(1)
    pixels = track(plane, point, swept.angles_deg)
    maps = five_axes(swept.record(seen.name, layer))
    spread = reduced(maps, settings, group)
    high = float(spread.max())
    outline, marker = plane.box(pixels, maps.shape[-1]), np.round(plane.centre(pixels), 3)
    panels = []
    for index in range(spread.shape[1]):
        drawn = plane.draw(spread[:, index].numpy(), pixels)
        title = f"head {index + 1}" if settings.axis == "head" else element_name(group, index)
        if settings.axis != "head":
            title = f"{settings.axis} = {title}"
        panels.append(
            Panel.from_values(
                title, drawn, "viridis", low=0.0, high=high, probe=layer, marker=marker, outline=np.round(outline, 3)
            )
        )
    moved = distances(maps, group, swept.angles_deg)
    facts: dict[str, Any] = {
        "layer": layer.removesuffix(".attention"),
        "moved": moved,
        "about": f"Pixels of {layer} are {plane.pixel:g} × {plane.pixel:g} of the picture's; the box is the window.",
    }
    if moved:
        facts["worst"] = max(moved.values())
    if len(panels) == group.order > 1 and settings.axis != "head":
        facts["ring"] = {"group": group.name, "axis": settings.axis, "side": round(maps.shape[-1] * plane.pixel)}
    return Part((Row(f"{layer}, {said(settings, maps.shape, group)}", tuple(panels)),), facts, under=True)


def chosen_layer(planes: dict[str, Plane], wanted: str) -> str:
    """The layer asked for, or the first whose pixels are larger than the picture's, or the last."""
    if wanted in planes:
        return wanted
    coarse = [name for name, plane in planes.items() if plane.pixel > 1]
    return coarse[0] if coarse else list(planes)[-1]


def five_axes(record: Float[Tensor, "frame *axes"]) -> Float[Tensor, "frame head v g m window window2"]:
    """Attention at one pixel; a lifting layer has no query and key elements, and gets axes of length one."""
    return record[:, :, :, None] if record.ndim == 6 else record[:, :, :, :, 0]


def reduced(
    maps: Float[Tensor, "frame head v g m window window2"], settings: Settings, group: Group
) -> Float[Tensor, "frame spread window window2"]:
    """One entry for each of the spread axis; of the others the chosen one, or the sum (for heads the mean)."""
    # From the last axis to the first, so that the places of those before stay.
    for name in ("m", "g", "v", "head"):
        if name == settings.axis:
            continue
        axis = AXES[name]
        index = chosen_index(settings, name, group, maps.shape[axis])
        together = maps.mean(axis) if name == "head" else maps.sum(axis)
        maps = together if index is None else maps.select(axis, index)
    return maps


def chosen_index(settings: Settings, name: str, group: Group, length: int) -> int | None:
    """The entry of an axis that is chosen; None for all together."""
    value = getattr(settings, name)
    if name == "head":
        return min(value, length) - 1 if value > 0 else None
    if length == 1:
        return 0
    names = [element_name(group, element) for element in group.elements]
    return names.index(value) if value in names else (0 if name == "v" else None)


def said(settings: Settings, shape: tuple[int, ...], group: Group) -> str:
    """The other axes in words."""
    words = [f"a panel for each {settings.spread}"]
    for name in ("head", "v", "g", "m"):
        length = shape[AXES[name]]
        if name == settings.axis or (length == 1 and name in "gm"):
            continue
        index = chosen_index(settings, name, group, length)
        if name == "head":
            words.append("mean of the heads" if index is None else f"head {index + 1}")
        else:
            words.append(f"sum over {name}" if index is None else f"{name} = {element_name(group, index)}")
    return ", ".join(words)


def distances(
    maps: Float[Tensor, "frame head v g m window window2"], group: Group, angles_deg: np.ndarray
) -> dict[str, float]:
    """For each quarter turn of the group, how far the weights are from the upright ones moved, relative to them."""
    found: dict[str, float] = {}
    if not on_step(float(angles_deg[0]), 360.0):
        return found
    for frame, angle in enumerate(angles_deg):
        if frame and on_step(float(angle), 90.0) and on_step(float(angle), 360.0 / group.rotations):
            element = round(float(angle) * group.rotations / 360.0) % group.rotations
            moved = group.act_on_plane(maps[0], element)
            for axis in (1, 2, 3):
                if moved.shape[axis] > 1:
                    moved = group.act_on_group_axis(moved, element, axis)
            found[f"{angle:g}"] = float((maps[frame] - moved).norm() / maps[0].norm())
    return found


def token_part(seen: Subject, swept: Sweep, settings: Settings, point: tuple[int, int]) -> Part:
    """A row of class token and patch attention, and a row of rollout."""
    layers = {name: values for name, values in swept.records[seen.name].items() if values.ndim == 4}
    names = list(layers)
    tokens = next(iter(layers.values())).shape[-1]
    side, reader = math.isqrt(tokens), "class token" if special_tokens(tokens) else "mean of the patches"
    size = seen.size or SIZE
    plane = Plane(side, size / side, size)
    patches = plane.nearest(turned_point(*point, SIZE, swept.angles_deg) * (size / SIZE))
    chosen = settings.token_layer if settings.token_layer in layers else names[-1]
    if settings.token_spread == "heads":
        sources = [
            (f"head {head + 1}", chosen, layers[chosen][:, head : head + 1]) for head in range(layers[chosen].shape[1])
        ]
        what = f"{tail(chosen)}, a panel for each head"
    else:
        sources = [
            (layer_title(name, k), name, values.mean(1, keepdims=True))
            for k, (name, values) in enumerate(layers.items())
        ]
        what = "a panel for each layer, mean of the heads"
    first = [(title, probe, class_token_attention(values)[:, 0]) for title, probe, values in sources]
    second = [(title, probe, from_patch(values[:, 0], patches)) for title, probe, values in sources]
    rolled = [
        (f"through {layer_title(name, k)}", name, class_token_rollout(list(layers.values()), up_to=k + 1))
        for k, name in enumerate(names)
    ]
    high = max(float(maps.max()) for _, _, maps in first + second)
    own = {"marker": np.round(plane.centre(patches), 3), "outline": np.round(plane.box(patches, 1), 3)}
    panels = [_patches(f"{reader}, {t}", p, maps, plane, high) for t, p, maps in first]
    panels += [_patches(f"this patch, {t}", p, maps, plane, high, **own) for t, p, maps in second]
    rollout_high = max(float(maps.max()) for _, _, maps in rolled)
    rollout = [_patches(t, p, maps, plane, rollout_high) for t, p, maps in rolled]
    moved = patch_distances(layers[chosen], patches, swept.angles_deg)
    facts: dict[str, Any] = {"layer": chosen.removesuffix(".attention"), "moved": moved}
    facts["about"] = f"A ViT's patch is {size // side} × {size // side} pixels; its attention covers the whole picture."
    if moved:
        facts["worst"] = max(moved.values())
    rows = (Row(what, tuple(panels), halves=True), Row(f"rollout to the {reader}", tuple(rollout)))
    return Part(rows, facts, under=True)


def layer_title(name: str, place: int) -> str:
    """A layer's name without its ending; its place, where a graph's own name is too long to stand over a panel."""
    short = name.removesuffix(".attention")
    return short if len(short) <= LONGEST_TITLE else f"layer {place + 1}"


def from_patch(
    attention: Float[np.ndarray, "frame token token"], patches: np.ndarray
) -> Float[np.ndarray, "frame row column"]:
    """What each frame's own patch attends to."""
    side, special = math.isqrt(attention.shape[-1]), special_tokens(attention.shape[-1])
    token = special + patches[:, 0] * side + patches[:, 1]
    return patch_grid(attention[np.arange(len(attention)), token])


def patch_distances(
    attention: Float[np.ndarray, "frame head token token"], patches: np.ndarray, angles_deg: np.ndarray
) -> dict[str, float]:
    """For each quarter turn, how far the patch's maps are from the upright ones turned, relative to them."""
    found = {}
    maps = np.stack([from_patch(attention[:, head], patches) for head in range(attention.shape[1])], axis=1)
    for frame, angle in enumerate(angles_deg):
        if frame and on_step(float(angle), 90.0) and on_step(float(angles_deg[0]), 360.0):
            moved = torch.rot90(torch.from_numpy(maps[0]), round(float(angle) / 90.0) % 4, (-2, -1)).numpy()
            found[f"{angle:g}"] = float(np.linalg.norm(maps[frame] - moved) / np.linalg.norm(maps[0]))
    return found


def _patches(title: str, probe: str, maps: np.ndarray, plane: Plane, high: float, **tracks: Any) -> Panel:
    middle = np.full((len(maps), 2), plane.size // 2, dtype=np.int64)
    # Every patch at its place: a window as large as the plane (made odd) round the middle patch covers it all.
    odd = maps if plane.size % 2 else np.pad(maps, ((0, 0), (0, 1), (0, 1)))
    drawn = plane.draw(odd, middle)
    return Panel.from_values(title, drawn, "viridis", low=0.0, high=high, probe=probe, **tracks)
