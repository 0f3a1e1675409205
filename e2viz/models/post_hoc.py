"""Equivariance after the fact: any classifier, run on every view of a picture, its answers combined into one.

Views are the picture moved by each element of a group. How they are combined, or one of them chosen, never depends on
their order, so the answer does not change when the picture itself is moved by an element; the gated search is the one
exception. The classifier is left as it is. Definitions and sources: e2viz.nn.aggregation, choosing, canonicalisation.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from e2viz import capture
from e2viz.groups import group as find_group
from e2viz.models.methods import CANONICAL, LEARNED, NOT_INVARIANT, ON_EMBEDDINGS, ON_LOGITS, POOLS, Part, kind_of
from e2viz.nn.canonicalisation import OrientationNetwork, between, straight_through
from e2viz.nn.choosing import of_view
from e2viz.nn.probe import Probe, name_probes
from e2viz.nn.views import group_views

CHUNK_VIEWS = 32


def unchanged(logits: Float[Tensor, "*batch classes"]) -> Float[Tensor, "*batch classes"]:
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
    if isinstance(said := getattr(head, "width", None), int):
        return said
    for layer in head.modules() if isinstance(head, nn.Module) else ():
        if isinstance(layer, nn.Linear):
            return layer.in_features
        if isinstance(layer, nn.LayerNorm):
            return layer.normalized_shape[-1]
    if head is unchanged:
        return network.config.classes  # type: ignore[union-attr,return-value]
    raise ValueError(f"head must be a module that begins with LayerNorm or Linear, or width be given, got {head!r}")


def channels_of(network: nn.Module) -> int:
    """Channels of the images that a network takes: as its configuration says, or as its first convolution has them.

    Raises:
        ValueError: if it has neither.
    """
    config = getattr(network, "config", None)
    if hasattr(config, "channels"):
        return config.channels  # type: ignore[union-attr]
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            return layer.in_channels * layer.groups
    raise ValueError(f"channels must be given for a network without a convolution, got {type(network).__name__}")


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
        channels: of the images, for canonicalisation of a network that does not say it.

    Attributes:
        invariant: whether the answer keeps that promise; False for the gated search.
        training_views: in training mode, so many random views of each batch are combined instead of all; 0 is all.

    Raises:
        LookupError: for an unknown method or group.
        ValueError: if the method combines embeddings and embed or head is missing.
    """

    training_views: int = 0

    def __init__(
        self, wrapped: nn.Module, method: str, group: str, embed: Part | None = None, head: Part | None = None,
        width: int | None = None, channels: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        kind_of(method)
        self.method, self.group = method, find_group(group)
        self.invariant, self.canonicalises = method not in NOT_INVARIANT, method in CANONICAL
        if self._pools and (embed is None or head is None):
            raise ValueError(
                f"embed and head must be given for {method!r}, which combines embeddings; "
                f"{', '.join([*ON_LOGITS, *CANONICAL])} need neither"
            )
        self.image_probe = Probe("image")
        self.wrapped = wrapped
        # In a tuple, torch does not register them a second time.
        self.parts = (embed, head)
        for name, part in (("own_embed", embed), ("own_head", head)):
            if isinstance(part, nn.Module) and not any(part is module for module in wrapped.modules()):
                self.add_module(name, part)
        # A probe that a method never passes would promise what no recording holds.
        if self._pools:
            self.view_embedding_probe = Probe("group_vector")
        if not self.canonicalises:
            self.view_logits_probe = Probe("group_vector")
        self.aggregate: nn.Module | None = None
        if self.canonicalises:
            self.aggregate = OrientationNetwork(self.group, channels or channels_of(wrapped))
        elif method in LEARNED:
            self.aggregate = POOLS[method](width or embedding_width(wrapped, head))  # type: ignore[arg-type]
        if self._pools or (self.canonicalises and head is not None):
            self.embedding_probe = Probe("vector")
        self.logits_probe = Probe("logits")
        name_probes(self)

    @property
    def _pools(self) -> bool:
        """Whether many embeddings are made one."""
        return self.method in ON_EMBEDDINGS or self.method in POOLS

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
        if self._pools:
            self.view_embedding_probe(embeddings.transpose(1, 2))
        return embeddings

    def view_logits(self, images: Float[Tensor, "batch channel h w"]) -> Float[Tensor, "batch view classes"]:
        """The logits of each view of each image."""
        views = self._views(images)
        logits = self._each(self.wrapped, views.flatten(0, 1)).unflatten(0, views.shape[:2])
        self.view_logits_probe(logits.transpose(1, 2))
        return logits

    def orientation(self, images: Float[Tensor, "batch channel h w"]) -> Float[Tensor, "batch view"]:
        """How likely each view is the one that stands upright, by a method that canonicalises."""
        return self.aggregate(between(images, self.group))  # type: ignore[misc]

    def upright(self, images: Float[Tensor, "batch channel h w"]) -> Float[Tensor, "batch channel h w"]:
        """The view that a method that canonicalises gives to the model."""
        views, scores = group_views(images, self.group), self.orientation(images)
        if self.training:
            return torch.einsum("bv,bvchw->bchw", straight_through(scores), views)
        return of_view(views, scores.argmax(1))

    def _of_upright(self, images: Float[Tensor, "batch channel h w"]) -> Float[Tensor, "batch classes"]:
        """Logits of the one view that a method that canonicalises gives to the model."""
        embed, head = self.parts
        if embed is None or head is None:
            return self.logits_probe(self._each(self.wrapped, images))
        return self.logits_probe(head(self.embedding_probe(self._each(embed, images))))

    def combine(
        self, views: Float[Tensor, "batch view features"], scores: Float[Tensor, "batch view"] | None = None
    ) -> Float[Tensor, "batch classes"]:
        """Logits from what was computed of each view: its logits, or its embedding, as the method needs.

        Args:
            views: embeddings, or logits for a method that takes them.
            scores: of ``orientation``, for a method that canonicalises.
        """
        if self.method in ON_LOGITS:
            return self.logits_probe(ON_LOGITS[self.method](views))
        head = self.parts[1]
        if scores is not None:
            weights = straight_through(scores) if self.training else None
            one = of_view(views, scores.argmax(1)) if weights is None else torch.einsum("bv,bvf->bf", weights, views)
        else:
            one = (self.aggregate or ON_EMBEDDINGS[self.method])(views)
        return self.logits_probe(head(self.embedding_probe(one)))  # type: ignore[misc]

    def answer(
        self, embeddings: Float[Tensor, "batch view width"], scores: Float[Tensor, "batch view"] | None = None
    ) -> Float[Tensor, "batch classes"]:
        """Logits from the embeddings of all views, for any method: what ``forward`` gives without running the body.

        Args:
            embeddings: of every view.
            scores: of ``orientation``, for a method that canonicalises.

        Raises:
            ValueError: if the head or the scores are missing.
        """
        if self.canonicalises and scores is None:
            raise ValueError(f"scores must be given to answer from embeddings by {self.method!r}")
        if self.parts[1] is None:
            raise ValueError(f"a head must be given to answer from embeddings, {self.method!r} was wrapped without")
        return self.combine(self.parts[1](embeddings) if self.method in ON_LOGITS else embeddings, scores)

    def forward(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch classes"]:
        self.image_probe(images)
        if self.canonicalises:
            return self._of_upright(self.upright(images))
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
    width: int | None = None, channels: int | None = None,
) -> PostHoc:  # fmt: skip
    """Wrap a classifier so that acting on the image with a group element leaves its logits as they are.

    The wrapper takes images as the module takes them, and shares the module, which is left untouched: learned methods
    have weights of their own, in ``aggregate``. The gated search alone keeps no promise of invariance.

    Args:
        module: from square images [batch channel size size] to logits; any torch module.
        method: one of ``e2viz.models.methods.METHODS``; those of ``LEARNED`` there are to be trained.
        group: "c4", "c16", "d4", ...; turns that are no multiple of 90° follow the fair rotation (e2viz.nn.views).
        embed, head: image to embedding [batch features] and embedding to logits; by default the module's own
            ``embed`` and ``head``.
        width: features of an embedding, for learned methods whose head does not say it.
        channels: of the images, for canonicalisation of a network that does not say it.

    Raises:
        LookupError: for an unknown method or group.
        ValueError: if the method combines embeddings and embed or head is missing.
    """
    if embed is None and head is None and hasattr(module, "embed") and hasattr(module, "head"):
        embed, head = parts_of(module)
    return PostHoc(module, method, group, embed, head, width, channels)
