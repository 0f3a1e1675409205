"""Patch GE-ViT: a GE-ViT that looks at a small artificial image, one pixel for each patch of the picture.

Source: the study, "fast artificial image"; docs/ge_vit.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jaxtyping import Float
from torch import Tensor

from e2viz.models.ge_vit import GEViT, GEViTConfig
from e2viz.nn.patches import PatchEmbedding
from e2viz.nn.probe import Probe, name_probes, put_first


@dataclass(frozen=True, kw_only=True)
class PatchGEViTConfig:
    """Sizes of a patch GE-ViT.

    Args:
        group: "c4" or "d4".
        patch_size: side of a patch in pixels.
        embedding: channels of the artificial image.
        swish: whether a patch's projection passes a swish before it is averaged over the group; the published one
            does not.
        transformer: fields of ``GEViTConfig`` but for group, image size, channels and classes.

    Raises:
        ValueError: if the patches do not fill the image or the planes do not fit.
    """

    group: str = "c4"
    image_size: int = 28
    channels: int = 1
    classes: int = 10
    patch_size: int = 4
    embedding: int = 20
    swish: bool = False
    transformer: dict[str, Any] = field(default_factory=lambda: {"stages": ((0, 1, 1),), "width_factors": (1,)})

    def __post_init__(self) -> None:
        if self.image_size % self.patch_size:
            raise ValueError(f"image_size must be divisible by patch_size, got {self.image_size} and {self.patch_size}")
        self.ge_vit()

    def ge_vit(self) -> GEViTConfig:
        """The configuration of the GE-ViT that sees the artificial image."""
        return GEViTConfig(
            group=self.group, image_size=self.image_size // self.patch_size, channels=self.embedding,
            classes=self.classes, **self.transformer,
        )  # fmt: skip


class PatchGEViT(GEViT):
    """A patch GE-ViT: acting on the image with a group element leaves the logits as they are."""

    def __init__(self, config: PatchGEViTConfig) -> None:
        super().__init__(config.ge_vit())
        self.config = config  # type: ignore[assignment]
        self.patches = PatchEmbedding(
            self.group, config.channels, config.embedding, config.patch_size, swish=config.swish
        )
        self.artificial_image_probe = Probe("plane_map")
        put_first(self, "image_probe", "patches", "artificial_image_probe")
        name_probes(self)

    def features(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch features g h w"]:
        """The last feature map: it turns with the image and its group axis is permuted."""
        return self.transformed(self.artificial_image_probe(self.patches(self.image_probe(images))))
