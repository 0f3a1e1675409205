"""Pictures in colour: the same pixels in frames, files and the player."""

import io
import json
import struct

import numpy as np
import pytest
from PIL import Image

from e2viz.render.draw import MAP_SHARE, draw, over_picture
from e2viz.render.encode import encode
from e2viz.render.palette import color_table
from e2viz.render.scene import Panel, Row, Scene, picture_pixels
from e2viz.ui.player import pack

FRAMES, SIDE = 4, 32


def photograph() -> np.ndarray:
    """[frame channel height width] smooth colours that move."""
    across, down = np.meshgrid(np.linspace(0, 1, SIDE), np.linspace(0, 1, SIDE))
    turns = [np.stack([across, down * 0.5 + 0.1 * k, 1 - across * down]) for k in range(FRAMES)]
    return np.clip(np.stack(turns), 0, 1)


def scene() -> Scene:
    picture = photograph()
    under = picture_pixels(picture)
    values = np.broadcast_to(np.arange(256, dtype=np.uint8)[: SIDE * 8 : 8], (FRAMES, SIDE, SIDE)).copy()
    rows = (
        Row("seen", (Panel.from_picture("seen", picture),)),
        Row("map", (Panel("map", values, "viridis"), Panel("over", values, "viridis", under=under))),
    )
    return Scene("t", np.arange(FRAMES) * 90.0, picture=Panel.from_picture("", picture), rows=rows)


def test_grey_stays_grey_and_colour_becomes_rgb():
    picture = photograph()
    assert Panel.from_picture("", picture).is_rgb
    grey = Panel.from_picture("", picture[:, :1])
    assert not grey.is_rgb and grey.palette == "grey"
    assert np.array_equal(Panel.from_picture("", np.repeat(picture[:, :1], 3, axis=1)).values, grey.values)
    with pytest.raises(ValueError, match="1 or 3 channels"):
        picture_pixels(picture[:, :2])


def test_a_small_picture_is_drawn_pixel_for_pixel():
    shown = np.asarray(draw(scene(), 1, width=600)).reshape(-1, 3)
    for color in Panel.from_picture("", photograph()).values[1, ::7, ::5].reshape(-1, 3):
        assert (shown == color).all(axis=1).any()


def test_a_map_over_a_picture_in_colour():
    panel = scene().panels[-1]
    expected = MAP_SHARE * color_table("viridis")[panel.values[2]] + (1 - MAP_SHARE) * panel.under[2]
    assert np.abs(over_picture(panel, 2) - expected).max() <= 0.5


def test_the_player_is_told_of_three_channels():
    data = pack(scene())
    (length,) = struct.unpack_from("<I", data)
    header = json.loads(data[4 : 4 + length])
    over = header["rows"][1]["panels"][1]
    assert header["picture"]["channels"] == 3 and over["channels"] == 1 and over["under_channels"] == 3
    start = 4 + length + over["under"]
    assert data[start : start + FRAMES * SIDE * SIDE * 3] == picture_pixels(photograph()).tobytes()


def test_a_photograph_keeps_its_colours_in_a_gif():
    image = Image.open(io.BytesIO(encode(scene(), "gif", width=600)))
    for frame in range(FRAMES):
        image.seek(frame)
        found = np.asarray(image.convert("RGB"), dtype=int)
        away = np.abs(found - np.asarray(draw(scene(), frame, width=600), dtype=int)).max(axis=-1)
        assert away.mean() < 4 and np.quantile(away, 0.99) < 24


@pytest.mark.parametrize("format", ["mp4", "webp", "apng", "png", "svg", "csv"])
def test_every_format_takes_it(format):
    assert encode(scene(), format, width=400)
