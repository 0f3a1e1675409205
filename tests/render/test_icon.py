"""The icon is drawn from numbers, at every size that browsers ask for."""

import numpy as np
import pytest
from sample_scene import sample_scene

from e2viz.render.icon import icon
from e2viz.render.palette import class_color, rgb


@pytest.mark.parametrize("size_px", [16, 32, 64, 180, 512])
def test_sizes(size_px):
    image = icon(sample_scene(72).rings, size_px)
    assert image.size == (size_px, size_px)
    assert image.getpixel((0, 0))[3] == 0


def test_the_outer_ring_has_its_class_color():
    pixels = np.asarray(icon(sample_scene(72).rings, 512))
    red, green, blue, alpha = pixels[30, 256]
    assert (red, green, blue) == rgb(class_color(1))
    assert abs(int(alpha) - 0.82 * 255) <= 2


def test_no_rings():
    with pytest.raises(ValueError, match="1 to 3 rings"):
        icon((), 64)
