"""Frames: pure, of the right size, and the same as the stored ones."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sample_scene import sample_scene

from e2viz.render.draw import base_of, draw
from e2viz.render.layout import lay_out
from e2viz.render.marks import Arcs, Pixels, Text
from e2viz.render.palette import class_color, color_table, rgb
from e2viz.render.ring import point, segment_edges_deg, segment_index
from e2viz.render.scene import Scene

FRAMES = Path(__file__).parent / "frames"
# Two tolerances: no single pixel may be far off (a mark that moved), nor may many be a little off (a colour).
MANY_STEPS, FEW_PIXELS = 24, 0.002
MEAN_STEPS = 0.5
STORED = {
    "light": {"frame": 1, "width": 720, "theme": "light"},
    "dark": {"frame": 7, "width": 720, "theme": "dark"},
    "narrow": {"frame": 4, "width": 390, "theme": "light"},
}


@pytest.mark.parametrize("name", STORED)
def test_stored_frames(name):
    """`python tests/render/store_frames.py` writes them again after a wanted change; look at them then."""
    expected = np.asarray(Image.open(FRAMES / f"{name}.png").convert("RGB"), dtype=np.int16)
    found = np.asarray(draw(sample_scene(), **STORED[name]), dtype=np.int16)
    assert found.shape == expected.shape
    away = np.abs(found - expected)
    assert (away.max(axis=-1) > MANY_STEPS).mean() <= FEW_PIXELS
    assert away.mean() <= MEAN_STEPS


def test_draw_is_pure():
    scene = sample_scene()
    first = draw(scene, 5)
    draw(scene, 9)
    draw(scene, 5, theme="dark")
    assert draw(scene, 5).tobytes() == first.tobytes()
    base_of.cache_clear()
    assert draw(sample_scene(), 5).tobytes() == first.tobytes()


def test_frames_differ():
    scene = sample_scene()
    assert draw(scene, 0).tobytes() != draw(scene, 1).tobytes()


@pytest.mark.parametrize(("width", "scale"), [(900, 1.0), (390, 2.0), (901, 1.5), (240, 1.0)])
def test_size_follows_width_and_scale(width, scale):
    scene = sample_scene()
    image = draw(scene, 0, width=width, scale=scale)
    assert image.size == (round(width * scale), round(lay_out(scene, width).height * scale))


@pytest.mark.parametrize("width", [240, 390, 720, 900, 1400])
@pytest.mark.parametrize("bars", [True, False])
def test_nothing_leaves_the_sheet(width, bars):
    scene = sample_scene(bars=bars)
    sheet = lay_out(scene, width)
    for mark in (*sheet.still, *sheet.marks(3)):
        if isinstance(mark, Pixels):
            assert mark.x >= 0 and mark.x + mark.width <= width
        if isinstance(mark, (Pixels, Text)):
            assert 0 < mark.y < sheet.height


@pytest.mark.parametrize("theme", ["light", "dark", "transparent"])
def test_an_empty_scene_draws(theme):
    assert draw(Scene("", np.zeros(1)), 0, theme=theme).width == 900


def test_maps_are_exact():
    scene = sample_scene()
    image = np.asarray(draw(scene, 2))
    mark = next(
        each for each in lay_out(scene, 900).marks(2) if isinstance(each, Pixels) and each.panel.title == "signed"
    )
    factor = round(mark.width / 28)
    top, left = round(mark.y) + factor // 2, round(mark.x) + factor // 2
    shown = image[top : top + round(mark.height) : factor, left : left + round(mark.width) : factor]
    assert (shown == color_table("diverging")[mark.panel.at(2)]).all()


def test_clear_page_is_clear():
    image = draw(sample_scene(), 0, theme="transparent")
    assert image.mode == "RGBA" and image.getpixel((2, 2))[3] == 0


def test_ring_segment_has_the_class_color_mixed_with_its_probability():
    scene = sample_scene()
    arcs = next(mark for mark in lay_out(scene, 900).still if isinstance(mark, Arcs))
    image = np.asarray(draw(scene, 6))
    x, y = point(arcs.x, arcs.y, (arcs.inner + arcs.outer) / 2, scene.angles_deg[3])
    expected = 0.82 * np.array(rgb(class_color(1))) + 0.18 * 255
    assert np.abs(image[int(y), int(x)] - expected).max() <= 2


def test_angles_run_counter_clockwise_from_the_top():
    assert point(0, 0, 1, 0) == pytest.approx((0, -1))
    assert point(0, 0, 1, 90) == pytest.approx((-1, 0))


def test_segments_meet_halfway_and_close_the_circle():
    edges = segment_edges_deg(np.arange(72) * 5.0)
    assert np.allclose(edges[:, 1] - edges[:, 0], 5.0)
    index, depth = segment_index(np.array([0.0, 2.4, 2.6, 357.6, 359.0]), edges)
    assert index.tolist() == [0, 0, 1, 0, 0]
    assert depth == pytest.approx([2.5, 0.1, 0.1, 0.1, 1.5])


def test_few_angles_are_not_stretched():
    edges = segment_edges_deg(np.array([0.0, 90.0, 180.0, 270.0]))
    assert np.allclose(edges[:, 1] - edges[:, 0], 15.0)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"frame": 12}, "frame must be"), ({"width": 100}, "width must be"), ({"scale": 99.0}, "scale must be")],
)
def test_refusals(options, words):
    with pytest.raises(ValueError, match=words):
        draw(sample_scene(), **{"frame": 0} | options)
