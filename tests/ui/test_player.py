"""What is packed for the browser: the layout of the bytes, their size, and what changes the checksum."""

import base64
import json
import struct
from dataclasses import replace

import numpy as np
import pytest

from e2viz.render.browser import source
from e2viz.render.palette import color_table
from e2viz.ui.player import Options, Pixel, checked_pixel, pack
from tests.ui.scenes import scene


def unpack(data: bytes) -> tuple[dict, bytes]:
    (length,) = struct.unpack_from("<I", data)
    return json.loads(data[4 : 4 + length]), data[4 + length :]


def test_every_panel_comes_back_from_its_offset() -> None:
    given = scene(frames=8, panels=4, size=5)
    header, pixels = unpack(pack(given))
    panels = [header["picture"], *(panel for row in header["rows"] for panel in row["panels"])]
    assert len(panels) == len(given.panels)
    for panel, expected in zip(panels, given.panels, strict=True):
        shape = (panel["frames"], panel["height"], panel["width"])
        found = np.frombuffer(pixels, np.uint8, int(np.prod(shape)), panel["offset"]).reshape(shape)
        assert np.array_equal(found, expected.values)
        assert (panel["low"], panel["high"]) == (expected.low, expected.high)
    distinct = {id(panel.values): panel.values.size for panel in given.panels}
    assert len(pixels) == sum(distinct.values()), "a map that is shown twice is sent once"


def test_header_holds_rings_bars_and_colour_tables() -> None:
    given = scene(frames=8, panels=4, size=5)
    header, _ = unpack(pack(given))
    assert header["angles_deg"] == given.angles_deg.tolist()
    assert [ring["classes"] for ring in header["rings"]] == [ring.classes.tolist() for ring in given.rings]
    assert np.allclose(header["bars"][1]["probability"], given.bars[1].probability, atol=5e-5)
    assert set(header["palettes"]) == {"grey", "viridis", "diverging"}
    assert base64.b64decode(header["palettes"]["viridis"]) == color_table("viridis").tobytes()
    assert [row["aside"] for row in header["rows"]] == [True, False, False]


def test_a_ring_has_the_classes_of_its_own_model() -> None:
    given = scene(frames=8, panels=4, size=5)
    clothes = tuple(f"garment {k}" for k in range(len(given.bars[1].class_names)))
    mixed = replace(given, bars=(given.bars[0], replace(given.bars[1], class_names=clothes)))
    first, second = unpack(pack(mixed))[0]["rings"]
    assert first["class_names"] == list(given.bars[0].class_names) and second["class_names"] == list(clothes)


def test_twelve_panels_and_72_frames_stay_below_three_megabytes() -> None:
    assert len(pack(scene())) < 3_000_000


def test_checksum_tells_scenes_and_options_apart() -> None:
    given = scene(frames=8, panels=4, size=5)
    same, _ = unpack(pack(given))
    assert same["checksum"] == unpack(pack(scene(frames=8, panels=4, size=5)))[0]["checksum"]
    assert same["checksum"] != unpack(pack(given, Options(presenter=True)))[0]["checksum"]
    given.panels[1].values[0, 0, 0] ^= 1
    assert same["checksum"] != unpack(pack(given))[0]["checksum"]


def test_start_frame_beyond_the_scene_is_its_last() -> None:
    header, _ = unpack(pack(scene(frames=8, panels=4, size=5), Options(start_frame=50)))
    assert header["options"]["start_frame"] == 7


def test_options_refuse_what_cannot_be_played() -> None:
    with pytest.raises(ValueError, match="turn_s must be positive, got 0.0"):
        Options(turn_s=0.0)
    with pytest.raises(ValueError, match="start_frame must not be negative, got -1"):
        Options(start_frame=-1)


def test_missing_browser_source_is_named() -> None:
    with pytest.raises(LookupError, match="absent.js"):
        source("player.js", "absent.js")


@pytest.mark.parametrize(
    "sent",
    [None, "x", [], {}, {"panel": 1}, {"panel": 0, "row": 1, "col": 2, "frame": "x"},
     {"panel": 0, "row": 1, "col": -2, "frame": 3}, {"panel": 0, "row": 1e400, "col": 2, "frame": 3},
     {"panel": 0, "row": float("nan"), "col": 2, "frame": 3}],
)  # fmt: skip
def test_a_pixel_that_no_player_sends_is_none(sent):
    assert checked_pixel(sent) is None


def test_a_pixel_of_the_player():
    assert checked_pixel({"panel": 0, "row": 1, "col": 2.0, "frame": 3}) == Pixel(0, 1, 2, 3)
