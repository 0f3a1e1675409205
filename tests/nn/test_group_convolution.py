"""Group convolution: exact in float64, not trivially so, and a wrong filter bank is caught."""

import pytest
import torch

from e2viz.groups import group
from e2viz.nn.group_convolution import GroupConvolution, LiftingConvolution

GROUPS = ["c1", "c2", "c4", "d1", "d4"]


def random(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def distance(found, expected):
    return float(((found - expected).norm() / expected.norm()).detach())


def lifting_error(layer, element):
    acting, images = layer.group, random(2, 2, 8, 8)
    expected = acting.act_on_feature_map(layer(images), element)
    return distance(layer(acting.act_on_plane(images, element)), expected)


def group_error(layer, element):
    acting, maps = layer.group, random(2, 2, layer.group.order, 8, 8)
    expected = acting.act_on_feature_map(layer(maps), element)
    return distance(layer(acting.act_on_feature_map(maps, element)), expected)


@pytest.mark.parametrize("kernel", [3, 4])
@pytest.mark.parametrize("name", GROUPS)
def test_both_are_equivariant(name, kernel):
    torch.manual_seed(0)
    acting = group(name)
    lifting = LiftingConvolution(acting, 2, 3, kernel).double()
    convolution = GroupConvolution(acting, 2, 3, kernel).double()
    for element in acting.elements:
        assert lifting_error(lifting, element) < 1e-12
        assert group_error(convolution, element) < 1e-12


def test_the_output_depends_on_the_group_axis():
    torch.manual_seed(0)
    layer, maps = GroupConvolution(group("c4"), 2, 3, 3).double(), random(2, 2, 4, 8, 8)
    out = layer(maps)
    assert distance(out.mean(2, keepdim=True).expand_as(out), out) > 0.1
    shuffled = maps[:, :, [1, 0, 2, 3]]
    assert distance(layer(shuffled), out) > 0.1


@pytest.mark.parametrize("name", ["c4", "d4"])
def test_a_filter_whose_group_axis_stands_still_is_caught(name):
    torch.manual_seed(0)
    acting = group(name)
    layer = GroupConvolution(acting, 2, 3, 3).double()
    positions = torch.arange(acting.order * 9).view(acting.order, 3, 3)
    layer.index = torch.stack([acting.act_on_plane(positions, h).flatten() for h in acting.elements])
    assert max(group_error(layer, element) for element in acting.elements) > 0.1


def test_a_mirror_is_no_symmetry_of_c4():
    torch.manual_seed(0)
    layer, images = LiftingConvolution(group("c4"), 2, 3, 3).double(), random(2, 2, 8, 8)
    plain, mirrored = layer(images), layer(images.flip(-1)).flip(-1)
    assert distance(mirrored.amax(2), plain.amax(2)) > 0.1


def test_c8_is_refused_with_the_rule():
    with pytest.raises(ValueError, match="multiples of 90 degrees, got c8"):
        GroupConvolution(group("c8"), 2, 3, 3)
    with pytest.raises(ValueError, match="multiples of 90 degrees, got c8"):
        LiftingConvolution(group("c8"), 2, 3, 3)
