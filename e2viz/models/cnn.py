"""Z2CNN: the plain convolutional network that group convolutions were first compared with.

It is equivariant to shifts alone. Source: Cohen & Welling 2016, section 8.1: seven layers of 3×3 filters, 4×4 in the
last, 20 channels, batch normalisation, ReLU, dropout, max-pooling after the second layer.

With ``stages`` it is a residual network instead, for pictures in colour: e2viz.nn.residual.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from e2viz.nn.probe import Probe, name_probes
from e2viz.nn.residual import check_stages, residual_blocks


def last_plane(image_size: int, layers: tuple[int, int], kernel: int) -> int:
    """Side of the plane that the last layer's filter covers whole.

    Args:
        image_size: side of the input.
        layers: how many layers before and after the pooling.
        kernel: side of their filters.

    Raises:
        ValueError: if the pooled plane has an odd size, which would favour a corner, or no pixel is left.
    """
    before = image_size - layers[0] * (kernel - 1)
    if before % 2 or before <= 0:
        raise ValueError(f"the pooled plane must have an even size, got {before} for image_size {image_size}")
    after = before // 2 - layers[1] * (kernel - 1)
    if after < 1:
        raise ValueError(f"layers must leave a plane, got {after} pixels for image_size {image_size}")
    return after


@dataclass(frozen=True, kw_only=True)
class CNNConfig:
    """Sizes of a Z2CNN; the defaults are the published rotMNIST network.

    Args:
        layers: how many 3×3 layers before and after the pooling; one more, over the whole plane, follows.
        stages: (channels, residual blocks) of each stage, with 2×2 max-pooling between them; then the mean over the
            plane. Takes the place of width, layers and kernel; none is the published network.

    Raises:
        ValueError: if the planes do not fit.
    """

    image_size: int = 28
    channels: int = 1
    classes: int = 10
    width: int = 20
    layers: tuple[int, int] = (2, 4)
    kernel: int = 3
    dropout: float = 0.1
    stages: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        object.__setattr__(self, "stages", tuple((int(width), int(blocks)) for width, blocks in self.stages))
        if self.stages:
            check_stages(self.stages, self.image_size)
        else:
            last_plane(self.image_size, self.layers, self.kernel)


class Layer(nn.Module):
    """Convolution, batch normalisation, ReLU, dropout, and pooling where asked for."""

    def __init__(self, config: CNNConfig, inputs: int, pooled: bool) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, config.width, config.kernel)
        self.norm = nn.BatchNorm2d(config.width)
        self.dropout = nn.Dropout(config.dropout)
        self.pooled = pooled
        self.probe = Probe("plane_map")

    def forward(self, maps: Float[Tensor, "batch inputs height width"]) -> Float[Tensor, "batch outputs h w"]:
        maps = self.dropout(functional.relu(self.norm(self.convolution(maps))))
        return self.probe(functional.max_pool2d(maps, 2) if self.pooled else maps)


class Stem(nn.Module):
    """One 3×3 convolution with batch normalisation and ReLU: the first layer of a residual network."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = same_convolution(inputs, outputs, 3)
        self.norm = nn.BatchNorm2d(outputs)
        self.probe = Probe("plane_map")

    def forward(self, images: Float[Tensor, "batch inputs height width"]) -> Float[Tensor, "batch outputs h w"]:
        return self.probe(functional.relu(self.norm(self.convolution(images))))


def same_convolution(inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    """A convolution that keeps the size of the plane."""
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)


class CNN(nn.Module):
    """A Z2CNN classifier. It has no defence against turning but what it learned.

    ``embed`` gives the mean of the last hidden map; the logits also need where things are, unless the network is
    residual: then ``head`` makes them of that mean.
    """

    def __init__(self, config: CNNConfig) -> None:
        super().__init__()
        self.config = config
        self.image_probe = Probe("image")
        if config.stages:
            blocks = residual_blocks(same_convolution, nn.BatchNorm2d, config.stages, "plane_map")
            self.layers = nn.ModuleList([Stem(config.channels, config.stages[0][0]), *blocks])
            self.head = nn.Linear(config.stages[-1][0], config.classes)
        else:
            self.layers = nn.ModuleList(
                Layer(config, config.width if i else config.channels, pooled=i == config.layers[0] - 1)
                for i in range(sum(config.layers))
            )
            side = last_plane(config.image_size, config.layers, config.kernel)
            self.classifier = nn.Conv2d(config.width, config.classes, side)
        self.embedding_probe = Probe("vector")
        self.logits_probe = Probe("logits")
        name_probes(self)

    def features(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch features h w"]:
        """The last hidden map."""
        maps = self.image_probe(images)
        for layer in self.layers:
            maps = layer(maps)
        return maps

    def embed(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch embedding"]:
        return self.embedding_probe(self.features(images).mean((-2, -1)))

    def forward(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch classes"]:
        maps = self.features(images)
        embedding = self.embedding_probe(maps.mean((-2, -1)))
        logits = self.head(embedding) if self.config.stages else self.classifier(maps).flatten(1)
        return self.logits_probe(logits)
