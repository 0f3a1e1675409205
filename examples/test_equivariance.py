"""Equivariance in a pytest of your own: a convolution that turns with its image, and the mistake that breaks it.

pytest examples/test_equivariance.py
"""

import pytest
import torch
from torch import Tensor, nn

import e2viz


class TurnedKernels(nn.Module):
    """One kernel in four orientations: the output has a group axis, [batch channel group height width].

    Turning the image by a quarter turns each plane and moves the planes one place round the group axis.
    """

    def __init__(self, same_kernel: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.kernel = nn.Parameter(torch.randn(4, 1, 3, 3))
        self.turns = [0, 0, 0, 0] if same_kernel else [0, 1, 2, 3]

    def forward(self, images: Tensor) -> Tensor:
        kernels = [self.kernel.rot90(turns, (-2, -1)) for turns in self.turns]
        return torch.stack([nn.functional.conv2d(images, kernel, padding=1) for kernel in kernels], dim=2)


class Classifier(nn.Module):
    """The same with a pooling over positions and orientations: logits that a quarter turn leaves as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = TurnedKernels()

    def forward(self, images: Tensor) -> Tensor:
        return self.maps(images).relu().square().mean(dim=(2, 3, 4))


IMAGES = torch.rand(2, 1, 12, 12, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("network", [TurnedKernels(), Classifier()])
def test_quarter_turns_move_the_output_as_they_move_the_image(network):
    e2viz.assert_equivariant(network, IMAGES, "c4")


def test_a_kernel_that_does_not_turn_is_found_out():
    with pytest.raises(AssertionError, match="must be equivariant under c4"):
        e2viz.assert_equivariant(TurnedKernels(same_kernel=True), IMAGES, "c4")
