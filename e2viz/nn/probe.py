"""Named points of a forward pass. A probe passes its tensor on untouched; a recording may keep it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from jaxtyping import Int, Shaped
from torch import Tensor, nn

from e2viz import capture, interrupt

KINDS = (
    "image", "plane_map", "feature_map", "tokens", "vector", "group_vector", "logits", "attention", "token_attention",
)  # fmt: skip


class Probe(nn.Module):
    """Identity with a name and a kind, so that tools know how a symmetry acts on what it holds.

    Args:
        kind: "image" or "plane_map" [batch channel height width], "feature_map" [batch channel group height
            width], "tokens" [batch token channel], patches behind the class token and registers, "vector" [batch
            channel] (should be invariant), "group_vector" [batch channel group], "logits" [batch class], "attention"
            (group attention maps), "token_attention" [batch head token token].

    Raises:
        ValueError: if the kind is none of these.
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
        self.kind = kind
        self.name = ""

    @property
    def asked(self) -> bool:
        """Whether a recording wants what this probe holds: a layer may take a shorter way when none does."""
        recording = capture.active()
        return recording is not None and self.name in recording.names

    def forward(self, tensor: Shaped[Tensor, "..."]) -> Shaped[Tensor, "..."]:
        interrupt.point()
        recording = capture.active()
        if recording is not None and self.asked:
            recording[self.name] = tensor.detach()
        return tensor


class AttentionProbe(Probe):
    """Holds attention maps, which are computed only when a recording asks, for the pixels it asks for.

    Called with a function from pixels to maps rather than with the maps, since the full tensor of one block takes
    half a gigabyte for D4.
    """

    def __init__(self) -> None:
        super().__init__("attention")

    def forward(self, maps: Callable[[Int[Tensor, "pixel 2"] | None], Tensor]) -> None:  # type: ignore[override]
        recording = capture.active()
        if recording is not None and self.name in recording.names:
            recording[self.name] = maps(recording.pixels_of(self.name)).detach()


def _own_modules(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Modules by path, without those of a network that this one holds as ``wrapped``: its probes are its own."""
    for path, module in network.named_modules():
        if path != "wrapped" and not path.startswith("wrapped."):
            yield path, module


def name_probes(network: nn.Module) -> None:
    """Give each probe its dotted name: the path of its module without a last ``probe``.

    One at ``blocks.0.probe`` is called "blocks.0"; one at ``lifting.attention_probe`` "lifting.attention".
    """
    for path, module in _own_modules(network):
        if isinstance(module, Probe):
            module.name = path.removesuffix(".probe").removesuffix("_probe")


def probes(network: nn.Module) -> dict[str, Probe]:
    """All probes of a network by name, in the order of the forward pass."""
    return {module.name: module for _, module in _own_modules(network) if isinstance(module, Probe)}


def put_first(network: nn.Module, *names: str) -> None:
    """Move children to the front of a network's list of modules: probes are listed in that order."""
    children = dict(network.named_children())
    for name in (*names, *(each for each in children if each not in names)):
        network._modules[name] = network._modules.pop(name)
