"""The fast turning for training against the fair rotation it stands in for."""

import dataclasses
import time

import pytest
import torch
from torch.nn.functional import avg_pool2d

from e2viz.images.augment import Moves, smooth_field, turned_batch
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


@pytest.mark.parametrize("size", [32, 64])
def test_colour_on_a_background_is_close_to_the_fair_rotation(size):
    generator = torch.Generator().manual_seed(3)
    coarse = torch.rand(4, 3, 8, 8, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=size, mode="bicubic").clamp(0, 1)
    images = (smooth * 255).round().to(torch.uint8)
    background, angles_deg = (0.2, 0.5, 0.8), torch.tensor([0.0, 33.0, 90.0, 217.0], dtype=torch.float64)
    quick = turned_batch(images, angles_deg, background)
    fair = rotate(images.float() / 255, angles_deg, background=torch.tensor(background))
    assert (quick - fair).pow(2).mean().sqrt() < 0.004
    torch.testing.assert_close(quick[:, :, 0, 0], torch.tensor(background).expand(4, 3), rtol=0, atol=1e-6)


def test_moves_happen_inside_the_disc_to_the_picture_alone():
    generator = torch.Generator().manual_seed(4)
    images = torch.randint(0, 256, (2, 3, 32, 32), generator=generator, dtype=torch.uint8)
    still = Moves(
        sign=torch.ones(2), shift=torch.zeros(2, 2), zoom=torch.ones(2), gain=torch.ones(2, 3), offset=torch.zeros(2, 3)
    )
    angles_deg = torch.tensor([0.0, 0.0])
    background = (0.2, 0.5, 0.8)
    plain = turned_batch(images, angles_deg, background)
    torch.testing.assert_close(turned_batch(images, angles_deg, background, still), plain)
    mirrored = dataclasses.replace(still, sign=torch.tensor([-1.0, 1.0]))
    found = turned_batch(images, angles_deg, background, mirrored)
    torch.testing.assert_close(found[0], plain[0].flip(-1), rtol=0, atol=1e-5)
    torch.testing.assert_close(found[1], plain[1])
    shifted = dataclasses.replace(still, shift=torch.tensor([[2 * 3 / 32, 0.0], [0.0, 2 * 3 / 32]]))
    found = turned_batch(images, angles_deg, background, shifted)
    centre = slice(12, 20)
    torch.testing.assert_close(found[0, :, centre, 15:20], plain[0, :, centre, 12:17], rtol=0, atol=1e-5)
    torch.testing.assert_close(found[1, :, 15:20, centre], plain[1, :, 12:17, centre], rtol=0, atol=1e-5)


def test_a_picture_shears_by_a_stretch_and_a_squeeze_about_its_centre():
    still = Moves(
        sign=torch.ones(100), shift=torch.zeros(100, 2), zoom=torch.ones(100), gain=torch.ones(100, 1),
        offset=torch.zeros(100, 1),
    )  # fmt: skip
    right = torch.zeros(100, 28, 28, dtype=torch.uint8)
    right[:, 13:15, 18:20] = 255  # five pixels right of the centre, which is between 13 and 14

    def place(blob: torch.Tensor, along: float, across: float) -> list[float]:
        moves = dataclasses.replace(still, shear=torch.tensor([along, across]).expand(100, 2))
        found = turned_batch(blob, torch.zeros(100), moves=moves)[0, 0]
        pixels = torch.arange(28.0) - 13.5
        return [float((found.sum(axis) * pixels).sum() / found.sum()) for axis in (0, 1)]

    assert place(right, 0.0, 0.0) == pytest.approx([5.0, 0.0], abs=0.05)
    assert place(right, 0.25, 0.0) == pytest.approx([4.0, 0.0], abs=0.05), "fetched from 5/4 as far"
    assert place(right.mT, 0.25, 0.0) == pytest.approx([0.0, 5 / 0.75], abs=0.08), "and below from 3/4"
    # Fetched by [[1, b], [b, 1]]; a point goes by the inverse, [[1, -b], [-b, 1]] / (1 - b²).
    assert place(right, 0.0, 0.2) == pytest.approx([5.0 / 0.96, -1.0 / 0.96], abs=0.08)


def test_a_field_of_displacements_is_smooth_its_own_for_each_picture_and_the_generators():
    field = smooth_field(200, 28, 5, torch.Generator().manual_seed(5))
    assert field.shape == (200, 28, 28, 2)
    knots = field[:, ::27, ::27]  # the corners
    assert 0.9 < knots.std() < 1.1 and abs(knots.mean()) < 0.1
    assert (field[:, 1:] - field[:, :-1]).abs().max() < 1.5, "a knot is seven pixels from the next"
    assert (field[:, 1:] - field[:, :-1]).std() < 0.3 * field.std()
    assert (field[0] - field[1]).abs().max() > 1 and (field[..., 0] - field[..., 1]).abs().max() > 1
    torch.testing.assert_close(field, smooth_field(200, 28, 5, torch.Generator().manual_seed(5)), rtol=0, atol=0)


def test_a_picture_bends_by_the_field_in_pixels_also_in_grey(digits):
    still = Moves(
        sign=torch.ones(100), shift=torch.zeros(100, 2), zoom=torch.ones(100), gain=torch.ones(100, 1),
        offset=torch.zeros(100, 1), bend=torch.zeros(100, 28, 28, 2),
    )  # fmt: skip
    angles_deg = torch.zeros(100)
    plain = turned_batch(digits, angles_deg)
    torch.testing.assert_close(turned_batch(digits, angles_deg, moves=still), plain, rtol=0, atol=1e-5)
    rows = torch.zeros(100, 28, 28, 2)
    rows[:, 14:, :, 0] = 2 * 3 / 28  # the lower half is fetched three pixels further right
    found = turned_batch(digits, angles_deg, moves=dataclasses.replace(still, bend=rows))
    torch.testing.assert_close(found[:, :, :14], plain[:, :, :14], rtol=0, atol=1e-5)
    torch.testing.assert_close(found[:, :, 14:20, 8:18], plain[:, :, 14:20, 11:21], rtol=0, atol=1e-5)
