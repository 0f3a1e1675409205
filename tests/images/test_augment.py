"""The fast turning for training against the fair rotation it stands in for."""

import time

import pytest
import torch
from torch.nn.functional import avg_pool2d

from e2viz.images.augment import turned_batch
from e2viz.images.rotate import rotate


@pytest.fixture(scope="module")
def digits() -> torch.Tensor:
    """Strokes of random shape with soft edges, in the middle 20×20 as MNIST's are."""
    noise = torch.rand(100, 28, 28, generator=torch.Generator().manual_seed(3))
    smooth = avg_pool2d(avg_pool2d(noise, 5, 1, 2), 3, 1, 1)
    ink = ((smooth - smooth.median()).abs() < 0.02).float()
    ink[:, :4], ink[:, -4:], ink[:, :, :4], ink[:, :, -4:] = 0, 0, 0, 0
    soft = avg_pool2d(ink, 3, 1, 1)
    return (soft * 255).round().to(torch.uint8)


@pytest.mark.parametrize("angle_deg", [0.0, 45.0, 90.0, None])
def test_it_is_close_to_the_fair_rotation(digits, angle_deg):
    angles = torch.rand(100, generator=torch.Generator().manual_seed(4)) * 360
    angles = angles if angle_deg is None else torch.full((100,), angle_deg)
    fast, fair = turned_batch(digits, angles), rotate(digits[:, None] / 255, angles)
    assert fast.shape == (100, 1, 28, 28) and fast.dtype == torch.float32
    assert (fast - fair).square().mean().sqrt() < 0.004
    assert (fast - fair).abs().max() < 0.1


def test_the_direction_matters(digits):
    angles = torch.full((100,), 30.0)
    assert (turned_batch(digits, -angles) - rotate(digits[:, None] / 255, angles)).abs().max() > 0.3


def test_it_is_fast_enough_for_training(digits):
    angles = torch.linspace(0, 359, 100)
    turned_batch(digits, angles)
    durations_s = []
    for _ in range(10):
        start_s = time.process_time()
        turned_batch(digits, angles)
        durations_s.append(time.process_time() - start_s)
    assert min(durations_s) < 0.05
