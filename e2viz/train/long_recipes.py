"""Longer recipes for digits, for a GPU: where there is one, they take the place of those of the same name.

A larger batch, many more epochs, Muon on filters too, bent digits, and wider networks where the shipped ones are too
small.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from e2viz.train.digit_recipes import DIGITS
from e2viz.train.recipe import Recipe

_SHORT = {each.name: each for each in DIGITS}
# The learning rate is level until it falls, so that the time there is decides the epochs.
_LONG: dict[str, Any] = dict(
    batch=128, micro_batch=0, anneal="trapezoid", decay=0.5, average=0.998, learning_rate=6e-3, validate_every=2,
)  # fmt: skip
_FILTERS: dict[str, Any] = {**_LONG, "optimiser": "muon", "muon_filters": True, "weight_decay": 0.05,
                            "label_smoothing": 0.05, "validate_every": 5, "zoom": 0.1, "bend_px": 0.8,
                            "ease": True}  # fmt: skip
_NO_DROPOUT = {"attention_dropout": 0.0, "value_dropout": 0.0}
# Attention on the group at half resolution costs 0.4 of the published network's.
_EIGHT = {**_NO_DROPOUT, "width": 32, "heads": 4, "depth": 12, "stages": ((), (1, 0, 0))}
# Sixteen elements cost eight times what eight do: a plane of 7×7, and two heads.
_SIXTEEN = {**_NO_DROPOUT, "width": 16, "heads": 2, "depth": 12, "stages": ((), (), (0, 1)),
            "width_factors": (1, 1, 1)}  # fmt: skip
_HYBRID = {
    "stages": ((16, 1), (32, 1), (48, 1)),
    "transformer": {**_NO_DROPOUT, "width": 48, "heads": 4, "depth": 12, "stages": ((0, 1),), "width_factors": (1,)},
}


def _long(name: str, **changes: Any) -> Recipe:
    return replace(_SHORT[name], **{**_LONG, **changes})


def _upright(name: str, like: Recipe, **changes: Any) -> Recipe:
    """Of the same kind, trained on upright digits alone."""
    return replace(like, name=name, task="mnist", shift_px=1, **changes)


def _patches(patch_size: int, width: int, epochs: int) -> Recipe:
    """More channels, and a swish before a patch is averaged over the group: more of it gets through."""
    short = _SHORT[f"patch_ge_vit_p4_{patch_size}px.rotmnist"]
    transformer = {**short.config["transformer"], "width": width, "depth": 12}
    config = {**short.config, "embedding": width, "swish": True, "transformer": transformer}
    return _long(short.name, config=config, epochs=epochs)


def _hybrid(name: str, keeps_group: bool) -> Recipe:
    """A residual network on the group makes the artificial image."""
    config = {"keeps_group": keeps_group, **_HYBRID}
    return _long(name, **{**_FILTERS, "config": config, "epochs": 300, "head_scale": 0.03, "shift_px": 2})


_P8 = _long("ge_vit_p8.rotmnist", config={"group": "c8", **_EIGHT}, epochs=150)
_WIDE = _hybrid("hybrid_p4.rotmnist", keeps_group=True)
LONG_DIGITS = (
    _long("ge_vit_p4.rotmnist", epochs=200),
    _long("gsa_net_p4.rotmnist", epochs=200),
    _long("ge_vit_p4m.rotmnist", config={"group": "d4", **_EIGHT}, epochs=150),
    _P8,
    _upright("ge_vit_p8.mnist", _P8, epochs=60),
    _upright("ge_vit_p16.mnist", _P8, epochs=60, config={"group": "c16", **_SIXTEEN}),
    _long("vit.rotmnist", epochs=500, learning_rate=3e-3, shift_px=2, label_smoothing=0.1, precision="bf16"),
    _long("cnn.rotmnist", **{**_FILTERS, "epochs": 400, "shift_px": 1}),
    _long("gcnn_p4.rotmnist", **{**_FILTERS, "epochs": 400, "shift_px": 1}),
    _patches(2, width=48, epochs=200),
    _patches(4, width=64, epochs=300),
    _WIDE,
    _hybrid("hybrid_p4_invariant.rotmnist", keeps_group=False),
)
