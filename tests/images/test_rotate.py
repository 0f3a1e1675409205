"""The fair rotation: exact where it can be, fair in between, and honestly different from the naive one."""

import numpy as np
import pytest
import torch
from PIL import Image

from e2viz.images.picture import Picture
from e2viz.images.resample import resampling_matrix, soft_disc
from e2viz.images.rotate import rotate, views

MNIST_MEAN = 0.1307
SHAPES = [(1, 28, 28), (3, 56, 28), (3, 96, 96), (1, 112, 28), (3, 112, 112), (1, 28, 112), (1, 27, 27)]


def random_images(channel: int, size: int, batch: int = 3) -> torch.Tensor:
    return torch.rand(batch, channel, size, size, generator=torch.Generator().manual_seed(size))


def digit_like(size: int = 28) -> torch.Tensor:
    """A smooth blob off the centre, with nothing near the border and no symmetry."""
    canvas = torch.zeros(1, 1, size, size)
    canvas[..., size // 4 : size // 2, size // 3 : size // 2] = 1.0
    canvas[..., size // 2 : 3 * size // 4, size // 3 : 2 * size // 5] = 0.7
    for _ in range(3):
        canvas = torch.nn.functional.avg_pool2d(canvas, size // 28 * 2 + 1, 1, size // 28)
    return canvas[0]


@pytest.mark.parametrize("channel, size, new_size", SHAPES)
@pytest.mark.parametrize("method", ["fair", "naive"])
@pytest.mark.parametrize("start_deg", [0.0, 17.3])
def test_a_quarter_turn_more_turns_the_result_bit_for_bit(channel, size, new_size, method, start_deg):
    images = random_images(channel, size)
    reference = rotate(images, start_deg, size=new_size, method=method, mean=MNIST_MEAN)
    assert reference.shape == (3, channel, new_size, new_size)
    for quarters in (-1, 1, 2, 3, 4):
        turned = rotate(images, start_deg + 90 * quarters, size=new_size, method=method, mean=MNIST_MEAN)
        assert torch.equal(turned, reference.rot90(quarters, (-2, -1)))


@pytest.mark.parametrize("channel, size, new_size", SHAPES)
def test_turning_or_mirroring_the_input_first_gives_the_same_bits(channel, size, new_size):
    images = random_images(channel, size)
    reference = rotate(images, 0.0, size=new_size, background=0.3)
    for quarters in (1, 2, 3):
        turned = rotate(images.rot90(quarters, (-2, -1)), 0.0, size=new_size, background=0.3)
        assert torch.equal(turned, reference.rot90(quarters, (-2, -1)))
    mirrored = rotate(images.flip(-1), 0.0, size=new_size, background=0.3)
    assert torch.equal(mirrored, reference.flip(-1))


def test_matrices_and_disc_are_symmetric_and_keep_a_constant():
    for size, new_size in [(28, 112), (112, 28), (224, 96), (27, 108)]:
        matrix = resampling_matrix(size, new_size)
        assert torch.equal(matrix, matrix.flip(0, 1))
        inner = matrix[new_size // 4 : -new_size // 4].sum(1)
        assert (inner - 1).abs().max() < 1e-3
    disc = soft_disc(112)
    assert torch.equal(disc, disc.T) and torch.equal(disc, disc.flip(0))
    assert disc[56, 56] == 1 and disc[0, 0] == 0 and 0 < disc[56, 1] < 1


def test_it_turns_counter_clockwise_as_an_independent_implementation_does():
    image = digit_like()
    pillow = Image.fromarray(image[0].numpy()).rotate(30.0, Image.Resampling.BICUBIC)
    expected = torch.from_numpy(np.array(pillow))
    assert (rotate(image, 30.0)[0] - expected).abs().max() < 0.05
    assert (rotate(image, -30.0)[0] - expected).abs().max() > 0.3


def test_45_degrees_is_neither_the_upright_picture_nor_a_quarter_turn():
    image = digit_like()
    turned = rotate(image, 45.0)
    for quarters in range(4):
        assert (turned - rotate(image, 90.0 * quarters)).abs().max() > 0.3


def test_an_upright_picture_stays_close_to_itself():
    image = digit_like()
    assert (rotate(image, 0.0) - image).abs().max() < 0.02


def test_ink_is_conserved_at_every_angle():
    image = digit_like()
    ink = rotate(image, torch.arange(0.0, 360.0, 7.5)).sum((-1, -2, -3))
    assert (ink / image.sum() - 1).abs().max() < 0.01


def test_naive_fills_the_corners_with_grey_and_fair_does_not():
    image = digit_like()
    naive = rotate(image, 45.0, method="naive", mean=MNIST_MEAN)
    corner = naive[0, 0, 0]
    assert abs(corner - MNIST_MEAN) < 1e-6
    wedge = ((naive - MNIST_MEAN).abs() < 1e-6).float().mean()
    assert 0.12 < wedge < 0.20
    assert rotate(image, 45.0)[0, 0, 0] == 0
    assert torch.equal(rotate(image, 0.0, method="naive", mean=MNIST_MEAN), image)
    with pytest.raises(ValueError, match="needs the mean"):
        rotate(image, 45.0, method="naive")


def test_background_fills_what_lies_outside_the_disc():
    images = random_images(3, 96)
    background = torch.tensor([0.2, 0.5, 0.9])
    turned = rotate(images, 33.0, background=background)
    assert torch.allclose(turned[:, :, 0, 0], background.expand(3, 3), atol=1e-6)
    constant = rotate(torch.full((1, 40, 40), 0.75), 21.0, background=0.75)
    assert torch.allclose(constant, torch.tensor(0.75), atol=1e-6)


def test_angles_pair_with_images():
    images, angles = random_images(1, 28), torch.tensor([5.0, 100.0, 270.0])
    together = rotate(images, angles)
    for image, angle, turned in zip(images, angles, together, strict=True):
        assert torch.equal(rotate(image, float(angle)), turned)
        assert torch.equal(rotate(image, angles[:1] * 0 + angle)[0], turned)
    assert rotate(images.double(), angles).dtype == torch.float64
    with pytest.raises(ValueError, match="one angle per image, got 2 and 3"):
        rotate(images, angles[:2])
    with pytest.raises(ValueError, match='"fair" or "naive"'):
        rotate(images, 0.0, method="nearest")


def test_chunks_do_not_change_the_result(monkeypatch):
    images, angles = random_images(3, 56, batch=5), torch.linspace(0, 300, 5)
    whole = rotate(images, angles)
    monkeypatch.setattr("e2viz.images.rotate.CHUNK_VALUES", 1)
    assert torch.equal(rotate(images, angles), whole)


def test_views_are_what_a_model_sees():
    picture = Picture(values=digit_like(112), background=0.0)
    angles = torch.arange(0.0, 360.0, 30.0)
    seen = views(picture, angles, 28)
    assert seen.shape == (12, 1, 28, 28) and seen.min() >= 0 and seen.max() <= 1
    assert torch.equal(seen[3], seen[0].rot90(1, (-2, -1)))
