"""A network of the catalogue made equivariant after the fact, as an architecture with a configuration of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from e2viz.architectures import ARCHITECTURES
from e2viz.groups import group as find_group
from e2viz.models.by_name import build, classes_of
from e2viz.models.methods import kind_of
from e2viz.models.post_hoc import PostHoc, parts_of


@dataclass(frozen=True, kw_only=True)
class PostHocConfig:
    """A wrapped architecture of the catalogue.

    Args:
        method, group: as ``make_equivariant`` takes them.
        architecture, config: of the wrapped network, as ``e2viz.models.build`` takes them.
        training_views: how many random views are combined in a training step; 0 is all of them.

    Raises:
        LookupError: for an unknown method or group.
        ValueError: for an architecture that wraps another itself.
    """

    method: str = "mean"
    group: str = "c4"
    architecture: str = "vit"
    config: dict[str, Any] = field(default_factory=dict)
    training_views: int = 0

    def __post_init__(self) -> None:
        kind_of(self.method)
        find_group(self.group)
        if self.architecture in ARCHITECTURES and ARCHITECTURES[self.architecture].wraps:
            raise ValueError(f"the wrapped architecture must wrap no other, got {self.architecture}")

    @property
    def wrapped(self) -> Any:
        """The configuration of the wrapped network."""
        return classes_of(self.architecture)[0](**self.config)

    @property
    def image_size(self) -> int:
        return self.wrapped.image_size

    @property
    def channels(self) -> int:
        return self.wrapped.channels

    @property
    def classes(self) -> int:
        return self.wrapped.classes


class PostHocClassifier(PostHoc):
    """A wrapped network of the catalogue, built from its configuration."""

    def __init__(self, config: PostHocConfig) -> None:
        network = build(config.architecture, config.config)
        super().__init__(network, config.method, config.group, *parts_of(network))
        self.training_views = config.training_views
        self.config = config
