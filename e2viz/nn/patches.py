"""An image cut into patches, each described by numbers that do not change when the patch turns."""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from e2viz.groups import Group


class PatchEmbedding(nn.Module):
    """The artificial image: one pixel a patch, channels that are invariant to the patch's own turns.

    Each patch is moved by every group element, projected by one linear layer, averaged over the group and normalised.
    Acting on the image with a group element acts on the artificial image with the same.

    Source: the study, "patch GE-ViT". Its projection and average commute, so that only the part of a patch that is
    alike in every orientation gets through: one number of a 2×2 patch. With ``swish`` between them, more does.

    Args:
        group: of multiples of 90 degrees.
        inputs, outputs: channels of the image and of the artificial image.
        patch_size: side of a patch in pixels.
        swish: whether the projection passes a swish before the average.

    Raises:
        ValueError: if the group would need interpolation.
    """

    def __init__(self, group: Group, inputs: int, outputs: int, patch_size: int, swish: bool = False) -> None:
        super().__init__()
        if not all(group.is_exact(element) for element in group.elements):
            raise ValueError(f"patches turn by multiples of 90 degrees only, got {group.name}")
        self.group, self.patch_size, self.swish = group, patch_size, swish
        self.projection = nn.Linear(inputs * patch_size**2, outputs)
        self.norm = nn.LayerNorm(outputs)

    def forward(self, images: Float[Tensor, "batch inputs height width"]) -> Float[Tensor, "batch outputs h w"]:
        side = self.patch_size
        patches = rearrange(images, "b c (y p) (x q) -> b y x c p q", p=side, q=side)
        orbit = torch.stack([self.group.act_on_plane(patches, element) for element in self.group.elements])
        if self.swish:
            described = functional.silu(self.projection(orbit.flatten(-3))).mean(0)
        else:
            described = self.projection(orbit.mean(0).flatten(-3))  # the average first: equal, and cheaper
        return rearrange(self.norm(described), "b y x c -> b c y x")
