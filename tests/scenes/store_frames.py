"""Write the stored frames of the scenes again: `python -m tests.scenes.store_frames [NAME ...]`."""

import sys

from e2viz.render.draw import draw
from tests.scenes.stored_scenes import SCENES, stored_scene
from tests.scenes.test_stored_frames import FRAMES, OPTIONS

if __name__ == "__main__":
    FRAMES.mkdir(exist_ok=True)
    for name in sys.argv[1:] or SCENES:
        draw(stored_scene(name), **OPTIONS).save(FRAMES / f"{name}.png", optimize=True)
