"""One training run as a small frozen dataclass."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from e2viz.train.data import Augmentation


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one weights file is made.

    Args:
        name: of the weights, "architecture_group.tag".
        architecture: a key of ``e2viz.architectures.ARCHITECTURES``.
        config: fields of that architecture's configuration.
        start: name of trained weights that the network, or the network it wraps, begins from; "" begins afresh.
            Its own name trains weights further: their epochs count, and the card keeps their recipe as "before".
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
        mirror, zoom, shear, bend_px, tint, erase: what else happens to a training picture; see
            ``e2viz.train.data.Augmentation``.
        ease: whether pictures zoom, shear and bend less as the learning rate falls: a run then ends on pictures as they
            are.
        muon_filters: whether "muon" also takes the filters of convolutions, as matrices of outputs by all else.
        anneal: of the learning rate after the warm-up: "cosine", half a wave down to zero; or "trapezoid", level and
            then straight down to zero over the last ``decay`` of all steps. As long as it is level, the number of
            epochs may still change.
        precision: of the products, "float32" or "bf16"; where bfloat16 is slow, float32 all the same.
        validate_every: epochs between validations; the last epoch is always validated.
        shift_px: largest random shift of a training image, in pixels, along either axis.
        teachers: names of trained weights whose mean answer to each training picture is learned too.
        distillation: the teachers' share of the loss; labels have the rest.
        with_validation: learn from the validation images as well, as is usual once every choice has been made with
            them held out; then nothing is chosen any more, and the last epoch is the one that is shipped.

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
    shear: float = 0.0
    bend_px: float = 0.0
    tint: float = 0.0
    erase: float = 0.0
    ease: bool = False
    muon_filters: bool = False
    anneal: str = "cosine"
    decay: float = 0.4
    precision: str = "float32"
    validate_every: int = 1
    seed: int = 1
    teachers: tuple[str, ...] = ()
    distillation: float = 0.0
    with_validation: bool = False

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1:
            raise ValueError(f"epochs and batch must be at least 1, got {self.epochs} and {self.batch}")
        if not 0 <= self.warmup < 1 or not 0 <= self.average < 1:
            raise ValueError(f"warmup and average must be in [0, 1), got {self.warmup} and {self.average}")

        if self.anneal not in ("cosine", "trapezoid") or not 0 < self.decay <= 1:
            raise ValueError(
                f'anneal must be "cosine" or "trapezoid" and decay in (0, 1], got {self.anneal!r} and {self.decay}'
            )
        if self.precision not in ("float32", "bf16"):
            raise ValueError(f'precision must be "float32" or "bf16", got {self.precision!r}')
        object.__setattr__(self, "teachers", tuple(self.teachers))  # a card holds a list
        if bool(self.teachers) != bool(self.distillation) or not 0 <= self.distillation <= 1:
            raise ValueError(
                f"distillation must be in (0, 1] with teachers and 0 without, got {self.distillation} "
                f"with {len(self.teachers)} teachers"
            )
        if self.optimiser not in ("adamw", "muon"):
            raise ValueError(f'optimiser must be "adamw" or "muon", got {self.optimiser!r}')

    @property
    def augmentation(self) -> Augmentation:
        return Augmentation(
            fresh_angles=self.fresh_angles, shift_px=self.shift_px, mirror=self.mirror, zoom=self.zoom,
            shear=self.shear, bend_px=self.bend_px, tint=self.tint, erase=self.erase,
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)
