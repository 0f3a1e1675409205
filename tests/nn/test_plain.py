"""A module without probes is measured by what it gives: classes, a plane, or a plane with a group axis."""

import pytest
import torch
from torch import nn

import e2viz
from e2viz.groups import group
from e2viz.nn.plain import Plain, with_output_probe


class Averaged(nn.Module):
    """A convolution averaged over the symmetries of C4: turning the image turns the map; or, wrong, not quite."""

    def __init__(self, wrong=False, pooled=False):
        super().__init__()
        torch.manual_seed(0)
        self.kernel = nn.Parameter(torch.randn(2, 1, 3, 3))
        self.wrong, self.pooled = wrong, pooled

    def forward(self, images):
        c4 = group("c4")
        elements = c4.elements[:3] if self.wrong else c4.elements
        turned = [torch.nn.functional.conv2d(images, c4.act_on_plane(self.kernel, e), padding=1) for e in elements]
        maps = torch.stack(turned).tanh().sum(0)
        return maps.square().mean((-2, -1)) if self.pooled else maps


class Lifted(Averaged):
    """The same convolutions kept apart on a group axis."""

    def forward(self, images):
        c4 = group("c4")
        kernels = [c4.act_on_plane(self.kernel, e) for e in (reversed(c4.elements) if self.wrong else c4.elements)]
        return torch.stack([torch.nn.functional.conv2d(images, kernel, padding=1) for kernel in kernels], 2)


RIGHT = [Averaged(), Averaged(pooled=True), Lifted()]
WRONG = [Averaged(wrong=True), Averaged(wrong=True, pooled=True), Lifted(wrong=True)]


@pytest.mark.parametrize("module", RIGHT)
def test_a_right_module_passes_and_its_error_is_small(module):
    images = torch.rand(2, 1, 9, 9)
    assert set(e2viz.assert_equivariant(module, images, "c4")) == {"image", *with_output_names(module)}
    measured = e2viz.equivariance_error(module.eval(), images, group="c4")
    assert measured.table().shape == (2, 4)
    assert max(each.worst_exact for each in measured.probes.values()) < 1e-5


@pytest.mark.parametrize("module", WRONG)
def test_a_wrong_module_fails_by_name(module):
    images = torch.rand(2, 1, 9, 9)
    with pytest.raises(AssertionError, match=f"{type(module).__name__} must be equivariant under"):
        e2viz.assert_equivariant(module, images, "c4")
    (name,) = with_output_names(module)
    assert e2viz.equivariance_error(module.eval(), images, group="c4").probes[name].worst_exact > 0.01


def with_output_names(module):
    return ["logits"] if module.pooled else ["output"]


def test_a_module_with_probes_is_left_as_it_is():
    network = e2viz.load("cnn.rotmnist").network
    assert with_output_probe(network, torch.zeros(1, 1, 28, 28)) is network


def test_its_gradients_and_mode_are_those_of_the_module():
    module = Averaged(pooled=True).eval()
    plain = Plain(module)
    assert not plain.training and plain.train().wrapped.training
    plain(torch.rand(1, 1, 9, 9)).sum().backward()
    assert module.kernel.grad is not None


class Pair(nn.Module):
    def forward(self, images):
        return images, images


@pytest.mark.parametrize("module,found", [(nn.Flatten(0), r"gave \(81,\)"), (Pair(), "gave tuple")])
def test_an_output_that_says_nothing_about_symmetry_is_refused(module, found):
    with pytest.raises(ValueError, match=found):
        with_output_probe(module, torch.rand(1, 1, 9, 9))
