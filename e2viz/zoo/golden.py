"""A fixed input, made from a formula, whose logits are kept on each card."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn


def golden_images(channels: int, size: int) -> Float[Tensor, "2 channel height width"]:
    """Two smooth images in [0, 1] without any symmetry: off-centre waves inside a disc.

    No random number is drawn and nothing is read, so that the images are the same everywhere.
    """
    axis = torch.linspace(-1, 1, size, dtype=torch.float64)
    row, column = axis[:, None], axis[None, :]
    disc = torch.sigmoid(8 * (0.85 - torch.sqrt(row**2 + column**2)))
    first = torch.sin(math.pi * (1.7 * row - 0.6 * column) + 0.4) ** 2
    second = torch.sin(math.pi * (0.9 * column * row + 1.3 * column) - 0.7) ** 2
    planes = torch.stack([first, second]) * disc
    tints = torch.linspace(1.0, 0.6, channels, dtype=torch.float64)[:, None, None]
    return (planes[:, None] * tints).float()


@torch.no_grad()
def golden_logits(network: nn.Module, channels: int, size: int, mean: Tensor, std: Tensor) -> list[list[float]]:
    """Logits of the golden images, normalised, in the network's own dtype; rounded to six digits for the card."""
    images = golden_images(channels, size)
    weight = next(network.parameters())
    logits = network(((images - mean) / std).to(weight))
    return [[round(value, 6) for value in row] for row in logits.double().tolist()]
