"""The scenes of the pages inside a network, drawn, are the stored frames."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from e2viz.render.draw import draw
from tests.scenes.stored_scenes import SCENES, stored_scene

FRAMES = Path(__file__).parent / "frames"
# As in tests/render: no single pixel may be far off, nor may many be a little off.
MANY_STEPS, FEW_PIXELS = 24, 0.004
MEAN_STEPS = 0.5
OPTIONS = {"frame": 2, "width": 720, "theme": "light"}


@pytest.mark.parametrize("name", SCENES)
def test_stored_frames_of_scenes(name):
    """`python -m tests.scenes.store_frames` writes them again after a wanted change; look at them then."""
    expected = np.asarray(Image.open(FRAMES / f"{name}.png").convert("RGB"), dtype=np.int16)
    found = np.asarray(draw(stored_scene(name), **OPTIONS), dtype=np.int16)
    assert found.shape == expected.shape
    away = np.abs(found - expected)
    assert (away.max(axis=-1) > MANY_STEPS).mean() <= FEW_PIXELS
    assert away.mean() <= MEAN_STEPS
