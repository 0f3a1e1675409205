"""Hybrid: a group-convolutional network makes a small artificial image, a GE-ViT looks at it.

Source: the study, "fast artificial image"; docs/ge_vit.md. Two forms. The published one takes the maximum over the
group, so that GE-ViT lifts a plain image once more and what each orientation found is lost. Ours hands the feature map
over with its group axis: GE-ViT needs no lifting.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from e2viz.groups import group as find_group
from e2viz.models.gcnn import GroupLayer, residual_layers
from e2viz.models.ge_vit import GEViT, GEViTConfig
from e2viz.nn.group_convolution import GroupConvolution, LiftingConvolution
from e2viz.nn.probe import Probe, name_probes, put_first
from e2viz.nn.residual import check_filters, check_stages


@dataclass(frozen=True, kw_only=True)
class HybridConfig:
    """Sizes of a hybrid.

    Args:
        group: "c4" or "d4"; with steerable filters, any.
        convolved: channels of the group convolutions, and of the artificial image.
        layers: (side of the filter, whether 2×2 max-pooling follows) of each group convolution.
        stages: (channels, residual blocks) of each stage of a residual network that takes the place of ``convolved``
            and ``layers``, with 2×2 max-pooling between stages; the last stage's channels are the artificial image's.
        sides: with stages, of the filters of the lifting layer and of the blocks, in pixels; odd.
        steerable: with stages, whether filters are sums of circular harmonics, so that the group may have any angle.
        keeps_group: whether the artificial image keeps its group axis; the published one does not.
        dropout: after each group convolution.
        transformer: fields of ``GEViTConfig`` but for group, image size, channels, classes and lift.

    Raises:
        ValueError: if the planes do not halve exactly or do not fit, sides are not odd, or steerable filters have no
            stages.
    """

    group: str = "c4"
    image_size: int = 28
    channels: int = 1
    classes: int = 10
    convolved: int = 10
    layers: tuple[tuple[int, bool], ...] = ((3, False), (3, True), (3, False), (3, False))
    keeps_group: bool = True
    dropout: float = 0.0
    stages: tuple[tuple[int, int], ...] = ()
    sides: tuple[int, int] = (3, 3)
    steerable: bool = False
    transformer: dict[str, Any] = field(default_factory=lambda: {"stages": ((1, 1),), "width_factors": (1,)})

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple((int(side), bool(pooled)) for side, pooled in self.layers))
        object.__setattr__(self, "stages", tuple((int(width), int(blocks)) for width, blocks in self.stages))
        object.__setattr__(self, "sides", check_filters(self.sides, self.steerable, self.stages))
        if not self.layers:
            raise ValueError("layers must hold at least one group convolution, got none")
        self.ge_vit()

    @property
    def artificial_size(self) -> int:
        """Side of the artificial image."""
        if self.stages:
            return check_stages(self.stages, self.image_size)
        size = self.image_size
        for position, (side, pooled) in enumerate(self.layers):
            size -= side - 1
            if pooled and size % 2:
                raise ValueError(f"a pooled plane must have an even size, got {size} after layer {position}")
            size //= 2 if pooled else 1
        if size < 1:
            raise ValueError(f"layers must leave a plane, got {size} pixels for image_size {self.image_size}")
        return size

    def ge_vit(self) -> GEViTConfig:
        """The configuration of the GE-ViT that sees the artificial image."""
        return GEViTConfig(
            group=self.group, image_size=self.artificial_size, classes=self.classes, lift=not self.keeps_group,
            channels=self.stages[-1][0] if self.stages else self.convolved, **self.transformer,
        )  # fmt: skip


class Hybrid(GEViT):
    """A hybrid classifier: acting on the image with a group element leaves the logits as they are."""

    def __init__(self, config: HybridConfig) -> None:
        super().__init__(config.ge_vit())
        self.config = config  # type: ignore[assignment]
        self.image_probe = Probe("image")
        if config.stages:
            layers = residual_layers(self.group, config.channels, config.stages, config.sides, config.steerable)
        else:
            layers = [self._layer(config, position) for position in range(len(config.layers))]
        self.convolutions = nn.Sequential(*layers)
        self.artificial_image_probe = Probe("feature_map" if config.keeps_group else "plane_map")
        put_first(self, "image_probe", "convolutions", "artificial_image_probe")
        name_probes(self)

    @staticmethod
    def _layer(config: HybridConfig, position: int) -> GroupLayer:
        group, (side, pooled) = find_group(config.group), config.layers[position]
        if position:
            convolution: nn.Module = GroupConvolution(group, config.convolved, config.convolved, side)
        else:
            convolution = LiftingConvolution(group, config.channels, config.convolved, side)
        return GroupLayer(convolution, config.convolved, config.dropout, pooled)

    def features(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch features g h w"]:
        """The last feature map: it turns with the image and its group axis is permuted."""
        maps = self.convolutions(self.image_probe(images))
        if not self.config.keeps_group:  # type: ignore[attr-defined]
            maps = maps.amax(2)
        return self.transformed(self.artificial_image_probe(maps))
