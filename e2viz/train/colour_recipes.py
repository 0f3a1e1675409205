"""Recipes for pictures in colour: photographs, blood cells, and tissue."""

from __future__ import annotations

from typing import Any

from e2viz.train.recipe import Recipe


def _colour(name: str, architecture: str, config: dict[str, Any], **changes: Any) -> Recipe:
    """A picture in colour, on a GPU: level learning rate until it falls, so that the time there is decides the epochs.

    The epochs are the most that are worth their time.
    """
    tag = name.partition(".")[2]
    cells = tag in ("blood", "rotblood")
    shape = {"image_size": 64, "channels": 3, "classes": 8} if cells else {"image_size": 32, "channels": 3}
    moves = {"shift_px": 4, "zoom": 0.1, "tint": 0.1, "erase": 0.2} if cells else {"shift_px": 4, "erase": 0.35}
    shared: dict[str, Any] = dict(
        architecture=architecture, config={**shape, **config}, task=tag, batch=256, optimiser="muon",
        muon_filters=True, learning_rate=6e-3, weight_decay=0.1, warmup=0.01, anneal="trapezoid", decay=0.5,
        label_smoothing=0.1, average=0.998, precision="bf16", mirror=True, validate_every=2, **moves,
    )  # fmt: skip
    return Recipe(name=name, **{**shared, **changes})


def _colour_vit(name: str, **changes: Any) -> Recipe:
    if name.endswith("blood"):
        config = {"patch_size": 8, "width": 96, "mlp_width": 192, "heads": 4, "layers": 6}
    else:
        config = {"patch_size": 4, "width": 128, "mlp_width": 256, "heads": 4, "layers": 8}
    shared: dict[str, Any] = dict(learning_rate=3e-3, zoom=0.15, tint=0.2, epochs=300, validate_every=5)
    return _colour(name, "vit", config, **{**shared, **changes})


def _colour_ge_vit(name: str, architecture: str, config: dict[str, Any], **changes: Any) -> Recipe:
    """With a GE-ViT in it: its first logits are sums over a plane and so are made small."""
    no_dropout = {"attention_dropout": 0.0, "value_dropout": 0.0}
    config = {**config, "transformer": {**no_dropout, **config["transformer"]}} if "transformer" in config else {
        **no_dropout, **config
    }  # fmt: skip
    return _colour(name, architecture, config, **{"head_scale": 0.03, "epochs": 120, **changes})


def _pcam(name: str, architecture: str, config: dict[str, Any], **changes: Any) -> Recipe:
    """On 262,144 patches of 96×96 pixels: written to be run on a larger machine than the other recipes were."""
    shape = {} if architecture == "post_hoc" else {"image_size": 96, "channels": 3, "classes": 2}
    shared: dict[str, Any] = dict(
        architecture=architecture, config={**shape, **config}, task="pcam", epochs=10, batch=64, micro_batch=8,
        learning_rate=1e-3, weight_decay=1e-2, shift_px=4,
    )  # fmt: skip
    return Recipe(name=name, **{**shared, **changes})


# Two blocks of attention on the group, at 8×8 and at 4×4 places.
_TRANSFORMER = {"width": 64, "heads": 4, "depth": 12, "stages": ((0,), (0,)), "width_factors": (1, 1)}
_SMALL_HEADS = {"width": 48, "heads": 3, "depth": 12}
_PHOTO_STAGES = ((12, 1), (32, 1), (64, 1))
_PHOTO_HYBRID = {"stages": _PHOTO_STAGES, "transformer": _TRANSFORMER}
_CELL_STAGES = ((6, 0), (12, 1), (24, 1), (32, 1))
_CELL_HYBRID = {"group": "d4", "stages": _CELL_STAGES, "transformer": {**_TRANSFORMER, "width": 32, "heads": 3}}
_PIXELS = {**_SMALL_HEADS, "stages": ((), (0,), (0, 0), (0,)), "width_factors": (1, 1, 1, 1)}
_PATCHES = {
    "patch_size": 2, "embedding": 48, "swish": True,
    "transformer": {**_SMALL_HEADS, "stages": ((0,), (0, 0), (0,)), "width_factors": (1, 1, 1)},
}  # fmt: skip

_PCAM_STAGES = {"stages": ((), (2,), (1, 0), (1,)), "width_factors": (1, 2, 2, 2), "pool_last": True}
_PCAM_LAYERS = ((5, True), (3, True), (3, True), (3, False))
_PCAM_SMALL = {"stages": ((1, 0),), "width_factors": (1,)}

COLOUR = (
    _colour_vit("vit.photos"),
    _colour_vit("vit.rotphotos"),
    _colour("cnn.photos", "cnn", {"stages": ((32, 1), (64, 1), (128, 2))}, epochs=120),
    _colour("gcnn_p4.photos", "gcnn", {"group": "c4", "stages": ((12, 1), (32, 1), (64, 2))}, epochs=120),
    _colour_ge_vit("hybrid_p4.photos", "hybrid", _PHOTO_HYBRID),
    _colour_ge_vit("hybrid_p4.rotphotos", "hybrid", _PHOTO_HYBRID),
    _colour_ge_vit("patch_ge_vit_p4_2px.photos", "patch_ge_vit", _PATCHES),
    _colour_ge_vit("ge_vit_p4.photos", "ge_vit", _PIXELS),
    _colour_vit("vit.blood"),
    _colour_vit("vit.rotblood"),
    _colour("gcnn_p4m.rotblood", "gcnn", {"group": "d4", "stages": _CELL_STAGES}, epochs=150),
    _colour_ge_vit("hybrid_p4m.rotblood", "hybrid", _CELL_HYBRID, epochs=150),
    _pcam("ge_vit_p4.pcam", "ge_vit", {"width": 12, **_PCAM_STAGES}, head_scale=0.03),
    _pcam("patch_ge_vit_p4_8px.pcam", "patch_ge_vit", {"patch_size": 8, "transformer": _PCAM_SMALL}),
    _pcam("hybrid_p4.pcam", "hybrid", {"layers": _PCAM_LAYERS, "convolved": 16, "transformer": _PCAM_SMALL}),
    _pcam("resnet_50.pcam", "resnet", {}),
    _pcam("post_hoc_mean_c4.pcam", "post_hoc", {"method": "mean", "group": "c4", "architecture": "resnet"}),
)
