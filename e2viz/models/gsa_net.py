"""GSA-Net: the network of GE-ViT with the relative group element that GE-ViT corrected.

It is not equivariant, by one line (compare ``ge_vit`` and ``gsa_net`` in e2viz.nn.relative), and is here so that
what this line does can be measured.
Source: Romero & Cordonnier, *Group Equivariant Stand-Alone Self-Attention for Vision*, ICLR 2021.
"""

from __future__ import annotations

from dataclasses import dataclass

from e2viz.models.ge_vit import GEViT, GEViTConfig


@dataclass(frozen=True, kw_only=True)
class GSANetConfig(GEViTConfig):
    """As ``GEViTConfig``, with GSA-Net's rule."""

    rule: str = "gsa_net"


class GSANet(GEViT):
    """A GSA-Net classifier. Turning the image by a group element changes the logits; by how much is measured."""
