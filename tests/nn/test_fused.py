"""Encodings and the first norm in one call of the kernel equal their modules."""

import pytest
import torch

from e2viz.groups import group
from e2viz.nn import fused, native
from e2viz.nn.pointwise import WholeNorm
from e2viz.nn.positional import PlaneEncoding

needs_kernel = pytest.mark.skipif(not native.available(), reason=native.why_not() or "built")


@needs_kernel
@pytest.mark.parametrize("name", ["c1", "c4", "c8", "d4"])
@pytest.mark.parametrize("window", [1, 3, 5, 9])
def test_plane_encoding_equals_its_networks(name, window):
    torch.manual_seed(0)
    encoding = PlaneEncoding(group(name), window, 3, 4)
    with torch.no_grad():
        for parameter in encoding.parameters():
            parameter.add_(torch.randn_like(parameter))
        expected = encoding.double()().detach()
        encoding.float()
        measured = fused.plane_encoding(encoding.row_offsets, encoding.column_offsets, encoding.row, encoding.column)
        assert measured is not None and torch.equal(encoding(), measured)
    torch.testing.assert_close(measured.double(), expected, rtol=1e-5, atol=1e-5)


@needs_kernel
def test_plane_encoding_with_gradients_is_left_to_its_networks():
    encoding = PlaneEncoding(group("c4"), 5, 3, 3)
    assert fused.plane_encoding(encoding.row_offsets, encoding.column_offsets, encoding.row, encoding.column) is None
    assert encoding().requires_grad


@needs_kernel
@pytest.mark.parametrize("shape", [(1, 3, 4, 28, 28), (3, 5, 2, 3, 5), (2, 1, 7)])
def test_swish_norm_and_gradients_equal_its_modules(shape):
    torch.manual_seed(0)
    norm, maps = WholeNorm(shape[1]), 3 * torch.randn(shape) - 5
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    upstream = torch.randn(shape)
    with torch.no_grad():
        without = fused.swish_norm(maps, norm)
    leaves = [maps.requires_grad_(), *norm.parameters()]
    measured = fused.swish_norm(maps, norm)
    gradients = torch.autograd.grad(measured, leaves, upstream)
    assert torch.equal(without, measured)
    exact = norm.double()
    leaves = [maps.detach().double().requires_grad_(), *exact.parameters()]
    expected = torch.nn.functional.silu(exact(leaves[0]))
    torch.testing.assert_close(measured.double(), expected, rtol=1e-5, atol=1e-5)
    for found, right in zip(gradients, torch.autograd.grad(expected, leaves, upstream.double()), strict=True):
        assert (found - right).abs().max() < 2e-6 * right.abs().max()


@needs_kernel
@pytest.mark.parametrize("shape", [(2, 3, 4, 28, 28), (1, 2, 5, 7), (3, 2, 2), (2, 66, 36)])
def test_max_pool_and_gradient_equal_torch(shape):
    torch.manual_seed(0)
    maps = torch.randint(0, 4, shape).float()  # with many that are equal
    maps.view(-1)[3] = torch.nan
    maps.requires_grad_()
    measured = fused.max_pool(maps)
    expected = torch.nn.functional.max_pool2d(maps.flatten(0, -3)[None], 2)[0]
    torch.testing.assert_close(measured.flatten(0, -3), expected, rtol=0, atol=0, equal_nan=True)
    upstream = torch.randn(measured.shape)
    (found,) = torch.autograd.grad(measured, [maps], upstream)
    (right,) = torch.autograd.grad(expected, [maps], upstream.flatten(0, -3))
    assert torch.equal(found, right)


def test_swish_norm_with_hooks_is_left_to_its_modules():
    norm, maps = WholeNorm(3), torch.randn(1, 3, 4)
    norm.register_forward_hook(lambda *_: None)
    assert fused.swish_norm(maps, norm) is None
    with torch.no_grad():
        assert fused.swish_norm(maps, norm) is None


def test_other_numbers_than_the_kernels_are_left_to_modules():
    maps = torch.randn(1, 3, 4, 4, dtype=torch.float64)
    assert fused.max_pool(maps) is None and fused.swish_norm(maps, WholeNorm(3).double()) is None
