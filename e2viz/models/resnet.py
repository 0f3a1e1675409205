"""ResNet-50: the convolutional classifier that the study makes equivariant after the fact on 96×96 tissue patches.

Nothing in it is equivariant but to shifts, and those only by whole strides.
Source: He et al. 2016, "Deep Residual Learning", table 1; the stride sits in the 3×3 convolution, as is usual since.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from e2viz.nn.probe import Probe, name_probes

EXPANSION = 4


@dataclass(frozen=True, kw_only=True)
class ResNetConfig:
    """Sizes of a ResNet of bottlenecks; the defaults are those of ResNet-50.

    Args:
        width: channels of the stem; stage k works at width · 2^k and gives four times that.
        stages: bottlenecks of each stage.

    Raises:
        ValueError: if there is no stage or an empty one.
    """

    image_size: int = 96
    channels: int = 3
    classes: int = 2
    width: int = 64
    stages: tuple[int, ...] = (3, 4, 6, 3)

    def __post_init__(self) -> None:
        object.__setattr__(self, "stages", tuple(self.stages))
        if not self.stages or min(self.stages) < 1:
            raise ValueError(f"stages must hold at least one bottleneck each, got {self.stages}")

    @property
    def embedding(self) -> int:
        """Channels after the last stage."""
        return self.width * 2 ** (len(self.stages) - 1) * EXPANSION


class Bottleneck(nn.Module):
    """1×1, 3×3 and 1×1 convolution with batch normalisation, added to the input."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = width * EXPANSION
        self.reduce = nn.Conv2d(inputs, width, 1, bias=False)
        self.reduce_norm = nn.BatchNorm2d(width)
        self.convolution = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.expand = nn.Conv2d(width, outputs, 1, bias=False)
        self.expand_norm = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        self.probe = Probe("plane_map")

    def forward(self, maps: Float[Tensor, "batch inputs height width"]) -> Float[Tensor, "batch outputs h w"]:
        inner = functional.relu(self.reduce_norm(self.reduce(maps)))
        inner = functional.relu(self.norm(self.convolution(inner)))
        return self.probe(functional.relu(self.expand_norm(self.expand(inner)) + self.shortcut(maps)))


class ResNet(nn.Module):
    """A ResNet classifier. Keeps no symmetry.

    ``embed`` gives the mean of the last map, ``head`` its logits; the two make ``forward``.
    """

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__()
        self.config = config
        self.image_probe = Probe("image")
        self.stem = nn.Conv2d(config.channels, config.width, 7, 2, padding=3, bias=False)
        self.stem_norm = nn.BatchNorm2d(config.width)
        inputs, blocks = config.width, []
        for stage, count in enumerate(config.stages):
            width = config.width * 2**stage
            for position in range(count):
                blocks.append(Bottleneck(inputs, width, 2 if stage and not position else 1))
                inputs = width * EXPANSION
        self.blocks = nn.ModuleList(blocks)
        self.embedding_probe = Probe("vector")
        self.head = nn.Linear(config.embedding, config.classes)
        self.logits_probe = Probe("logits")
        self._initialise()
        name_probes(self)

    def _initialise(self) -> None:
        """Kaiming weights; each bottleneck begins as the identity, which trains more steadily (Goyal et al. 2017)."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, Bottleneck):
                nn.init.zeros_(module.expand_norm.weight)

    def embed(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch embedding"]:
        maps = functional.relu(self.stem_norm(self.stem(self.image_probe(images))))
        maps = functional.max_pool2d(maps, 3, 2, padding=1)
        for block in self.blocks:
            maps = block(maps)
        return self.embedding_probe(maps.mean((-2, -1)))

    def forward(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch classes"]:
        return self.logits_probe(self.head(self.embed(images)))
