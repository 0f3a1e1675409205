"""Sizes of an architecture, read from the names and shapes of its tensors.

Each function gives the fields of a configuration that shapes say; what they leave open (crops, the window, which of two
groups of as many elements, how many heads share a width) is taken from a configuration that is known.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Shapes = Mapping[str, tuple[int, ...]]
Sizes = dict[str, Any]


def side(shapes: Shapes, name: str, axis: int) -> int | None:
    """One side of a tensor; None where it is missing or has no such axis."""
    shape = shapes.get(name, ())
    return shape[axis] if -len(shape) <= axis < len(shape) else None


def indices(shapes: Shapes, prefix: str) -> list[int]:
    """The numbers that follow a prefix, in order."""
    found = {int(m[1]) for name in shapes if (m := re.match(rf"{re.escape(prefix)}(\d{{1,4}})\.", name))}
    return sorted(found)


def known(**sizes: Any) -> Sizes:
    """Those that could be read."""
    return {name: value for name, value in sizes.items() if value is not None}


def root(number: int | None) -> int | None:
    """The whole square root; None where there is none."""
    if number is None or number < 1:
        return None
    found = math.isqrt(number)
    return found if found**2 == number else None


def channels_and_side(count: int | None) -> tuple[int | None, int | None]:
    """Channels (1 or 3) and the side of a square of so many numbers; no count is both."""
    for channels in (1, 3):
        if count is not None and count % channels == 0 and (found := root(count // channels)):
            return channels, found
    return None, None


def vit(shapes: Shapes) -> Sizes:
    """Of ``ViTConfig``; heads share the width and leave no trace."""
    channels, patch = channels_and_side(side(shapes, "patch_embedding.weight", 1))
    grid = root((side(shapes, "position_embedding", 1) or 0) - 1)
    return known(
        width=side(shapes, "class_token", -1), channels=channels, patch_size=patch,
        image_size=grid * patch if grid and patch else None,
        layers=len(indices(shapes, "layers.")) or None, mlp_width=side(shapes, "layers.0.mlp.0.weight", 0),
        classes=side(shapes, "head.1.weight", 0),
    )  # fmt: skip


def cnn(shapes: Shapes) -> Sizes:
    """Of ``CNNConfig``, published or residual; of the published one the picture's size too."""
    if "layers.1.first.weight" in shapes or "head.weight" in shapes:
        return known(
            channels=side(shapes, "layers.0.convolution.weight", 1), classes=side(shapes, "head.weight", 0),
            stages=stages(shapes, "layers."),
        )  # fmt: skip
    width, kernel = side(shapes, "layers.0.convolution.weight", 0), side(shapes, "layers.0.convolution.weight", -1)
    found = known(
        width=width, channels=side(shapes, "layers.0.convolution.weight", 1), kernel=kernel,
        classes=side(shapes, "classifier.weight", 0),
    )  # fmt: skip
    return found | _plane(side(shapes, "classifier.weight", -1), len(indices(shapes, "layers.")), kernel)


def gcnn(shapes: Shapes) -> Sizes:
    """Of ``GCNNConfig``, published or residual; filters hold a plane for each group element."""
    channels = side(shapes, "layers.0.convolution.weight", 1)
    kernel = root(side(shapes, "layers.0.convolution.weight", -1))
    if len(shapes.get("classifier.weight", ())) == 2:
        return known(channels=channels, classes=side(shapes, "classifier.weight", 0), stages=stages(shapes, "layers."))
    found = known(
        width=side(shapes, "layers.0.convolution.weight", 0), channels=channels, kernel=kernel,
        classes=side(shapes, "classifier.weight", 0),
    )  # fmt: skip
    order = group_order(shapes)
    plane = root((side(shapes, "classifier.weight", -1) or 0) // order) if order else None
    return found | _plane(plane, len(indices(shapes, "layers.")), kernel)


def _plane(plane: int | None, layers: int, kernel: int | None) -> Sizes:
    """The picture that leaves such a plane to the last filter, a third of the layers before the pooling."""
    if not plane or not kernel or layers < 2:
        return {}
    before = max(1, layers // 3)
    after = layers - before
    return {
        "layers": (before, after),
        "image_size": 2 * (plane + after * (kernel - 1)) + before * (kernel - 1),
    }


def stages(shapes: Shapes, prefix: str) -> tuple[tuple[int, int], ...] | None:
    """(channels, blocks) of each stage of a residual network: one begins where the channels change, or without any."""
    stem = side(shapes, f"{prefix}0.convolution.weight", 0)
    places = indices(shapes, prefix)
    if stem is None or not places:
        return None
    found = [[stem, 0]]
    for place in range(1, places[-1] + 1):
        outputs = side(shapes, f"{prefix}{place}.first.weight", 0)
        if outputs is None:
            found.append([found[-1][0], 0])
        elif outputs == found[-1][0]:
            found[-1][1] += 1
        else:
            found.append([outputs, 1])
    return tuple((width, blocks) for width, blocks in found)


def group_order(shapes: Shapes) -> int | None:
    """Elements of the group: rows of its embedding, else planes of a filter."""
    for name, shape in shapes.items():
        if name.endswith("attention.group_embedding") and len(shape) == 2:
            return shape[0]
    for name, shape in shapes.items():
        if len(shape) == 3 and re.search(r"(layers|convolutions)\.[1-9]\d*\.(convolution|first)\.weight$", name):
            return shape[-1] // 9 if shape[-1] % 9 == 0 else None
    return None


def ge_vit(shapes: Shapes) -> Sizes:
    """Of ``GEViTConfig``: blocks between two poolings are a stage, a pooling has no tensors."""
    places = indices(shapes, "blocks.")
    first = f"blocks.{places[0]}.attention" if places else ""
    half, third = side(shapes, "lifting.encoding.row.3.weight", 0), side(shapes, f"{first}.encoding.row.3.weight", 0)
    rest = side(shapes, f"{first}.group_embedding", 1)
    depth = 2 * third + rest if third and rest else 2 * half if half else None
    all_heads = side(shapes, f"{first}.key.weight", 0) or side(shapes, "lifting.key.weight", 0)
    return known(
        width=side(shapes, "lifting_norm.weight", 0), depth=depth,
        heads=all_heads // depth if all_heads and depth else None,
        channels=side(shapes, "lifting.key.weight", 1) or side(shapes, "lifting.weight", 1),
        classes=side(shapes, "classifier.weight", 0), lift="lifting.key.weight" in shapes,
    )  # fmt: skip


def uncropped(shapes: Shapes) -> Sizes:
    """The stages of a GE-ViT that crops nothing, as its blocks are numbered."""
    places = indices(shapes, "blocks.")
    width = side(shapes, "lifting_norm.weight", 0)
    if not places or not width:
        return {}
    parts: list[list[int]] = [[]]
    for place in range(places[-1] + 1):
        parts[-1].append(place) if place in places else parts.append([])
    widths, last = [], width
    for part in parts:
        last = side(shapes, f"blocks.{part[-1]}.output_norm.weight", 0) or last if part else last
        widths.append(max(1, last // width))
    return {"stages": tuple((0,) * len(part) for part in parts), "width_factors": tuple(widths)}


def block_places(stages: Sequence[Sequence[int]]) -> list[int]:
    """The numbers of a GE-ViT's blocks, between which poolings have numbers of their own."""
    found: list[int] = []
    place = 0
    for stage in stages:
        found += range(place, place + len(stage))
        place += len(stage) + 1
    return found


def transformer(shapes: Shapes) -> Sizes:
    """The part of a GE-ViT's configuration that an artificial image leaves free."""
    return {name: value for name, value in ge_vit(shapes).items() if name in ("width", "heads", "depth")}


def hybrid(shapes: Shapes) -> Sizes:
    """Of ``HybridConfig``, but for where its planes are halved."""
    found = known(
        channels=side(shapes, "convolutions.0.convolution.weight", 1), classes=side(shapes, "classifier.weight", 0),
        keeps_group="lifting.weight" in shapes, transformer=transformer(shapes),
    )  # fmt: skip
    if "convolutions.1.first.weight" in shapes:
        return found | known(stages=stages(shapes, "convolutions."))
    return found | known(convolved=side(shapes, "convolutions.0.convolution.weight", 0))


def patch_ge_vit(shapes: Shapes) -> Sizes:
    """Of ``PatchGEViTConfig``."""
    channels, patch = channels_and_side(side(shapes, "patches.projection.weight", 1))
    return known(
        channels=channels, patch_size=patch, embedding=side(shapes, "patches.projection.weight", 0),
        classes=side(shapes, "classifier.weight", 0), transformer=transformer(shapes),
    )  # fmt: skip


def resnet(shapes: Shapes) -> Sizes:
    """Of ``ResNetConfig``: a stage begins where the channels change."""
    widths = [side(shapes, f"blocks.{place}.reduce.weight", 0) for place in indices(shapes, "blocks.")]
    counts = [widths.count(width) for width in dict.fromkeys(widths)]
    return known(
        width=side(shapes, "stem.weight", 0), channels=side(shapes, "stem.weight", 1),
        classes=side(shapes, "head.weight", 0), stages=tuple(counts) or None,
    )  # fmt: skip


READERS: dict[str, Callable[[Shapes], Sizes]] = {
    "vit": vit, "ge_vit": ge_vit, "gsa_net": ge_vit, "cnn": cnn, "gcnn": gcnn, "hybrid": hybrid,
    "patch_ge_vit": patch_ge_vit, "resnet": resnet,
}  # fmt: skip
# By what a network's architecture is told from others before it is compared.
MARKS: dict[str, Callable[[Shapes], bool]] = {
    "vit": lambda shapes: "class_token" in shapes,
    "patch_ge_vit": lambda shapes: "patches.projection.weight" in shapes,
    "hybrid": lambda shapes: "convolutions.0.convolution.weight" in shapes,
    "ge_vit": lambda shapes: "lifting_norm.weight" in shapes and not _before_the_lifting(shapes),
    "gsa_net": lambda shapes: "lifting_norm.weight" in shapes and not _before_the_lifting(shapes),
    "gcnn": lambda shapes: len(shapes.get("layers.0.convolution.weight", ())) == 3,
    "cnn": lambda shapes: len(shapes.get("layers.0.convolution.weight", ())) == 4,
    "resnet": lambda shapes: "stem.weight" in shapes,
}


def _before_the_lifting(shapes: Shapes) -> bool:
    return any(name.startswith(("patches.", "convolutions.")) for name in shapes)
