"""Equivariance after the fact: any classifier, run on every view of a picture, its answers combined into one.

Views are the picture moved by each element of a group. How they are combined never depends on their order, so the
answer does not change when the picture itself is moved by an element. The classifier is left as it is.
Source: the study's post-hoc methods, with the definitions of ../shared/measures.md (e2viz.nn.aggregation).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from e2viz import capture
from e2viz.groups import group as find_group
from e2viz.nn import aggregation
from e2viz.nn.probe import Probe, name_probes
from e2viz.nn.views import group_views

Part = Callable[[Tensor], Tensor]
# On the logits of each view.
ON_LOGITS: dict[str, Part] = {
    "most_likely": aggregation.most_likely,
    "most_certain": aggregation.most_certain,
    "tta": aggregation.averaged_probability,
}
# On the embedding of each view; the head then makes logits of the one embedding.
ON_EMBEDDINGS: dict[str, Part] = {
    "mean": lambda embeddings: embeddings.mean(1),
    "max": lambda embeddings: embeddings.amax(1),
    "sum": lambda embeddings: embeddings.sum(1),
}
LEARNED: dict[str, type[nn.Module]] = {
    "learned_average": aggregation.LearnedAverage,
    "learned_attention": aggregation.LearnedAttention,
}
METHODS = ("mean", "max", "sum", "most_likely", "most_certain", "learned_average", "learned_attention", "tta")
CHUNK_VIEWS = 32


def _check_method(method: str) -> None:
    if method not in METHODS:
        near = difflib.get_close_matches(method, METHODS) or METHODS
        raise LookupError(f"no post-hoc method is called {method!r}; there are {', '.join(near)}")


def unchanged(logits: Float[Tensor, "batch classes"]) -> Float[Tensor, "batch classes"]:
    """The head of a network whose embedding is its logits."""
    return logits


def parts_of(network: nn.Module) -> tuple[Part, Part]:
    """How a network divides into embed and head.

    Of one whose logits are no function of an embedding vector, such as GE-ViT, the logits are the embedding.
    """
    if hasattr(network, "embed") and hasattr(network, "head"):
        return network.embed, network.head  # type: ignore[return-value]
    return network, unchanged


def embedding_width(network: nn.Module, head: Part) -> int:
    """Features of an embedding: what the first layer of the head takes; classes, where there is no head.

    Raises:
        ValueError: if the head is a function that says nothing about its input.
    """
    for layer in head.modules() if isinstance(head, nn.Module) else ():
        if isinstance(layer, nn.Linear):
            return layer.in_features
        if isinstance(layer, nn.LayerNorm):
            return layer.normalized_shape[-1]
    if head is unchanged:
        return network.config.classes  # type: ignore[union-attr,return-value]
    raise ValueError(f"head must be a module that begins with LayerNorm or Linear, or width be given, got {head!r}")


class PostHoc(nn.Module):
    """A classifier made invariant: acting on the image with a group element leaves the logits as they are.

    Exactly so for elements that move the pixel grid onto itself; for angles in between, as well as the turned image
    can be sampled again. Inside, view e carries the classifier's answer to e⁻¹ of the image: acting with a permutes
    the views as a group axis. Training, evaluation and gradients reach the wrapped classifier as torch does it.

    Args:
        wrapped: from images to logits; only run, never changed.
        method: one of ``METHODS``.
        group: "c4", "c16", "d4", ...
        embed, head: image to embedding and embedding to logits, for methods that combine embeddings; methods or
            submodules of ``wrapped``, so that a copy of this module runs its own copy of them.
        width: features of an embedding, for learned methods whose head does not say it.

    Attributes:
        training_views: in training mode, so many random views of each batch are combined instead of all; 0 is all.

    Raises:
        LookupError: for an unknown method or group.
        ValueError: if the method combines embeddings and embed or head is missing.
    """

    training_views: int = 0

    def __init__(
        self, wrapped: nn.Module, method: str, group: str, embed: Part | None = None, head: Part | None = None,
        width: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        _check_method(method)
        self.method, self.group = method, find_group(group)
        if method not in ON_LOGITS and (embed is None or head is None):
            raise ValueError(
                f"embed and head must be given for {method!r}, which combines embeddings; "
                f"{', '.join(ON_LOGITS)} need neither"
            )
        self.image_probe = Probe("image")
        self.wrapped = wrapped
        # In a tuple, torch does not register them a second time.
        self.parts = (embed, head)
        for name, part in (("own_embed", embed), ("own_head", head)):
            if isinstance(part, nn.Module) and not any(part is module for module in wrapped.modules()):
                self.add_module(name, part)
        self.view_embedding_probe = Probe("group_vector")
        self.view_logits_probe = Probe("group_vector")
        self.aggregate: nn.Module | None = None
        if method in LEARNED:
            self.aggregate = LEARNED[method](width or embedding_width(wrapped, head))  # type: ignore[arg-type]
        self.embedding_probe = Probe("vector")
        self.logits_probe = Probe("logits")
        name_probes(self)

    def _views(self, images: Float[Tensor, "batch channel h w"]) -> Float[Tensor, "batch view channel h w"]:
        """All views of each image; in training, as many as are asked for, the same elements for the whole batch."""
        views = group_views(images, self.group)
        if not self.training or not 0 < self.training_views < self.group.order:
            return views
        return views[:, torch.randperm(self.group.order)[: self.training_views]]

    def _each(self, part: Part, images: Float[Tensor, "images channel h w"]) -> Float[Tensor, "images features"]:
        """Run a part on each view; its probes stay silent, for they would hold views where images are expected."""
        with capture.paused():
            if self.training or torch.is_grad_enabled():
                return part(images)
            return torch.cat([part(chunk) for chunk in images.split(CHUNK_VIEWS)])

    def view_embeddings(self, images: Float[Tensor, "batch channel h w"]) -> Float[Tensor, "batch view features"]:
        """The embedding of each view of each image."""
        views = self._views(images)
        embeddings = self._each(self.parts[0], views.flatten(0, 1)).unflatten(0, views.shape[:2])  # type: ignore[arg-type]
        self.view_embedding_probe(embeddings.transpose(1, 2))
        return embeddings

    def view_logits(self, images: Float[Tensor, "batch channel h w"]) -> Float[Tensor, "batch view classes"]:
        """The logits of each view of each image."""
        views = self._views(images)
        logits = self._each(self.wrapped, views.flatten(0, 1)).unflatten(0, views.shape[:2])
        self.view_logits_probe(logits.transpose(1, 2))
        return logits

    def combine(self, views: Float[Tensor, "batch view features"]) -> Float[Tensor, "batch classes"]:
        """Logits from what was computed of each view: its logits, or its embedding, as the method needs."""
        if self.method in ON_LOGITS:
            return self.logits_probe(ON_LOGITS[self.method](views))
        pool = self.aggregate or ON_EMBEDDINGS[self.method]
        head = self.parts[1]
        return self.logits_probe(head(self.embedding_probe(pool(views))))  # type: ignore[misc]

    def answer(self, embeddings: Float[Tensor, "batch view width"]) -> Float[Tensor, "batch classes"]:
        """Logits from the embeddings of all views, for any method: what ``forward`` gives without running the body."""
        if self.method not in ON_LOGITS:
            return self.combine(embeddings)
        if self.parts[1] is None:
            raise ValueError(f"a head must be given to answer from embeddings, {self.method!r} was wrapped without")
        return self.combine(self.parts[1](embeddings))

    def forward(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch classes"]:
        self.image_probe(images)
        if self.method in ON_LOGITS:
            return self.combine(self.view_logits(images))
        embeddings = self.view_embeddings(images)
        recording = capture.active()
        if recording is not None and self.view_logits_probe.name in recording.names:
            logits = self.parts[1](embeddings.flatten(0, 1))  # type: ignore[misc]
            self.view_logits_probe(logits.unflatten(0, embeddings.shape[:2]).transpose(1, 2))
        return self.combine(embeddings)


def make_equivariant(
    module: nn.Module, method: str, group: str, *, embed: Part | None = None, head: Part | None = None,
    width: int | None = None,
) -> PostHoc:  # fmt: skip
    """Wrap a classifier so that acting on the image with a group element leaves its logits as they are.

    The wrapper takes images as the module takes them, and shares the module, which is left untouched: learned methods
    have weights of their own, in ``aggregate``.

    Args:
        module: from square images [batch channel size size] to logits; any torch module.
        method: "mean", "max" or "sum" of embeddings; "most_likely", "most_certain" or "tta" of logits;
            "learned_average" or "learned_attention" of embeddings, to be trained.
        group: "c4", "c16", "d4", ...; turns that are no multiple of 90° follow the fair rotation (e2viz.nn.views).
        embed, head: image to embedding [batch features] and embedding to logits; by default the module's own
            ``embed`` and ``head``.
        width: features of an embedding, for learned methods whose head does not say it.

    Raises:
        LookupError: for an unknown method or group.
        ValueError: if the method combines embeddings and embed or head is missing.
    """
    if embed is None and head is None and hasattr(module, "embed") and hasattr(module, "head"):
        embed, head = parts_of(module)
    return PostHoc(module, method, group, embed, head, width)


@dataclass(frozen=True, kw_only=True)
class PostHocConfig:
    """A wrapped architecture of the catalogue.

    Args:
        method, group: as ``make_equivariant`` takes them.
        architecture, config: of the wrapped network, as ``e2viz.models.build`` takes them.
        training_views: how many random views are combined in a training step; 0 is all of them.

    Raises:
        LookupError: for an unknown method or group.
    """

    method: str = "mean"
    group: str = "c4"
    architecture: str = "vit"
    config: dict[str, Any] = field(default_factory=dict)
    training_views: int = 0

    def __post_init__(self) -> None:
        _check_method(self.method)
        find_group(self.group)

    @property
    def wrapped(self) -> Any:
        """The configuration of the wrapped network."""
        # The table of architectures holds this class: it can only be read when all of it is there.
        from e2viz.models import ARCHITECTURES

        return ARCHITECTURES[self.architecture][0](**self.config)

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
        from e2viz.models import build  # here, for the same reason

        network = build(config.architecture, config.config)
        super().__init__(network, config.method, config.group, *parts_of(network))
        self.training_views = config.training_views
        self.config = config
