"""Z2CNN and P4CNN: shapes, probes, equivariance, and the plain network's lack of it."""

import pytest
import torch

from e2viz.groups import group
from e2viz.measure.assertion import assert_equivariant
from e2viz.models import build
from e2viz.nn.probe import probes

SMALL = {"image_size": 16, "width": 4, "layers": (1, 1)}


def network(architecture, **changes):
    """A network whose norms matter: running means and scales as after training."""
    torch.manual_seed(0)
    net = build(architecture, {**SMALL, **changes}).eval()
    for tensor in net.state_dict().values():
        if tensor.is_floating_point() and tensor.ndim == 1:
            tensor.uniform_(0.2, 1.0)
    return net


def images(size=16):
    return torch.randn(2, 1, size, size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", ["c4", "d4"])
def test_gcnn_is_equivariant_at_every_probe(name):
    worst = assert_equivariant(network("gcnn", group=name), images(), name)
    assert {"layers.0", "layers.1", "orientation", "logits"} <= set(worst)


def test_cnn_is_not():
    with pytest.raises(AssertionError, match="must be equivariant"):
        assert_equivariant(network("cnn"), images(), "c4", probes=["logits"])


def test_a_network_that_sums_where_it_should_permute_is_caught():
    net = network("gcnn")
    acting = group("c4")
    positions = torch.arange(4 * 9).view(4, 3, 3)
    net.layers[1].convolution.index = torch.stack(
        [acting.act_on_plane(positions, h).flatten() for h in acting.elements]
    )
    with pytest.raises(AssertionError, match="must be equivariant"):
        assert_equivariant(net, images(), "c4")


@pytest.mark.parametrize("architecture,parameters", [("cnn", 21_750), ("gcnn", 24_680)])
def test_the_published_sizes(architecture, parameters):
    net = build(architecture, {}).eval()
    assert net(images(28)).shape == (2, 10)
    assert net.embed(images(28)).shape == (2, net.config.width)
    assert sum(p.numel() for p in net.parameters()) == parameters
    assert list(probes(net))[:2] == ["image", "layers.0"]


def test_planes_that_do_not_halve_are_refused():
    with pytest.raises(ValueError, match="even size, got 25"):
        build("cnn", {"image_size": 29})
    with pytest.raises(ValueError, match="leave a plane"):
        build("gcnn", {"image_size": 8})
