"""The way that training takes on a GPU against torch's own normalisation, in double precision on the processor."""

import pytest
import torch

from e2viz.nn.group_norm import GroupBatchNorm, _Normalised


@pytest.fixture
def maps():
    return torch.randn(3, 2, 4, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 2 + 1


def test_values_and_gradients_are_those_of_torch(maps):
    plain = torch.nn.BatchNorm3d(2).double()
    torch.nn.init.uniform_(plain.weight, 0.5, 2.0)
    torch.nn.init.uniform_(plain.bias, -1.0, 1.0)
    maps.requires_grad_(True)
    upstream = torch.randn(maps.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    expected = plain(maps)
    found, _, _ = _Normalised.apply(maps, plain.weight, plain.bias, plain.eps)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    inputs = (maps, plain.weight, plain.bias)
    by_torch = torch.autograd.grad((expected * upstream).sum(), inputs)
    by_us = torch.autograd.grad((found * upstream).sum(), inputs)
    for one, other in zip(by_us, by_torch, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


def test_running_statistics_are_those_of_torch(maps):
    plain, ours = torch.nn.BatchNorm3d(2).double(), GroupBatchNorm(2).double()
    plain(maps)
    _, mean, variance = _Normalised.apply(maps, ours.weight, ours.bias, ours.eps)
    ours._follow(mean, variance, maps.numel() // 2)
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], tensor, rtol=0, atol=1e-12)


def test_half_precision_is_summed_in_single(maps):
    half = maps.bfloat16().requires_grad_(True)
    ours = GroupBatchNorm(2)
    found, mean, _ = _Normalised.apply(half, ours.weight, ours.bias, ours.eps)
    found.sum().backward()
    assert found.dtype == half.grad.dtype == torch.bfloat16 and mean.dtype == torch.float32
    torch.testing.assert_close(mean, half.detach().float().mean((0, 2, 3, 4)))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_training_on_a_gpu_is_training_on_the_processor(maps):
    ours, plain = GroupBatchNorm(2).cuda(), torch.nn.BatchNorm3d(2)
    torch.testing.assert_close(ours(maps.float().cuda()).cpu(), plain(maps.float()), rtol=0, atol=1e-5)
    torch.testing.assert_close(ours.running_var.cpu(), plain.running_var)
