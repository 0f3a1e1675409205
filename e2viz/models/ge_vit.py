"""GE-ViT: a vision transformer whose every layer turns with the picture.

Source: Xu, Yang, Liu & He, *E(2)-Equivariant Vision Transformer*, UAI 2023; the network is that of Romero &
Cordonnier 2021 with the relative group element put right (e2viz.nn.relative). docs/ge_vit.md states it exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from e2viz.groups import Group
from e2viz.groups import group as find_group
from e2viz.nn import fused, whole_block
from e2viz.nn.attention import GroupAttention, LiftingAttention
from e2viz.nn.pointwise import Pointwise, WholeNorm, autocast_runs, single_precision
from e2viz.nn.probe import Probe, name_probes


@dataclass(frozen=True, kw_only=True)
class GEViTConfig:
    """Sizes of a GE-ViT; the defaults are the published rotMNIST network.

    Args:
        group: "c4", "d4", "c8", ...
        stages: for each stage the crop (pixels from each side) of each of its layers; 2×2 max-pooling between stages.
        width_factors: for each stage its width as a multiple of ``width``.
        pool_last: whether the last stage is pooled too.
        rule: relative element, a name of ``e2viz.nn.relative.RULES``.
        lift: whether the input is an image; without, it is a feature map of ``channels`` channels on the group.

    Raises:
        ValueError: if the planes do not halve exactly, or a stage has no width.
    """

    group: str = "c4"
    image_size: int = 28
    channels: int = 1
    classes: int = 10
    width: int = 20
    heads: int = 9
    depth: int = 10
    window: int = 5
    stages: tuple[tuple[int, ...], ...] = ((2, 0), (2, 1, 1))
    width_factors: tuple[int, ...] = (1, 1)
    pool_last: bool = False
    attention_dropout: float = 0.1
    value_dropout: float = 0.1
    rule: str = "ge_vit"
    lift: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "stages", tuple(tuple(stage) for stage in self.stages))
        object.__setattr__(self, "width_factors", tuple(self.width_factors))
        if len(self.stages) != len(self.width_factors):
            raise ValueError(
                f"width_factors must have one entry a stage, got {len(self.width_factors)} for {len(self.stages)}"
            )
        size = self.image_size
        for index, stage in enumerate(self.stages):
            size -= 2 * sum(stage)
            if size < 1:
                raise ValueError(f"crops must leave a plane, got {size} pixels after stage {index}")
            if index < len(self.stages) - 1 or self.pool_last:
                if size % 2:
                    raise ValueError(f"a pooled plane must have an even size, got {size} after stage {index}")
                size //= 2


def crop(maps: Float[Tensor, "*batch height width"], pixels: int) -> Float[Tensor, "*batch h w"]:
    """Take ``pixels`` away from each side of the plane."""
    return maps[..., pixels : maps.shape[-2] - pixels, pixels : maps.shape[-1] - pixels] if pixels else maps


def swished(
    norm: nn.Module, maps: Float[Tensor, "batch channel *positions"]
) -> Float[Tensor, "batch channel *positions"]:
    """swish(norm(maps)), in one step where there is one."""
    at_once = fused.swish_norm(maps, norm)
    return F.silu(norm(maps)) if at_once is None else at_once


class MLP(nn.Sequential):
    """Two pointwise products, each with a norm over the whole map, and a swish between them."""

    def __init__(self, channels: int) -> None:
        widen, narrow = Pointwise(channels, channels // 2), Pointwise(channels // 2, channels)
        super().__init__(widen, WholeNorm(channels // 2), nn.SiLU(), narrow, WholeNorm(channels))

    def forward(self, maps: Float[Tensor, "batch channel *positions"]) -> Float[Tensor, "batch channel *positions"]:
        widen, norm, swish, narrow, last_norm = self
        if swish._forward_hooks or swish._forward_pre_hooks:
            return super().forward(maps)
        return last_norm(narrow(swished(norm, widen(maps))))


class Block(nn.Module):
    """Norm, swish, group attention, norm, swish, dropout, plus the cropped input; then a pointwise MLP, added.

    Acting on the input with a group element acts on the output with the same.
    """

    def __init__(self, config: GEViTConfig, group: Group, inputs: int, outputs: int, cropped: int) -> None:
        super().__init__()
        self.cropped = cropped
        self.input_norm = WholeNorm(inputs)
        self.attention = GroupAttention(
            group, inputs, outputs, heads=config.heads, depth=config.depth, window=config.window,
            dropout=config.attention_dropout, rule=config.rule,
        )  # fmt: skip
        self.output_norm = WholeNorm(outputs)
        self.dropout = nn.Dropout(config.value_dropout)
        self.shortcut = Pointwise(inputs, outputs) if inputs != outputs else nn.Identity()
        self.mlp = MLP(outputs)
        self.probe = Probe("feature_map")

    def forward(
        self, maps: Float[Tensor, "batch inputs group height width"]
    ) -> Float[Tensor, "batch outputs group h w"]:
        residual = self.shortcut(crop(maps, self.cropped))
        at_once = None if self.training else whole_block.forward(self, maps, residual)
        if at_once is not None:
            return self.probe(at_once)
        attended = swished(self.output_norm, self.attention(swished(self.input_norm, maps)))
        maps = residual + crop(self.dropout(attended), self.cropped)
        return self.probe(maps + self.mlp(maps))


class Pool(nn.Module):
    """2×2 max-pooling of each plane; exact for quarter turns because the planes have even sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.probe = Probe("feature_map")

    def forward(
        self, maps: Float[Tensor, "batch channel group height width"]
    ) -> Float[Tensor, "batch channel group h w"]:
        at_once = fused.max_pool(maps)
        if at_once is not None:
            return self.probe(at_once)
        if torch.is_grad_enabled():
            return self.probe(F.max_pool2d(maps.flatten(1, 2), 2).unflatten(1, maps.shape[1:3]))
        # The same in a third of the time.
        height, width = (size // 2 * 2 for size in maps.shape[-2:])
        rows = torch.maximum(maps[..., :height:2, :], maps[..., 1:height:2, :])
        return self.probe(torch.maximum(rows[..., :width:2], rows[..., 1:width:2]))


class GEViT(nn.Module):
    """A GE-ViT classifier: turning or mirroring the image by a group element leaves the logits as they are.

    ``embed`` gives the invariant embedding; the logits need the group axis and are not a function of it.
    """

    def __init__(self, config: GEViTConfig) -> None:
        super().__init__()
        self.config = config
        self.group = find_group(config.group)
        self.image_probe = Probe("image" if config.lift else "feature_map")
        self.lifting: nn.Module
        if config.lift:
            self.lifting = LiftingAttention(
                self.group, config.channels, config.width, heads=config.heads, depth=config.depth,
                window=config.window, dropout=config.attention_dropout,
            )  # fmt: skip
        else:
            self.lifting = Pointwise(config.channels, config.width)
        self.lifting_probe = Probe("feature_map")
        self.lifting_norm = WholeNorm(config.width)
        self.blocks = nn.ModuleList(self._blocks(config))
        self.classifier = Pointwise(config.width * config.width_factors[-1], config.classes, bias=False)
        self.classifier_probe = Probe("feature_map")
        self.orientation_probe = Probe("group_vector")
        self.embedding_probe = Probe("vector")
        self.logits_probe = Probe("logits")
        name_probes(self)

    def _blocks(self, config: GEViTConfig) -> list[nn.Module]:
        blocks: list[nn.Module] = []
        width = config.width
        for index, (stage, factor) in enumerate(zip(config.stages, config.width_factors, strict=True)):
            for cropped in stage:
                blocks.append(Block(config, self.group, width, config.width * factor, cropped))
                width = config.width * factor
            if index < len(config.stages) - 1 or config.pool_last:
                blocks.append(Pool())
        if width != config.width * config.width_factors[-1]:
            raise ValueError(f"the last stage must have a layer to reach {config.width_factors[-1]} times the width")
        return blocks

    def attention_planes(self) -> dict[str, tuple[int, float]]:
        """By attention probe, the plane it attends on: pixels along a side, and the side of one in image pixels."""
        config: Any = self.config
        inner = config.ge_vit() if hasattr(config, "ge_vit") else config
        pixel = float(getattr(config, "patch_size", 1))
        pixel *= 2 ** sum(pooled for _, pooled in getattr(config, "layers", ()))
        size, planes = inner.image_size, {}
        if inner.lift:
            planes["lifting.attention"] = (size, pixel)
        for index, block in enumerate(self.blocks):
            if isinstance(block, Pool):
                size, pixel = size // 2, pixel * 2
            elif isinstance(block, Block):
                planes[f"blocks.{index}.attention"] = (size, pixel)
                size -= 2 * block.cropped
        return planes

    def features(
        self, images: Float[Tensor, "batch channel *lifted height width"]
    ) -> Float[Tensor, "batch features group h w"]:
        """The last feature map: it turns with the image and its group axis is permuted."""
        return self.transformed(self.image_probe(images))

    def transformed(
        self, images: Float[Tensor, "batch channel *lifted height width"]
    ) -> Float[Tensor, "batch features group h w"]:
        """Lifting and all blocks, of an image or of what another network makes of one.

        A processor's kernel is for float32 alone, so under autocast too.
        """
        if images.is_cpu and autocast_runs(images.device):
            with single_precision(images.device):
                return self.transformed(images.float())
        maps = self.lifting_probe(self.lifting(images))
        maps = swished(self.lifting_norm, maps)
        for block in self.blocks:
            maps = block(maps)
        return maps

    def embed(self, images: Float[Tensor, "batch channel *lifted height width"]) -> Float[Tensor, "batch embedding"]:
        """Mean over the plane, maximum over the group: unchanged when a group element acts on the image."""
        return self.embedding_probe(self.features(images).mean((-2, -1)).amax(-1))

    def forward(self, images: Float[Tensor, "batch channel *lifted height width"]) -> Float[Tensor, "batch classes"]:
        features = self.features(images)
        if self.embedding_probe.asked:
            self.embedding_probe(features.mean((-2, -1)).amax(-1))
        votes = self.orientation_probe(self.classifier_probe(self.classifier(features)).sum((-2, -1)))
        return self.logits_probe(votes.amax(-1))
