"""Printed in grey: where colours become alike, a line still marks each flip and a name each run of a class."""

import numpy as np
import pytest

from e2viz.render.draw import draw
from e2viz.render.layout import lay_out
from e2viz.render.marks import Arcs, Text
from e2viz.render.palette import class_color, rgb
from e2viz.render.ring import point
from e2viz.render.scene import Bars, Ring, Scene

FRAMES = 72
LUMA = np.array([0.299, 0.587, 0.114])
SIX, EIGHT = 6, 8


def turned() -> Scene:
    """A model that says 6 for half of the turn and 8 for the other half, each with 97 %."""
    said = np.full((FRAMES, 10), 0.03 / 9)
    said[: FRAMES // 2, SIX] = said[FRAMES // 2 :, EIGHT] = 0.97
    angles_deg = np.arange(FRAMES) * 360.0 / FRAMES
    ring = Ring.from_probability("ViT", "#777777", said)
    bars = Bars("ViT", "#777777", said, tuple("0123456789"))
    return Scene(title="6 or 8.", angles_deg=angles_deg, rings=(ring,), bars=(bars,))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_flip_between_colours_that_grey_makes_alike_is_still_seen(theme):
    assert abs(float((np.array(rgb(class_color(SIX))) - rgb(class_color(EIGHT))) @ LUMA)) < 12, "the pair is alike"
    scene = turned()
    arcs = next(mark for mark in lay_out(scene, 900).still if isinstance(mark, Arcs))
    grey = np.asarray(draw(scene, 9, width=900, theme=theme).convert("L")).astype(float)

    def between(angle_deg: float) -> float:
        """Grey where two segments meet: all have a thin gap there."""
        x, y = point(arcs.x, arcs.y, (arcs.inner + arcs.outer) / 2, angle_deg)
        return float(grey[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].mean())

    steady = [between(angle_deg) for angle_deg in (22.5, 62.5, 152.5, 202.5, 297.5, 337.5)]
    assert np.ptp(steady) < 25, "nothing is marked where nothing flips"
    for flip_deg in (-2.5, 177.5):
        assert np.abs(between(flip_deg) - np.array(steady)).min() > 30


def test_each_run_that_has_room_says_its_class():
    scene = turned()
    laid = lay_out(scene, 900).still
    arcs = next(mark for mark in laid if isinstance(mark, Arcs))
    inside = [
        mark.text for mark in laid
        if isinstance(mark, Text) and arcs.inner < np.hypot(mark.x - arcs.x, mark.y - 4 - arcs.y) < arcs.outer
    ]  # fmt: skip
    assert inside == [str(SIX), str(EIGHT)]
