"""Views of a group: which view is which, exact where pixels move onto pixels, fair in between."""

import pytest
import torch

from e2viz.data.samples import sample
from e2viz.groups import group
from e2viz.images.rotate import rotate
from e2viz.nn.views import border_median, group_views


def images(size=14, channels=2):
    return torch.rand(2, channels, size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", ["c4", "d4", "c16", "d8", "c3"])
def test_acting_on_the_image_permutes_the_views_as_a_group_axis(name):
    acting = group(name)
    before = group_views(images(), acting)
    for element in filter(acting.is_exact, acting.elements):
        after = group_views(acting.act_on_plane(images(), element), acting)
        expected = acting.act_on_group_axis(before, element, 1)
        tolerance = 0.0 if name in ("c4", "d4") else 1e-13
        torch.testing.assert_close(after, expected, rtol=0.0, atol=tolerance)


def test_views_of_c4_are_array_rotations():
    views = group_views(images(), group("c4"))
    for element in range(4):
        assert torch.equal(views[:, element], images().rot90(-element, (-2, -1)))


def test_views_in_between_are_the_fair_rotation_also_of_normalised_images():
    digit = sample("mnist-8").values
    views = group_views((digit[None] - 0.1307) / 0.3081, group("c16"))[0] * 0.3081 + 0.1307
    for element in (1, 2, 3, 5, 14):
        torch.testing.assert_close(views[element], rotate(digit, -22.5 * element), rtol=0.0, atol=2e-6)


def test_what_enters_from_outside_is_the_border():
    views = group_views(torch.full((1, 1, 14, 14), -7.0), group("c8"))
    torch.testing.assert_close(views, torch.full_like(views, -7.0))
    assert border_median(images()).shape == (2, 2, 1, 1)


def test_only_square_images_turn():
    with pytest.raises(ValueError, match="must be square"):
        group_views(torch.zeros(1, 1, 4, 5), group("c4"))
