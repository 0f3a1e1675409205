"""ResNet-50's shape, and the 96×96 colour path wrapped after the fact: exactly invariant with random weights."""

import pytest
import torch

from e2viz.models import build
from e2viz.models.methods import METHODS, NOT_INVARIANT
from e2viz.nn.probe import probes

SMALL = {"width": 4, "stages": (1, 1)}


def images(size=96, batch=2):
    return torch.randn(batch, 3, size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def randomised(net):
    for tensor in net.state_dict().values():
        if tensor.is_floating_point() and tensor.ndim == 1:
            tensor.uniform_(0.2, 1.0)
    return net.double().eval()


def test_the_published_size():
    """25,557,032 numbers in the published network with its 1000 classes."""
    net = build("resnet", {"classes": 1000})
    assert sum(p.numel() for p in net.parameters()) == 25_557_032
    assert len(net.blocks) == 16 and net.config.embedding == 2048


def test_shapes_and_probes():
    net = randomised(build("resnet", SMALL))
    assert net(images()).shape == (2, 2) and net.embed(images()).shape == (2, 32)
    assert list(probes(net)) == ["image", "blocks.0", "blocks.1", "embedding", "logits"]


@torch.no_grad()
@pytest.mark.parametrize("group", ["c4", "d4"])
@pytest.mark.parametrize("method", [method for method in METHODS if method not in NOT_INVARIANT])
def test_wrapped_it_is_invariant_and_unwrapped_it_is_not(method, group):
    torch.manual_seed(0)
    config = {"method": method, "group": group, "architecture": "resnet", "config": SMALL}
    net = randomised(build("post_hoc", config))
    upright = net(images())
    for element in net.group.elements:
        moved = net.group.act_on_plane(images(), element)
        torch.testing.assert_close(net(moved), upright, rtol=1e-9, atol=1e-9)
    assert not torch.allclose(net.wrapped(moved), net.wrapped(images()), rtol=1e-3)
    assert (net.config.image_size, net.config.channels, net.config.classes) == (96, 3, 2)


@torch.no_grad()
@pytest.mark.slow
def test_the_whole_resnet_50_wrapped():
    net = build("post_hoc", {"method": "mean", "group": "d4", "architecture": "resnet"}).eval()
    moved = net.group.act_on_plane(images(batch=1).float(), 5)
    torch.testing.assert_close(net(moved), net(images(batch=1).float()), rtol=1e-4, atol=1e-5)


def test_bad_configuration():
    with pytest.raises(ValueError, match="at least one bottleneck"):
        build("resnet", {"stages": (2, 0)})
