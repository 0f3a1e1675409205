"""Any torch module as one that measurements can look at: with a probe on what goes in and one on what comes out."""

from __future__ import annotations

import hashlib

import torch
from jaxtyping import Float
from torch import Tensor, nn

from e2viz.nn.probe import Probe, name_probes, probes

# Axes of an output -> how a symmetry acts on it.
KIND_OF_AXES = {2: "logits", 4: "plane_map", 5: "feature_map"}


class Plain(nn.Module):
    """A module without probes, run as it is, with the probes "image" and "logits" (or "output") around it.

    The module is shared and left untouched. What is inside of it stays unseen: a module that has probes of its own
    needs no ``Plain``.

    Args:
        wrapped: any module of one input and one output.
        kind: of the output, as ``Probe`` takes it.

    Attributes:
        config: that of the module, if it has one.
    """

    def __init__(self, wrapped: nn.Module, kind: str = "logits") -> None:
        super().__init__()
        self.image_probe = Probe("image")
        self.wrapped = wrapped
        if kind == "logits":
            self.logits_probe = Probe(kind)
        else:
            self.output_probe = Probe(kind)
        self.training = wrapped.training
        if hasattr(wrapped, "config"):
            self.config = wrapped.config
        name_probes(self)

    def forward(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch *shape"]:
        probe = self.logits_probe if hasattr(self, "logits_probe") else self.output_probe
        return probe(self.wrapped(self.image_probe(images)))


def with_output_probe(network: nn.Module, images: Float[Tensor, "batch channel height width"]) -> nn.Module:
    """The network itself if it has probes, else a ``Plain`` one around it; one image is run to see what it gives.

    An output [batch class] should be invariant; [batch channel height width] should turn with the image;
    [batch channel group height width] should turn and permute its group axis.

    Raises:
        ValueError: for an output with other axes.
    """
    if probes(network):
        return network
    with torch.no_grad():
        output = network(images[:1])
    axes = output.ndim if isinstance(output, Tensor) else 0
    if axes not in KIND_OF_AXES:
        found = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ValueError(
            "a module without probes must give [batch class], [batch channel height width] or "
            f"[batch channel group height width], {type(network).__name__} gave {found}"
        )
    return Plain(network, KIND_OF_AXES[axes])


def state_checksum(network: nn.Module) -> str:
    """SHA-256 of a network's state, hexadecimal, for modules that have no weights file."""
    digest = hashlib.sha256(type(network).__qualname__.encode())
    for name, tensor in network.state_dict().items():
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
