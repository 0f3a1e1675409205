"""Maps through which a picture shows, and rows of two halves."""

import json
import struct

import numpy as np
import pytest

from e2viz.render.browser import source
from e2viz.render.draw import MAP_SHARE, draw, over_picture
from e2viz.render.palette import color_table
from e2viz.render.scene import Panel, Row, Scene
from e2viz.render.svg import svg
from e2viz.ui.player import pack

GREY = np.arange(2 * 9, dtype=np.uint8).reshape(2, 3, 3) * 14
STEPS = GREY[:, ::-1].copy()


def panel(under=GREY):
    return Panel("a", STEPS, "viridis", 0.0, 2.0, "blocks.0", under=under)


def scene():
    return Scene("t", np.array([0.0, 90.0]), rows=(Row("r", (panel(), panel()), halves=True),))


def test_the_picture_shows_through_in_fixed_shares():
    found = over_picture(panel(), 1)
    expected = MAP_SHARE * color_table("viridis")[STEPS[1]] + (1 - MAP_SHARE) * GREY[1][..., None]
    assert np.abs(found - expected).max() <= 0.5
    assert np.array_equal(over_picture(panel(None), 1), color_table("viridis")[STEPS[1]])
    assert panel().is_mixed and not panel(None).is_mixed


def test_the_player_mixes_in_the_same_shares_and_gets_the_picture_once():
    assert f"MAP_SHARE = {MAP_SHARE}" in source("payload.js")
    data = pack(scene())
    (length,) = struct.unpack_from("<I", data)
    header, pixels = json.loads(data[4 : 4 + length]), data[4 + length :]
    row = header["rows"][0]
    assert row["halves"] and len(pixels) == 2 * STEPS.size
    assert row["panels"][0]["under"] == row["panels"][1]["under"] == STEPS.size
    assert pixels[STEPS.size :] == GREY.tobytes()


def test_exports_draw_the_mixed_colours():
    image = np.asarray(draw(scene(), 1, width=600))
    wanted = over_picture(panel(), 1)[0, 0]
    assert (image == wanted).all(-1).any()
    assert "<image" in svg(scene(), 1)


def test_a_picture_of_another_size_is_refused():
    with pytest.raises((ValueError, TypeError), match="under"):
        panel(GREY[:, :2])
