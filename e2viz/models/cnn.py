"""Z2CNN: the plain convolutional network that group convolutions were first compared with.

It is equivariant to shifts alone. Source: Cohen & Welling 2016, section 8.1: seven layers of 3×3 filters, 4×4 in the
last, 20 channels, batch normalisation, ReLU, dropout, max-pooling after the second layer.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from e2viz.nn.probe import Probe, name_probes


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

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
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


class CNN(nn.Module):
    """A Z2CNN classifier. It has no defence against turning but what it learned.

    ``embed`` gives the mean of the last hidden map; the logits also need where things are.
    """

    def __init__(self, config: CNNConfig) -> None:
        super().__init__()
        self.config = config
        self.image_probe = Probe("image")
        total = sum(config.layers)
        self.layers = nn.ModuleList(
            Layer(config, config.width if i else config.channels, pooled=i == config.layers[0] - 1)
            for i in range(total)
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
        self.embedding_probe(maps.mean((-2, -1)))
        return self.logits_probe(self.classifier(maps).flatten(1))
