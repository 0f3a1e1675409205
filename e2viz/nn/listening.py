"""Find what is inside any torch module while it runs: attention, tokens and feature maps, wherever they are computed.

No hook stays on the module, which may be shared: a function mode of torch sees every softmax, residual sum, activation
and convolution of this thread, in the order of the forward pass, and only while somebody records.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from e2viz import capture
from e2viz.nn.plain import Plain
from e2viz.nn.probe import Probe

SOFTMAXES = (torch.softmax, torch.nn.functional.softmax, Tensor.softmax, torch.special.softmax)
SUMS = (torch.add, Tensor.add, Tensor.add_, Tensor.__add__, Tensor.__iadd__)
ACTIVATIONS = (
    functional.relu, functional.relu_, torch.relu, torch.relu_, Tensor.relu, functional.relu6, functional.gelu,
    functional.silu, functional.hardswish, functional.elu, functional.leaky_relu, functional.mish,
)  # fmt: skip
CONVOLUTIONS = (functional.conv2d, torch.conv2d)
# What a tensor was made by -> the functions.
MADE_BY = {"residual": SUMS, "activation": ACTIVATIONS, "convolution": CONVOLUTIONS}
FEWEST_TOKENS = 4
MOST_SPECIAL = 8
MOST_OF_A_KIND = 48


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One tensor of a forward pass that can be shown.

    Args:
        name: by the path of the submodule that computes it.
        kind: "token_attention", "tokens" or "plane_map".
        place: among all that is heard in a pass.
    """

    name: str
    kind: str
    place: int


class Ear(TorchFunctionMode):
    """While it is open, hand on what may be shown of all that is computed.

    Args:
        hear: called in the order of the pass with each tensor and what made it: "attention" [batch head token token] or
            [batch·head token token], "residual" (a sum of two of one shape), "activation" or "convolution".
    """

    def __init__(self, hear: Callable[[Tensor, str], None]) -> None:
        super().__init__()
        self.hear = hear

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if func is functional.scaled_dot_product_attention:
            self._offer(attention_weights(*args, **kwargs))
            return func(*args, **kwargs)
        if func is functional.multi_head_attention_forward:
            return self._of_multi_head(func, args, kwargs)
        made = func(*args, **kwargs)
        if func in SOFTMAXES:
            self._offer(made)
            return made
        by = next((each for each, functions in MADE_BY.items() if func in functions), "")
        if by and isinstance(made, Tensor) and made.ndim in (3, 4) and (by != "residual" or _alike(*args[:2])):
            self.hear(made, by)
        return made

    def _of_multi_head(self, func: Any, args: tuple, kwargs: dict) -> tuple[Tensor, Tensor | None]:
        """The same result, asked for with the weights of every head."""
        wanted, mean = kwargs.get("need_weights", True), kwargs.get("average_attn_weights", True)
        mixed, weights = func(*args, **{**kwargs, "need_weights": True, "average_attn_weights": False})
        self._offer(weights)
        if not wanted:
            return mixed, None
        return mixed, weights.mean(-3) if mean else weights

    def _offer(self, made: Tensor) -> None:
        square = made.ndim in (3, 4) and made.shape[-1] == made.shape[-2] >= FEWEST_TOKENS
        if square and made.shape[-1] - math.isqrt(made.shape[-1]) ** 2 <= MOST_SPECIAL:
            self.hear(made, "attention")


def _alike(*parts: Any) -> bool:
    return len(parts) == 2 and all(isinstance(each, Tensor) for each in parts) and parts[0].shape == parts[1].shape


def attention_weights(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False,
) -> Tensor:  # fmt: skip
    """The probabilities that scaled_dot_product_attention mixes values by, from the same arguments."""
    if enable_gqa and key.shape[-3] != query.shape[-3]:
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], -3)
    scores = query @ key.transpose(-1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if is_causal:
        allowed = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        scores = scores.masked_fill(~allowed, -torch.inf)
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, -torch.inf) if attn_mask.dtype == torch.bool else scores + attn_mask
    return scores.softmax(-1)


class Listening(Plain):
    """A ``Plain`` module with a probe for all that was heard when it was first run.

    Args:
        wrapped: any classifier, in eval mode.
        images: two of them, to find out; they may be empty.
    """

    def __init__(self, wrapped: nn.Module, images: Float[Tensor, "batch channel height width"]) -> None:
        super().__init__(wrapped)
        self.inner = nn.ModuleList()
        self.places: dict[int, int] = {}
        for each in heard(wrapped, images):
            probe = Probe(each.kind)
            probe.name = each.name
            self.places[each.place] = len(self.inner)
            self.inner.append(probe)
        self._modules["logits_probe"] = self._modules.pop("logits_probe")

    def forward(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch *shape"]:
        recording = capture.active()
        if recording is None or not any(probe.name in recording.names for probe in self.inner):
            return super().forward(images)
        place = itertools.count()

        def hear(made: Tensor, by: str) -> None:
            number = self.places.get(next(place))
            if number is not None and self.inner[number].asked:
                # A later operation may work in place.
                self.inner[number](by_head(made, len(images)) if by == "attention" else made.clone())

        images = self.image_probe(images)
        with Ear(hear):
            logits = self.wrapped(images)
        return self.logits_probe(logits)


def by_head(made: Tensor, images: int) -> Float[Tensor, "batch head token token2"]:
    """Attention whose heads share the batch axis, divided."""
    return made if made.ndim == 4 else made.unflatten(0, (images, -1))


@torch.no_grad()
def heard(module: nn.Module, images: Float[Tensor, "batch channel height width"]) -> list[Heard]:
    """What can be shown of a module, in the order of the pass.

    Attention inside windows, whose batch is not that of the images, counts as none: it covers no picture.
    """
    events: list[tuple[str, str, tuple[int, ...]]] = []
    path: list[str] = [""]

    def hear(made: Tensor, by: str) -> None:
        events.append((by, path[-1] if by != "attention" else _outside(path), tuple(made.shape)))

    handles = []
    for where, each in module.named_modules():
        handles.append(each.register_forward_pre_hook(lambda *_, where=where: path.append(where)))
        handles.append(each.register_forward_hook(lambda *_: path.pop() and None))
    try:
        with Ear(hear):
            module(images)
    finally:
        for handle in handles:
            handle.remove()
    return _shown(events, len(images))


def _outside(path: list[str]) -> str:
    """The submodule that attends, around the softmax or the dropout that computes it."""
    inside = next((each for each in reversed(path) if not each.endswith(("softmax", "dropout", "drop"))), "")
    return inside.removesuffix(".attention")


def _shown(events: list[tuple[str, str, tuple[int, ...]]], images: int) -> list[Heard]:
    """Attention, tokens on the residual path, and planes: ends of blocks, or every activation where there are few."""
    attention = [k for k, (by, _, shape) in enumerate(events) if by == "attention"]
    shapes = [events[k][2] for k in attention]
    if any(shape[0] % images or (len(shape) == 4 and shape[0] != images) for shape in shapes):
        attention = []
    sides = {events[k][2][-1] for k in attention}
    tokens = [
        k for k, (by, _, shape) in enumerate(events)
        if by == "residual" and len(shape) == 3 and shape[0] == images and shape[2] > 1 and _is_grid(shape[1])
        and (not sides or shape[1] in sides)
    ]  # fmt: skip
    planes: dict[str, list[int]] = {}
    for k, (by, _, shape) in enumerate(events):
        square = len(shape) == 4 and shape[0] == images and shape[2] == shape[3] > 1
        if square and by != "attention" and shape[-1] not in sides:
            planes.setdefault(by, []).append(k)
    blocks = planes.get("residual", [])
    maps = blocks if len(blocks) >= 2 else planes.get("activation") or planes.get("convolution", [])
    kinds = [("attention", "token_attention", attention), ("tokens", "tokens", tokens), ("map", "plane_map", maps)]
    found, names = [], set[str]()
    for ending, kind, places in kinds:
        for place in _thinned(places):
            name = ".".join(filter(None, (events[place][1], ending)))
            name = name if name not in names else f"{name}.{place}"
            names.add(name)
            found.append(Heard(name=name, kind=kind, place=place))
    return sorted(found, key=lambda each: each.place)


def _is_grid(tokens: int) -> bool:
    return tokens >= FEWEST_TOKENS and tokens - math.isqrt(tokens) ** 2 <= MOST_SPECIAL


def _thinned(places: list[int]) -> list[int]:
    """At most so many of a kind, evenly over the depth."""
    many = len(places)
    if many <= MOST_OF_A_KIND:
        return places
    return [places[round(k * (many - 1) / (MOST_OF_A_KIND - 1))] for k in range(MOST_OF_A_KIND)]
