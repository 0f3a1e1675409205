"""What shipped digit weights went through after their own recipe: ``e2viz train NAME --further``.

Trained models that are better teach the same bent and zoomed pictures: group convolutions learn digits in hours on a
processor, where attention on the group takes days.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from e2viz.train.digit_recipes import DIGITS
from e2viz.train.recipe import Recipe

_SHORT = {each.name: each for each in DIGITS}
_TAUGHT: dict[str, Any] = dict(
    teachers=("gcnn_p4.rotmnist", "hybrid_p4.rotmnist"), distillation=0.8, anneal="trapezoid", decay=0.6, average=0.998,
    learning_rate=4e-3, shift_px=1, zoom=0.1, bend_px=0.5, ease=True,
)  # fmt: skip


def _further(name: str, **changes: Any) -> Recipe:
    return replace(_SHORT[name], start=name, **{**_TAUGHT, **changes})


FURTHER: dict[str, Recipe] = {
    each.name: each
    for each in (
        _further(
            "hybrid_p8.rotmnist", epochs=35, bend_px=1.6, precision="bf16",
            teachers=("gcnn_p4.rotmnist", "vit.rotmnist"),
        ),  # fmt: skip
        _further("ge_vit_p4.rotmnist", epochs=10, learning_rate=2.5e-3, decay=0.8),
        _further(
            "ge_vit_p4m.rotmnist", epochs=20, learning_rate=3.5e-3, decay=0.75, zoom=0.0, bend_px=0.0, distillation=0.7,
            teachers=("gcnn_p4.rotmnist", "vit.rotmnist"), micro_batch=16,
        ),  # fmt: skip
    )
}
