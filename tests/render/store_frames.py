"""Write the stored frames again: `python tests/render/store_frames.py`."""

from sample_scene import sample_scene
from test_draw import FRAMES, STORED

from e2viz.render.draw import draw

if __name__ == "__main__":
    FRAMES.mkdir(exist_ok=True)
    for name, options in STORED.items():
        draw(sample_scene(), **options).save(FRAMES / f"{name}.png", optimize=True)
