"""Residual networks for colour: equivariant to the last bit of float64 where they should be, and sizes that halve."""

import pytest
import torch

from e2viz.measure.assertion import assert_equivariant
from e2viz.models import build
from e2viz.nn.group_convolution import GroupConvolution
from e2viz.nn.probe import probes
from e2viz.nn.residual import residual_blocks

STAGES = {"image_size": 16, "channels": 3, "stages": ((2, 1), (4, 0), (4, 1))}
TRANSFORMER = {"width": 4, "heads": 2, "depth": 6, "window": 3, "stages": ((0,), (0,)), "width_factors": (1, 1)}


def network(architecture, **changes):
    """A network whose norms matter: running means and scales as after training."""
    torch.manual_seed(0)
    net = build(architecture, {**STAGES, **changes}).eval()
    for tensor in net.state_dict().values():
        if tensor.is_floating_point() and tensor.ndim == 1:
            tensor.uniform_(0.2, 1.0)
    return net


def images():
    return torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", ["c4", "d4"])
def test_gcnn_is_equivariant_at_every_probe(name):
    worst = assert_equivariant(network("gcnn", group=name), images(), name)
    assert {"layers.0", "layers.1", "layers.2", "layers.3", "orientation", "logits"} <= set(worst)


@pytest.mark.parametrize("name", ["c4", "d4"])
def test_hybrid_is_equivariant_at_every_probe(name):
    worst = assert_equivariant(network("hybrid", group=name, transformer=TRANSFORMER), images(), name)
    assert {"convolutions.1", "artificial_image", "blocks.0", "orientation", "logits"} <= set(worst)


def test_cnn_is_not():
    with pytest.raises(AssertionError, match="must be equivariant"):
        assert_equivariant(network("cnn"), images(), "c4", probes=["logits"])


def test_padding_on_one_side_alone_is_caught():
    class OneSided(torch.nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner
            inner.padding = 0

        def forward(self, maps):
            return self.inner(torch.nn.functional.pad(maps, (0, 2, 0, 2)))

    net = network("gcnn")
    net.layers[1].first = OneSided(net.layers[1].first)
    with pytest.raises(AssertionError, match="must be equivariant"):
        assert_equivariant(net, images(), "c4")


def test_the_head_of_a_residual_cnn_makes_the_logits_of_its_embedding():
    net = network("cnn")
    torch.testing.assert_close(net.head(net.embed(images())), net(images()))
    assert net(images()).shape == (2, 10) and list(probes(net))[:2] == ["image", "layers.0"]


@pytest.mark.parametrize("architecture", ["cnn", "gcnn", "hybrid"])
def test_planes_that_do_not_halve_are_refused(architecture):
    with pytest.raises(ValueError, match="even size, got 9"):
        build(architecture, {**STAGES, "image_size": 18})
    with pytest.raises(ValueError, match="channels"):
        build(architecture, {**STAGES, "stages": ((0, 1),)})


def test_a_group_convolution_with_padding_keeps_the_plane_and_none_keeps_its_old_weights():
    from e2viz.groups import group

    padded = GroupConvolution(group("c4"), 2, 3, 3, padding=1, bias=False)
    assert padded(torch.randn(1, 2, 4, 6, 6)).shape == (1, 3, 4, 6, 6)
    assert set(padded.state_dict()) == {"weight"}


def test_blocks_are_as_many_as_the_stages_say():
    blocks = residual_blocks(
        lambda i, o, k: torch.nn.Conv2d(i, o, k, padding=k // 2),
        torch.nn.BatchNorm2d,
        ((2, 1), (3, 0), (4, 2)),
        "plane_map",
    )
    assert [type(block).__name__ for block in blocks] == ["ResidualBlock", "Halving", "ResidualBlock", "ResidualBlock"]
