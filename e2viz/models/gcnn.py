"""P4CNN: the Z2CNN with every convolution replaced by a group convolution, and half the channels.

Source: Cohen & Welling 2016, section 8.1: 10 channels on p4, the maximum over the group after the last layer. The group
may also be D4. With ``stages`` it is a residual network instead, for pictures in colour: e2viz.nn.residual.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from e2viz.groups import Group
from e2viz.groups import group as find_group
from e2viz.models.cnn import last_plane
from e2viz.nn.group_convolution import GroupConvolution, LiftingConvolution
from e2viz.nn.group_norm import GroupBatchNorm
from e2viz.nn.pointwise import Pointwise
from e2viz.nn.probe import Probe, name_probes
from e2viz.nn.residual import check_filters, check_stages, residual_blocks


@dataclass(frozen=True, kw_only=True)
class GCNNConfig:
    """Sizes of a group-convolutional network; the defaults are the published P4CNN.

    Args:
        group: "c4" or "d4"; with steerable filters, any.
        layers: how many layers before and after the pooling; one more, over the whole plane, follows.
        stages: (channels for each group element, residual blocks) of each stage, with 2×2 max-pooling between them;
            then the mean over the plane. Takes the place of width, layers and kernel; none is the published network.
        sides: with stages, of the filters of the lifting layer and of the blocks, in pixels; odd.
        steerable: with stages, whether filters are sums of circular harmonics, so that the group may have any angle.

    Raises:
        ValueError: if the planes do not fit, sides are not odd, or steerable filters have no stages.
    """

    group: str = "c4"
    image_size: int = 28
    channels: int = 1
    classes: int = 10
    width: int = 10
    layers: tuple[int, int] = (2, 4)
    kernel: int = 3
    dropout: float = 0.1
    stages: tuple[tuple[int, int], ...] = ()
    sides: tuple[int, int] = (3, 3)
    steerable: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        object.__setattr__(self, "stages", tuple((int(width), int(blocks)) for width, blocks in self.stages))
        object.__setattr__(self, "sides", check_filters(self.sides, self.steerable, self.stages))
        if self.stages:
            check_stages(self.stages, self.image_size)
        else:
            last_plane(self.image_size, self.layers, self.kernel)


class GroupLayer(nn.Module):
    """Group convolution, batch normalisation shared by the group axis, ReLU, dropout, pooling where asked for.

    Acting on the input with a group element acts on the output with the same.
    """

    def __init__(self, convolution: nn.Module, width: int, dropout: float, pooled: bool) -> None:
        super().__init__()
        self.convolution = convolution
        self.norm = GroupBatchNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.pooled = pooled
        self.probe = Probe("feature_map")

    def forward(self, maps: Float[Tensor, "batch ..."]) -> Float[Tensor, "batch outputs group h w"]:
        maps = self.dropout(functional.relu(self.norm(self.convolution(maps))))
        return self.probe(functional.max_pool3d(maps, (1, 2, 2)) if self.pooled else maps)


def residual_layers(
    group: Group, channels: int, stages: tuple[tuple[int, int], ...], sides: tuple[int, int], steerable: bool
) -> list[nn.Module]:
    """A lifting layer and residual blocks on the group; planes keep their size but where a stage halves them.

    Args:
        group: of the filters.
        channels: of the image.
        stages: as in ``GCNNConfig``.
        sides: of the filters, in pixels, of the lifting layer and of the blocks.
        steerable: whether filters are sums of circular harmonics, for groups of any angle.
    """

    def convolve(inputs: int, outputs: int, kernel: int) -> GroupConvolution:
        padding = kernel // 2
        return GroupConvolution(group, inputs, outputs, kernel, padding=padding, bias=False, steerable=steerable)

    lifting = LiftingConvolution(
        group, channels, stages[0][0], sides[0], padding=sides[0] // 2, bias=False, steerable=steerable
    )
    stem = GroupLayer(lifting, stages[0][0], 0.0, pooled=False)
    return [stem, *residual_blocks(convolve, GroupBatchNorm, stages, "feature_map", sides[1])]


class GCNN(nn.Module):
    """A group-convolutional classifier: acting on the image with a group element leaves the logits as they are.

    ``embed`` gives the invariant mean of the last hidden map; the logits also need the group axis, and where things
    are unless the network is residual.
    """

    def __init__(self, config: GCNNConfig) -> None:
        super().__init__()
        self.config = config
        self.group = find_group(config.group)
        self.image_probe = Probe("image")
        if config.stages:
            layers = residual_layers(self.group, config.channels, config.stages, config.sides, config.steerable)
            self.layers = nn.ModuleList(layers)
            self.classifier: nn.Module = Pointwise(config.stages[-1][0], config.classes)
        else:
            self.layers = nn.ModuleList(self._layer(config, self.group, i) for i in range(sum(config.layers)))
            side = last_plane(config.image_size, config.layers, config.kernel)
            self.classifier = GroupConvolution(self.group, config.width, config.classes, side)
        self.orientation_probe = Probe("group_vector")
        self.embedding_probe = Probe("vector")
        self.logits_probe = Probe("logits")
        name_probes(self)

    @staticmethod
    def _layer(config: GCNNConfig, group: Group, position: int) -> GroupLayer:
        if position:
            convolution: nn.Module = GroupConvolution(group, config.width, config.width, config.kernel)
        else:
            convolution = LiftingConvolution(group, config.channels, config.width, config.kernel)
        return GroupLayer(convolution, config.width, config.dropout, pooled=position == config.layers[0] - 1)

    def features(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch features group h w"]:
        """The last hidden feature map: it turns with the image and its group axis is permuted."""
        maps = self.image_probe(images)
        for layer in self.layers:
            maps = layer(maps)
        return maps

    def embed(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch embedding"]:
        return self.embedding_probe(self.features(images).mean((-2, -1)).amax(-1))

    def forward(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch classes"]:
        maps = self.features(images)
        means = maps.mean((-2, -1))
        self.embedding_probe(means.amax(-1))
        votes = self.classifier(means) if self.config.stages else self.classifier(maps)[..., 0, 0]
        votes = self.orientation_probe(votes)
        return self.logits_probe(votes.amax(-1))
