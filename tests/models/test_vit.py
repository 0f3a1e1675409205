"""The ViT's shorter way, without what nobody records, is the long way."""

import pytest
import torch

from e2viz import capture
from e2viz.models.vit import ViT, ViTConfig


@pytest.fixture
def vit() -> ViT:
    torch.manual_seed(0)
    return ViT(ViTConfig(image_size=12, width=16, mlp_width=16, heads=2, layers=2)).double().eval()


@pytest.mark.parametrize("name", ["layers.0.attention", "layers.1.attention", "layers.1"])
def test_a_recording_does_not_change_the_answer(vit, name):
    images = torch.randn(3, 1, 12, 12, dtype=torch.float64)
    with capture.record([name]) as record:
        recorded = vit(images)
    torch.testing.assert_close(vit(images), recorded, rtol=0.0, atol=1e-12)
    tokens = 1 + 3**2
    assert record[name].shape == ((3, 2, tokens, tokens) if name.endswith("attention") else (3, tokens, 16))


def test_gradients_of_the_shorter_way(vit):
    images = torch.randn(2, 1, 12, 12, dtype=torch.float64)
    vit(images).square().sum().backward()
    short = [parameter.grad.clone() for parameter in vit.parameters()]
    vit.zero_grad()
    with capture.record(["layers.0.attention", "layers.1"]):
        vit(images).square().sum().backward()
    for one, parameter in zip(short, vit.parameters(), strict=True):
        torch.testing.assert_close(one, parameter.grad, rtol=0.0, atol=1e-10)
