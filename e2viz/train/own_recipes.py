"""Recipes for a person's own pictures: four architectures, with sizes that suit the pictures and a patient laptop."""

from __future__ import annotations

from typing import Any

from e2viz.data.data_set import DataSet
from e2viz.train.recipe import Recipe

KINDS = ("vit", "cnn", "gcnn_p4", "hybrid_p4")
# Training images that a run sees in all, within bounds on its epochs.
IMAGES_SEEN, LEAST_EPOCHS, MOST_EPOCHS = 200_000, 5, 200
# From this side on, the plane is halved once more before anything is computed on it.
LARGE_FROM = 48


def own_recipe(kind: str, found: DataSet, training_pictures: int = 0) -> Recipe:
    """How a model of that kind is trained on a data set.

    Args:
        kind: one of ``KINDS``.
        found: the data set; its name is the recipe's task.
        training_pictures: how many there are, which decides the epochs.

    Raises:
        LookupError: if there is no such kind.
    """
    if kind not in KINDS:
        raise LookupError(f"own pictures are trained on by {', '.join(KINDS)}, got {kind!r}")
    epochs = min(MOST_EPOCHS, max(LEAST_EPOCHS, IMAGES_SEEN // max(1, training_pictures)))
    batch = 64 if training_pictures >= 640 else 16
    shared: dict[str, Any] = dict(
        name=f"{kind}.{found.name}", task=found.name, epochs=epochs, batch=batch, optimiser="muon",
        learning_rate=5e-3, weight_decay=0.05, warmup=0.02, anneal="trapezoid", decay=0.5, label_smoothing=0.1,
        average=0.995, shift_px=max(1, found.size // 12), zoom=0.1, tint=0.1, erase=0.2, precision="bf16",
    )  # fmt: skip
    shape = {"image_size": found.size, "channels": found.channels, "classes": found.classes}
    if kind == "vit":
        config: dict[str, Any] = {"patch_size": found.size // 8, "width": 96, "mlp_width": 192, "heads": 4, "layers": 6}
        return Recipe(architecture="vit", config={**shape, **config}, **{**shared, "learning_rate": 3e-3})
    if kind == "cnn":
        return Recipe(architecture="cnn", config={**shape, "stages": _stages(found, 32)}, muon_filters=True, **shared)
    config = {"group": "c4", "stages": _stages(found, 10)}
    if kind == "gcnn_p4":
        return Recipe(architecture="gcnn", config={**shape, **config}, muon_filters=True, **shared)
    transformer = {
        "width": 32, "heads": 4, "depth": 12, "stages": ((0, 0),), "width_factors": (1,),
        "attention_dropout": 0.0, "value_dropout": 0.0,
    }  # fmt: skip
    config["transformer"] = transformer
    return Recipe(architecture="hybrid", config={**shape, **config}, muon_filters=True, head_scale=0.03, **shared)


def _stages(found: DataSet, width: int) -> tuple[tuple[int, int], ...]:
    """Channels and residual blocks; the plane is halved before each stage but the first, as far as it halves."""
    stages = [(width, 1), (2 * width, 1), (3 * width, 1)]
    return ((width // 2, 0), *stages) if found.size >= LARGE_FROM else tuple(stages)
