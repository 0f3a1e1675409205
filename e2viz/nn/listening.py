"""Find the attention of any torch module while it runs: what a softmax over tokens gives, wherever it is computed.

No hook stays on the module, which may be shared: a function mode of torch sees every softmax and every
scaled_dot_product_attention of this thread, in the order of the forward pass, and only while somebody records.
"""

from __future__ import annotations

import math
from collections.abc import Callable
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
FEWEST_TOKENS = 4
MOST_SPECIAL = 8


class Ear(TorchFunctionMode):
    """While it is open, hand on every attention that is computed.

    Args:
        hear: called with each, [batch head token token] or [batch·head token token], in the order of the pass.
    """

    def __init__(self, hear: Callable[[Tensor], None]) -> None:
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
            self.hear(made)


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
    """A ``Plain`` module with a probe for each attention that was heard when it was first run.

    Args:
        wrapped: any classifier, in eval mode.
        images: two of them, to find out; they may be empty.
    """

    def __init__(self, wrapped: nn.Module, images: Float[Tensor, "batch channel height width"]) -> None:
        super().__init__(wrapped)
        self.inner = nn.ModuleList()
        for name in heard(wrapped, images):
            probe = Probe("token_attention")
            probe.name = name
            self.inner.append(probe)
        self._modules["logits_probe"] = self._modules.pop("logits_probe")

    def forward(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch *shape"]:
        recording = capture.active()
        if recording is None or not any(probe.name in recording.names for probe in self.inner):
            return super().forward(images)
        waiting = iter(self.inner)

        def hear(made: Tensor) -> None:
            probe = next(waiting, None)
            if probe is not None:
                probe(by_head(made, len(images)))

        images = self.image_probe(images)
        with Ear(hear):
            logits = self.wrapped(images)
        return self.logits_probe(logits)


def by_head(made: Tensor, images: int) -> Float[Tensor, "batch head token token2"]:
    """Attention whose heads share the batch axis, divided."""
    return made if made.ndim == 4 else made.unflatten(0, (images, -1))


@torch.no_grad()
def heard(module: nn.Module, images: Float[Tensor, "batch channel height width"]) -> list[str]:
    """A name for each attention of a module, by the path of the submodule that computes it.

    Attention inside windows, whose batch is not that of the images, counts as none: it covers no picture.
    """
    names: list[str] = []
    path: list[str] = [""]
    odd = False

    def hear(made: Tensor) -> None:
        nonlocal odd
        fits = len(made) == len(images) if made.ndim == 4 else len(made) % len(images) == 0
        odd = odd or not fits
        inside = next((each for each in reversed(path) if not each.endswith(("softmax", "dropout", "drop"))), "")
        name = ".".join(filter(None, (inside.removesuffix(".attention"), "attention")))
        names.append(name if name not in names else f"{name}.{len(names)}")

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
    return [] if odd else names
