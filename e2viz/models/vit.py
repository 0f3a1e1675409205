"""The plain vision transformer that the study compares with: patches, a class token, learned positions.

Nothing in it is equivariant; how it answers a turned picture is what it learned from turned pictures.
Source: Dosovitskiy et al. 2021, with the sizes of the published baseline (docs/ge_vit.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from einops import rearrange, repeat
from jaxtyping import Float
from torch import Tensor, nn

from e2viz.nn.probe import Probe, name_probes


@dataclass(frozen=True, kw_only=True)
class ViTConfig:
    """Sizes of a ViT.

    Args:
        norm_eps: what layer norms add to a variance; timm's vision transformers have 1e-6.

    Raises:
        ValueError: if the sizes do not fit together.
    """

    image_size: int = 28
    channels: int = 1
    patch_size: int = 4
    width: int = 64
    mlp_width: int = 512
    heads: int = 4
    layers: int = 6
    classes: int = 10
    dropout: float = 0.0
    norm_eps: float = 1e-5

    def __post_init__(self) -> None:
        if self.image_size % self.patch_size:
            raise ValueError(f"image_size must be divisible by patch_size, got {self.image_size} and {self.patch_size}")
        if self.width % self.heads:
            raise ValueError(f"width must be divisible by heads, got {self.width} and {self.heads}")

    @property
    def grid(self) -> int:
        """Patches along one side."""
        return self.image_size // self.patch_size


def sine_positions(grid: int, width: int) -> Float[Tensor, "1 token width"]:
    """Sines and cosines of row and column, zeros for the class token: where learned positions start from.

    Random positions cost a short run its first epochs, in which the layers learn who is whose neighbour.
    Source: Beyer et al. 2022, "Better plain ViT baselines".
    """
    frequencies = 1 / 10 ** torch.linspace(0, 1, max(1, width // 4))
    phase = torch.arange(grid)[:, None] * frequencies
    waves = torch.cat([phase.sin(), phase.cos()], dim=-1)
    rows = repeat(waves, "y w -> (y x) w", x=grid)
    columns = repeat(waves, "x w -> (y x) w", y=grid)
    positions = torch.zeros(1, 1 + grid**2, width)
    positions[0, 1:, : 4 * (width // 4)] = torch.cat([rows, columns], dim=-1)
    return positions


class SelfAttention(nn.Module):
    """Multi-head self-attention whose probabilities pass a probe, where a recording asks for them."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_projection = nn.Linear(width, 3 * width)
        self.out_projection = nn.Linear(width, width)
        self.probe = Probe("token_attention")

    def forward(
        self, tokens: Float[Tensor, "batch token width"], queries: int | None = None
    ) -> Float[Tensor, "batch query width"]:
        """What the first ``queries`` tokens gather from all of them; every token asks when None."""
        weight, bias = self.in_projection.weight, self.in_projection.bias
        width = tokens.shape[-1]
        query = nn.functional.linear(tokens[:, :queries], weight[:width], bias[:width])
        query = rearrange(query, "b t (head d) -> b head t d", head=self.heads)
        key, value = rearrange(
            nn.functional.linear(tokens, weight[width:], bias[width:]),
            "b t (two head d) -> two b head t d",
            two=2,
            head=self.heads,
        )
        if self.probe.asked:
            scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
            mixed = self.probe(scores.softmax(-1)) @ value
        else:  # the same, without the probabilities
            mixed = nn.functional.scaled_dot_product_attention(query, key, value)
        return self.out_projection(rearrange(mixed, "b head t d -> b t (head d)"))


class EncoderLayer(nn.Module):
    """Pre-norm transformer layer."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(config.width, eps=config.norm_eps)
        self.attention = SelfAttention(config.width, config.heads)
        self.mlp_norm = nn.LayerNorm(config.width, eps=config.norm_eps)
        self.mlp = nn.Sequential(
            nn.Linear(config.width, config.mlp_width),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.mlp_width, config.width),
            nn.Dropout(config.dropout),
        )
        self.probe = Probe("tokens")

    def forward(
        self, tokens: Float[Tensor, "batch token width"], needed: int | None = None
    ) -> Float[Tensor, "batch kept width"]:
        """The first ``needed`` tokens after this layer; all of them when None or when a recording asks."""
        if self.probe.asked or self.attention.probe.asked:
            needed = None
        tokens = tokens[:, :needed] + self.attention(self.attention_norm(tokens), needed)
        return self.probe(tokens + self.mlp(self.mlp_norm(tokens)))


class ViT(nn.Module):
    """A ViT classifier. Keeps no symmetry.

    ``embed`` gives the class token after the last layer, ``head`` its logits; the two make ``forward``.
    """

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.config = config
        self.image_probe = Probe("image")
        self.patch_embedding = nn.Linear(config.channels * config.patch_size**2, config.width)
        self.class_token = nn.Parameter(torch.randn(1, 1, config.width) * 0.02)
        self.position_embedding = nn.Parameter(0.5 * sine_positions(config.grid, config.width))
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.layers))
        self.embedding_probe = Probe("vector")
        norm = nn.LayerNorm(config.width, eps=config.norm_eps)
        self.head = nn.Sequential(norm, nn.Linear(config.width, config.classes))
        self.logits_probe = Probe("logits")
        name_probes(self)

    def embed(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch embedding"]:
        patch = self.config.patch_size
        patches = rearrange(self.image_probe(images), "b c (y p) (x q) -> b (y x) (c p q)", p=patch, q=patch)
        tokens = self.patch_embedding(patches)
        tokens = torch.cat([self.class_token.expand(tokens.shape[0], -1, -1), tokens], dim=1)
        tokens = tokens + self.position_embedding
        *earlier, last = self.layers
        for layer in earlier:
            tokens = layer(tokens)
        return self.embedding_probe(last(tokens, needed=1)[:, 0])

    def forward(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch classes"]:
        return self.logits_probe(self.head(self.embed(images)))
