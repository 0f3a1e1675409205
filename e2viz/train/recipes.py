"""Every training run as a small frozen dataclass. What is not in this table was not done."""

from __future__ import annotations

import dataclasses
import difflib
from dataclasses import dataclass, field
from typing import Any

from e2viz.train.data import Augmentation


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one weights file is made.

    Args:
        name: of the weights, "architecture_group.tag".
        architecture: a key of ``e2viz.models.ARCHITECTURES``.
        config: fields of that architecture's configuration.
        start: name of trained weights that the network, or the network it wraps, begins from; "" begins afresh.
        task: a key of ``e2viz.data.tasks.TASKS``: which pictures, and whether they are turned.
        epochs: passes over the training images; the learning rate falls to zero over them.
        batch: images for each step of the optimiser.
        micro_batch: images for each backward pass; gradients are summed over the batch. 0 takes the whole batch.
        learning_rate: at its highest, after ``warmup`` of all steps, then a half cosine down to zero.
        optimiser: "adamw"; or "muon", which orthogonalises the update of every matrix and leaves the rest to AdamW.
        head_scale: the classifier's first weights are multiplied by it. GE-ViT sums votes over a plane, so its first
            logits are large, and a short run would spend its time on making them small.
        average: decay of the running mean of the weights; that mean is what is validated and shipped. 0 is off.
        fresh_angles: whether a training digit is turned by a new random angle each time it is drawn, rather than
            by the one angle that the protocol gave it. Has no effect on upright tasks.
        mirror, zoom, tint, erase: what else happens to a training picture; see ``e2viz.train.data.Augmentation``.
        muon_filters: whether "muon" also takes the filters of convolutions, as matrices of outputs by all else.
        schedule: of the learning rate after the warm-up: "cosine", half a wave down to zero; or "trapezoid", level and
            then straight down to zero over the last ``decay`` of all steps. As long as it is level, the number of
            epochs may still change.
        precision: of the products on a GPU, "float32" or "bf16"; a processor always takes float32.
        validate_every: epochs between validations; the last epoch is always validated.
        shift_px: largest random shift of a training image, in pixels, along either axis.

    Raises:
        ValueError: if a number is out of range.
    """

    name: str
    architecture: str
    config: dict[str, Any] = field(default_factory=dict)
    start: str = ""
    task: str = "rotmnist"
    epochs: int = 50
    batch: int = 64
    micro_batch: int = 0
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    optimiser: str = "adamw"
    warmup: float = 0.02
    label_smoothing: float = 0.0
    clip: float = 1.0
    head_scale: float = 1.0
    average: float = 0.999
    fresh_angles: bool = True
    shift_px: int = 0
    mirror: bool = False
    zoom: float = 0.0
    tint: float = 0.0
    erase: float = 0.0
    muon_filters: bool = False
    schedule: str = "cosine"
    decay: float = 0.4
    precision: str = "float32"
    validate_every: int = 1
    seed: int = 1

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1:
            raise ValueError(f"epochs and batch must be at least 1, got {self.epochs} and {self.batch}")
        if not 0 <= self.warmup < 1 or not 0 <= self.average < 1:
            raise ValueError(f"warmup and average must be in [0, 1), got {self.warmup} and {self.average}")

        if self.schedule not in ("cosine", "trapezoid") or not 0 < self.decay <= 1:
            raise ValueError(
                f'schedule must be "cosine" or "trapezoid" and decay in (0, 1], got {self.schedule!r} and {self.decay}'
            )
        if self.precision not in ("float32", "bf16"):
            raise ValueError(f'precision must be "float32" or "bf16", got {self.precision!r}')
        if self.optimiser not in ("adamw", "muon"):
            raise ValueError(f'optimiser must be "adamw" or "muon", got {self.optimiser!r}')

    @property
    def augmentation(self) -> Augmentation:
        return Augmentation(
            fresh_angles=self.fresh_angles, shift_px=self.shift_px, mirror=self.mirror, zoom=self.zoom,
            tint=self.tint, erase=self.erase,
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def _ge_vit(name: str, **changes: Any) -> Recipe:
    """The recipe that the group attention networks share, so that GE-ViT and GSA-Net differ by their rule alone."""
    no_dropout = {"attention_dropout": 0.0, "value_dropout": 0.0}  # few epochs, fresh angles: nothing to over-fit
    config = {**no_dropout, **changes.pop("config", {})}
    shared: dict[str, Any] = dict(
        architecture="ge_vit", config=config, epochs=8, batch=16, micro_batch=4, optimiser="muon",
        learning_rate=5e-3, weight_decay=0.01, warmup=0.01, head_scale=0.03,
    )  # fmt: skip
    return Recipe(name=name, **{**shared, **changes})


def _artificial(name: str, architecture: str, config: dict[str, Any], **changes: Any) -> Recipe:
    """A GE-ViT on an artificial image: planes are small, so the whole batch is one backward pass."""
    transformer = {"heads": 4, "attention_dropout": 0.0, "value_dropout": 0.0, **config.pop("transformer")}
    shared: dict[str, Any] = dict(
        architecture=architecture, config={**config, "transformer": transformer}, epochs=10, batch=32,
        optimiser="muon", learning_rate=5e-3, weight_decay=0.01, warmup=0.02, head_scale=0.1, shift_px=1,
    )  # fmt: skip
    return Recipe(name=name, **{**shared, **changes})


def _patches(patch_size: int, stages: tuple[tuple[int, ...], ...], **changes: Any) -> Recipe:
    transformer = {"stages": stages, "width_factors": (1,) * len(stages)}
    config = {"patch_size": patch_size, "transformer": transformer}
    return _artificial(f"patch_ge_vit_p4_{patch_size}px.rotmnist", "patch_ge_vit", config, **changes)


def _hybrid(name: str, keeps_group: bool) -> Recipe:
    transformer = {"stages": ((1, 1),), "width_factors": (1,)}
    return _artificial(name, "hybrid", {"keeps_group": keeps_group, "transformer": transformer}, epochs=8)


def _pcam(name: str, architecture: str, config: dict[str, Any], **changes: Any) -> Recipe:
    """On 262,144 patches of 96×96 pixels: written to be run on a larger machine than the other recipes were."""
    shape = {} if architecture == "post_hoc" else {"image_size": 96, "channels": 3, "classes": 2}
    shared: dict[str, Any] = dict(
        architecture=architecture, config={**shape, **config}, task="pcam", epochs=10, batch=64, micro_batch=8,
        learning_rate=1e-3, weight_decay=1e-2, shift_px=4,
    )  # fmt: skip
    return Recipe(name=name, **{**shared, **changes})


def _vit(name: str, **changes: Any) -> Recipe:
    shared: dict[str, Any] = dict(
        architecture="vit", batch=64, optimiser="muon", learning_rate=2e-3, weight_decay=0.05, shift_px=1
    )
    return Recipe(name=name, **{**shared, **changes})


def _cohen_welling(name: str, architecture: str, **changes: Any) -> Recipe:
    shared: dict[str, Any] = dict(architecture=architecture, batch=64, learning_rate=3e-3, weight_decay=1e-4)
    return Recipe(name=name, **{**shared, **changes})


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
        muon_filters=True, learning_rate=6e-3, weight_decay=0.1, warmup=0.01, schedule="trapezoid", decay=0.5,
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


# Attention on the group at half resolution costs 0.4 of the published network's.
_HALF = {"stages": ((), (1, 0, 0))}
# Eight elements cost four to eight times what four do: half the heads too.
_SMALL = {"heads": 4, "depth": 8, **_HALF}

# Two blocks of attention on the group, at 8×8 and at 4×4 places.
_COLOUR_TRANSFORMER = {"width": 64, "heads": 4, "depth": 12, "stages": ((0,), (0,)), "width_factors": (1, 1)}
_PHOTO_STAGES = ((12, 1), (32, 1), (64, 1))
_CELL_STAGES = ((6, 0), (12, 1), (24, 1), (32, 1))

_PCAM_STAGES = {"stages": ((), (2,), (1, 0), (1,)), "width_factors": (1, 2, 2, 2), "pool_last": True}
_PCAM_LAYERS = ((5, True), (3, True), (3, True), (3, False))
_PCAM_SMALL = {"stages": ((1, 0),), "width_factors": (1,)}

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        _ge_vit("ge_vit_p4.rotmnist"),
        _ge_vit("gsa_net_p4.rotmnist", architecture="gsa_net"),
        _ge_vit("ge_vit_p4.mnist", task="mnist", config=dict(_HALF)),
        _ge_vit("ge_vit_p4.rotmnist10", task="rotmnist10", epochs=40, validate_every=10),
        _ge_vit("ge_vit_p4m.rotmnist", config={"group": "d4", **_SMALL}),
        _ge_vit("ge_vit_p8.rotmnist", config={"group": "c8", **_SMALL}),
        _ge_vit("ge_vit_p4.fashion", task="fashion", config=dict(_HALF)),
        _vit("vit.rotmnist", epochs=60),
        _vit("vit.mnist", task="mnist", epochs=20),
        _vit("vit.rotmnist10", task="rotmnist10", epochs=200, validate_every=5, shift_px=2),
        _vit("vit.fashion", task="fashion", epochs=20),
        _cohen_welling("cnn.rotmnist", "cnn", epochs=40),
        _cohen_welling("gcnn_p4.rotmnist", "gcnn", config={"group": "c4"}, epochs=60),
        _patches(2, ((1, 0), (1, 0)), epochs=4),
        _patches(4, ((0, 1, 1),)),
        _patches(7, ((0, 0), (0,)), epochs=15),
        _patches(14, ((0, 0),), epochs=25),
        _hybrid("hybrid_p4.rotmnist", keeps_group=True),
        _hybrid("hybrid_p4_invariant.rotmnist", keeps_group=False),
        _colour_vit("vit.photos"),
        _colour_vit("vit.rotphotos"),
        _colour("cnn.photos", "cnn", {"stages": ((32, 1), (64, 1), (128, 2))}, epochs=120),
        _colour("gcnn_p4.photos", "gcnn", {"group": "c4", "stages": ((12, 1), (32, 1), (64, 2))}, epochs=120),
        _colour_ge_vit("hybrid_p4.photos", "hybrid", {"stages": _PHOTO_STAGES, "transformer": _COLOUR_TRANSFORMER}),
        _colour_ge_vit("hybrid_p4.rotphotos", "hybrid", {"stages": _PHOTO_STAGES, "transformer": _COLOUR_TRANSFORMER}),
        _colour_ge_vit(
            "patch_ge_vit_p4_2px.photos",
            "patch_ge_vit",
            {
                "patch_size": 2,
                "embedding": 48,
                "swish": True,
                "transformer": {
                    "width": 48,
                    "heads": 3,
                    "depth": 12,
                    "stages": ((0,), (0, 0), (0,)),
                    "width_factors": (1, 1, 1),
                },
            },
        ),
        _colour_ge_vit(
            "ge_vit_p4.photos",
            "ge_vit",
            {
                "width": 48,
                "heads": 3,
                "depth": 12,
                "stages": ((), (0,), (0, 0), (0,)),
                "width_factors": (1, 1, 1, 1),
            },
        ),
        _colour_vit("vit.blood"),
        _colour_vit("vit.rotblood"),
        _colour("gcnn_p4m.rotblood", "gcnn", {"group": "d4", "stages": _CELL_STAGES}, epochs=150),
        _colour_ge_vit(
            "hybrid_p4m.rotblood",
            "hybrid",
            {
                "group": "d4",
                "stages": _CELL_STAGES,
                "transformer": {**_COLOUR_TRANSFORMER, "width": 32, "heads": 3},
            },
            epochs=150,
        ),
        _pcam("ge_vit_p4.pcam", "ge_vit", {"width": 12, **_PCAM_STAGES}, head_scale=0.03),
        _pcam("patch_ge_vit_p4_8px.pcam", "patch_ge_vit", {"patch_size": 8, "transformer": _PCAM_SMALL}),
        _pcam("hybrid_p4.pcam", "hybrid", {"layers": _PCAM_LAYERS, "convolved": 16, "transformer": _PCAM_SMALL}),
        _pcam("resnet_50.pcam", "resnet", {}),
        _pcam("post_hoc_mean_c4.pcam", "post_hoc", {"method": "mean", "group": "c4", "architecture": "resnet"}),
    )
}


def recipe(name: str) -> Recipe:
    """The recipe of the weights called ``name``.

    Raises:
        LookupError: if there is none, with the nearest names.
    """
    if name not in RECIPES:
        near = difflib.get_close_matches(name, RECIPES, n=3, cutoff=0.3) or list(RECIPES)
        raise LookupError(f"no recipe is called {name!r}; nearest: {', '.join(near)}")
    return RECIPES[name]
