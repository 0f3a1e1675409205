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
def test_swish_norm_equals_its_modules(shape):
    torch.manual_seed(0)
    norm, maps = WholeNorm(shape[1]), 3 * torch.randn(shape) - 5
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    with torch.no_grad():
        measured = fused.swish_norm(maps, norm)
        expected = torch.nn.functional.silu(norm.double()(maps.double()))
    torch.testing.assert_close(measured.double(), expected, rtol=1e-5, atol=1e-5)


def test_swish_norm_with_hooks_or_gradients_is_left_to_its_modules():
    norm, maps = WholeNorm(3), torch.randn(1, 3, 4)
    assert fused.swish_norm(maps, norm) is None
    norm.register_forward_hook(lambda *_: None)
    with torch.no_grad():
        assert fused.swish_norm(maps, norm) is None
