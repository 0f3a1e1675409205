"""Open a trained model: strictly, with its checksum verified, ready for images in [0, 1]."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import safetensors.torch
import torch
from jaxtyping import Float
from torch import Tensor, nn

from e2viz.models import build
from e2viz.nn.probe import probes
from e2viz.zoo.card import Card
from e2viz.zoo.golden import golden_images


class WeightsError(Exception):
    """A weights file or its card cannot be used; the message says why and what to do."""


@dataclass(frozen=True, eq=False)
class Model:
    """A network with its card, in eval mode.

    Args:
        card: what the weights are and how images must be given to them.
        network: takes normalised images in the card's orientation.
    """

    card: Card
    network: nn.Module = field(repr=False)

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def checksum(self) -> str:
        """SHA-256 of the weights, hexadecimal: what a stored result is tied to."""
        return self.card.weights_checksum

    def probe_kinds(self) -> dict[str, str]:
        """The kind of every probe, by name, in the order of the forward pass."""
        return {name: probe.kind for name, probe in probes(self.network).items()}

    def prepare(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch channel height width"]:
        """Upright images in [0, 1] as the network wants them: oriented and normalised as the card says.

        Raises:
            ValueError: if channels or size are not the card's.
        """
        card = self.card
        expected = (card.channels, card.image_size, card.image_size)
        if tuple(images.shape[1:]) != expected:
            raise ValueError(f"images of {card.name} must be {expected} after the batch, got {tuple(images.shape[1:])}")
        images = images.to(next(self.network.parameters(), images))
        mean, std = (images.new_tensor(values)[:, None, None] for values in (card.mean, card.std))
        oriented = images.transpose(-1, -2) if card.orientation == "transposed" else images
        return (oriented - mean) / std

    @torch.no_grad()
    def logits(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch class"]:
        """Logits of upright images in [0, 1]."""
        return self.network(self.prepare(images))

    def golden_difference(self) -> float:
        """Largest distance of the logits of the golden images from those on the card; NaN if the card has none."""
        if not self.card.golden:
            return float("nan")
        logits = self.logits(golden_images(self.card.channels, self.card.image_size)).double()
        return float((logits - logits.new_tensor(self.card.golden)).abs().max())


def checksum(data: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def read_model(card_path: Path) -> Model:
    """The model of a card: <name>.json with <name>.safetensors beside it.

    Raises:
        WeightsError: if a file is missing or damaged, the checksum differs, or the tensors do not fit the
            architecture exactly.
    """
    try:
        card = Card.read(card_path)
        data = card_path.with_name(f"{card.name}.safetensors").read_bytes()
    except OSError as error:
        raise WeightsError(f"{error.filename} cannot be read: {error.strerror}. Check out weights/ again.") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise WeightsError(f"the card {card_path.name} cannot be read: {error}. Check out weights/ again.") from error
    if checksum(data) != card.weights_checksum:
        raise WeightsError(
            f"{card.name}.safetensors does not have the checksum on its card "
            f"({checksum(data)[:16]}, expected {card.weights_checksum[:16]}). Check out weights/ again."
        )
    try:
        network = build(card.architecture, card.config)
    except (LookupError, ValueError, TypeError, RuntimeError, ArithmeticError) as error:
        raise WeightsError(f"{card.name} cannot be built: {error}. Check out weights/ again.") from error
    try:
        network.load_state_dict(safetensors.torch.load(data), strict=True)
    except (RuntimeError, safetensors.SafetensorError) as error:
        raise WeightsError(f"the weights of {card.name} do not fit {card.architecture}: {error}") from error
    return Model(card, network.eval().requires_grad_(False))


def write_model(folder: Path, card: Card, network: nn.Module) -> Card:
    """Write <name>.safetensors and its card, with the checksum filled in; return that card."""
    state = {name: tensor.detach().contiguous() for name, tensor in network.state_dict().items()}
    data = safetensors.torch.save(state)
    card = Card.from_json(json.dumps({**json.loads(card.to_json()), "weights_checksum": checksum(data)}))
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, content in ((".safetensors", data), (".json", card.to_json().encode())):
        partial = folder / f"{card.name}{suffix}.partial"
        partial.write_bytes(content)
        os.replace(partial, folder / f"{card.name}{suffix}")
    return card
