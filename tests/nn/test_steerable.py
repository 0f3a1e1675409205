"""Steerable filters: the same function at every angle, exactly on the grid at quarter turns; C8 and C16 work."""

import numpy as np
import pytest
import torch

from e2viz.groups import group
from e2viz.measure.assertion import assert_equivariant
from e2viz.models import build
from e2viz.nn.group_convolution import GroupConvolution, LiftingConvolution
from e2viz.nn.steerable import harmonics, steerable_basis

SIZE = 21


def random(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def distance(found, expected):
    return float(((found - expected).norm() / expected.norm()).detach())


def blobs(matrix):
    """A smooth picture, and as a group element's matrix moves it: evaluated there, so that nothing is resampled."""
    half = SIZE // 2
    right, up = np.meshgrid(np.arange(-half, half + 1.0), np.arange(half, -half - 1.0, -1.0))
    x, y = np.einsum("ab,bhw->ahw", np.linalg.inv(matrix), np.stack([right, up]))
    picture = np.exp(-((x - 2) ** 2 + (y + 1) ** 2) / 8) - 0.7 * np.exp(-((x + 3) ** 2 + (y - 2) ** 2) / 5)
    return torch.from_numpy(picture)[None, None]


def centre(maps):
    """Of each channel and element, the value at the middle pixel, which every element leaves where it is."""
    return maps[..., SIZE // 2, SIZE // 2]


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
@pytest.mark.parametrize("name", ["c4", "d4", "c8", "d8"])
def test_the_basis_moves_as_arrays_do_where_the_grid_allows_it(name, kernel):
    acting = group(name)
    basis = steerable_basis(acting, kernel).unflatten(-1, (kernel, kernel))
    for element in filter(acting.is_exact, acting.elements):
        torch.testing.assert_close(basis[element], acting.act_on_plane(basis[0], element), atol=1e-6, rtol=0)
    assert torch.linalg.matrix_rank(basis[0].flatten(1)) == len(basis[0])


def test_a_harmonic_turned_by_45_degrees_is_the_same_wave_further_on():
    turn = np.pi / 4
    x, y = np.random.default_rng(0).normal(size=(2, 50))
    moved = harmonics(np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x, 3)
    still = harmonics(x, y, 3)
    np.testing.assert_allclose(moved[1], still[1], atol=1e-12)  # the ring of radius 1, no waves
    for first, frequency in ((2, 1), (4, 2)):
        wave = (still[first] + 1j * still[first + 1]) * np.exp(-1j * frequency * turn)
        np.testing.assert_allclose(moved[first] + 1j * moved[first + 1], wave, atol=1e-12)


@pytest.mark.parametrize("name", ["c4", "d4", "c8", "d8"])
def test_both_layers_are_equivariant_at_quarter_turns(name):
    torch.manual_seed(0)
    acting = group(name)
    lifting = LiftingConvolution(acting, 2, 3, 5, padding=2, steerable=True).double()
    convolution = GroupConvolution(acting, 3, 2, 3, padding=1, steerable=True).double()
    images = random(2, 2, 8, 8)
    for element in filter(acting.is_exact, acting.elements):
        maps, moved = lifting(images), lifting(acting.act_on_plane(images, element))
        assert distance(moved, acting.act_on_feature_map(maps, element)) < 1e-6
        expected = acting.act_on_feature_map(convolution(maps), element)
        assert distance(convolution(acting.act_on_feature_map(maps, element)), expected) < 1e-6


@pytest.mark.parametrize("name", ["c8", "d8"])
def test_a_smooth_picture_turned_by_45_degrees_permutes_the_group_axis(name):
    torch.manual_seed(0)
    acting = group(name)
    lifting = LiftingConvolution(acting, 1, 4, 7, padding=3, steerable=True).double()
    convolution = GroupConvolution(acting, 4, 4, 5, padding=2, steerable=True).double()
    still = centre(convolution(lifting(blobs(acting.matrix(0)))))
    for element in acting.elements:
        found = centre(convolution(lifting(blobs(acting.matrix(element)))))
        expected = acting.act_on_group_axis(still, element, -1)
        assert distance(found, expected) < 0.02
        wrong = acting.act_on_group_axis(still, acting.compose(element, 1), -1)
        assert distance(found, wrong) > 0.3


def test_a_group_axis_that_stands_still_is_caught():
    torch.manual_seed(0)
    acting = group("c8")
    convolution = GroupConvolution(acting, 2, 2, 3, padding=1, steerable=True).double()
    convolution.index = torch.arange(8).expand(8, 8)
    maps = random(2, 2, 8, 8, 8)
    expected = acting.act_on_feature_map(convolution(maps), 2)
    assert distance(convolution(acting.act_on_feature_map(maps, 2)), expected) > 0.1


TRANSFORMER = {"width": 4, "heads": 2, "depth": 6, "window": 3, "stages": ((0,),), "width_factors": (1,)}
CONFIG = {"image_size": 16, "stages": ((2, 0), (4, 1), (4, 1)), "sides": (7, 5), "steerable": True}


@pytest.mark.parametrize("architecture", ["gcnn", "hybrid"])
@pytest.mark.parametrize("name", ["c8", "d4"])
def test_networks_are_equivariant_at_every_probe(architecture, name):
    torch.manual_seed(0)
    transformer = {"transformer": TRANSFORMER} if architecture == "hybrid" else {}
    network = build(architecture, {**CONFIG, "group": name, **transformer}).eval()
    images = torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    worst = assert_equivariant(network, images, name)
    assert {"layers.1" if architecture == "gcnn" else "convolutions.1", "orientation", "logits"} <= set(worst)


def test_even_sides_and_filters_without_stages_are_refused_with_the_rule():
    with pytest.raises(ValueError, match="odd side, so that it has a centre, got 4"):
        LiftingConvolution(group("c8"), 1, 1, 4, steerable=True)
    with pytest.raises(ValueError, match="two odd numbers"):
        build("gcnn", {**CONFIG, "sides": (7, 4)})
    with pytest.raises(ValueError, match="steerable filters need stages"):
        build("gcnn", {"group": "c8", "steerable": True})
    with pytest.raises(ValueError, match="sides and steerable filters need stages"):
        build("hybrid", {"sides": (7, 5)})
