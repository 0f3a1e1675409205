"""Bringing a picture: a square to move over a photograph, one drawing among several, words that fit the data set."""

import base64
import hashlib
import io
import json

import numpy as np
import pytest
from PIL import Image, ImageDraw
from streamlit.testing.v1 import AppTest

from e2viz.images.picture import Cut
from e2viz.images.portable import from_png
from e2viz.ui.cutting import checked_cut, checked_point

PAGE = """
import json
import streamlit as st
from e2viz.data import data_set
from e2viz.ui.pictures import choose_picture, held_for
data = data_set(st.query_params["of"])
choose_picture(data)
asked = st.query_params.get("with", data.preparation).split(",")
held = held_for(asked)
brought = held.brought
st.text(json.dumps({
    "reference": held.reference, "checksum": held.picture.checksum, "ways": st.session_state["picture_way"],
    "size": None if brought is None else list(brought.values.shape), "drawings": len(held.picture.drawings),
}))
"""


def app(of: str, **query: str) -> AppTest:
    page = AppTest.from_string(PAGE, default_timeout=60)
    page.query_params["of"] = of
    for name, value in query.items():
        page.query_params[name] = value
    page.session_state["picture_way"] = "Upload"
    return page.run()


def said(page: AppTest) -> dict:
    assert not page.exception
    return json.loads(page.text[0].value)


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def photograph() -> bytes:
    rows, columns = np.mgrid[0:60, 0:90].astype(np.uint8)
    return png(Image.fromarray(np.stack([columns, rows, np.full_like(rows, 90)], axis=-1)))


def two_drawings() -> bytes:
    page = Image.new("L", (300, 200), 240)
    ImageDraw.Draw(page).ellipse((30, 40, 120, 170), outline=20, width=14)
    ImageDraw.Draw(page).line([(200, 60), (250, 60), (215, 150)], fill=20, width=12)
    return png(page)


def carried(page: AppTest):
    return from_png(base64.b64decode(said(page)["reference"].partition(",")[2]))


def upload(page: AppTest, content: bytes, name: str = "brought.png") -> str:
    page.file_uploader[0].upload(name, content, "image/png")
    page.run()
    return hashlib.sha256(content).hexdigest()[:12]


def test_a_photograph_is_kept_in_colour_and_its_middle_square_is_carried():
    page = app("photos")
    upload(page, photograph())
    assert said(page)["size"] == [3, 60, 90]
    values = carried(page).values
    assert values.shape == (3, 60, 60) and values[0, 0, 0] * 255 == 15
    assert said(page)["checksum"] == carried(page).checksum, "what is measured is what the recipe makes again"


def test_the_square_follows_the_hand():
    page = app("photos")
    mark = upload(page, photograph())
    page.session_state[f"cut_{mark}"] = {"cut": {"x": 0.0, "y": 1.0, "side": 0.5}}
    values = carried(page.run()).values
    assert values.shape == (3, 30, 30) and (values[:2, 0, 0] * 255).tolist() == [0, 30]


def test_of_two_drawings_the_pressed_one_is_taken():
    page = app("digits")
    mark = upload(page, two_drawings())
    assert said(page)["drawings"] == 2 and any("2 drawings were found" in each.value for each in page.caption)
    first = said(page)["checksum"]
    page.session_state[f"drawing_{mark}"] = {"drawing": [0.75, 0.5]}
    assert said(page.run())["checksum"] != first


def test_models_of_both_kinds_find_both_in_the_recipe():
    page = app("digits", **{"with": "digit,crop"})
    upload(page, two_drawings())
    both = carried(page)
    assert both.preparation == "none" and both.ready[0].preparation == "digit"
    assert both.ready[0].values.shape == (1, 112, 112)


def test_where_no_drawing_is_found_models_of_digits_see_the_square():
    page = app("photos", **{"with": "digit,crop"})
    upload(page, png(Image.new("RGB", (50, 40), (200, 90, 10))))
    assert not page.error and carried(page).ready == ()


def test_what_cannot_be_used_is_said_and_loses_nothing():
    page = app("photos")
    upload(page, photograph())
    before = said(page)["checksum"]
    page.file_uploader[0].upload("other.png", b"no picture", "image/png")
    page.run()
    assert "not a picture" in page.error[0].value and said(page)["checksum"] == before


@pytest.mark.parametrize(
    "of, words",
    [("digits", "of a digit"), ("clothes", "of a garment"), ("blood", "of a cell"), ("photos", "any picture")],
)
def test_words_and_ways_depend_on_the_data_set(of, words):
    page = app(of)
    assert words in page.file_uploader[0].label
    page.session_state["picture_way"] = "Draw"
    assert (said(page.run())["ways"] == "Draw") == (of in ("digits", "clothes"))


@pytest.mark.parametrize(
    "sent",
    [None, "x", {}, {"x": 0.5}, {"x": 2, "y": 0.5, "side": 0.5}, {"x": float("nan"), "y": 0, "side": 1},
     {"x": 0.5, "y": 0.5, "side": 0}, {"x": True, "y": 0.5, "side": 0.5}, {"x": "0.5", "y": 0.5, "side": 0.5}],
)  # fmt: skip
def test_a_browser_can_send_what_it_likes(sent):
    assert checked_cut(sent) is None
    assert checked_point(sent) is None and checked_point([0.5]) is None and checked_point([0.5, -1]) is None


def test_what_the_tool_sends_is_taken():
    assert checked_cut({"x": 0.25, "y": 1, "side": 0.5}) == Cut(x=0.25, y=1.0, side=0.5)
    assert checked_point([0.25, 0.5]) == (0.25, 0.5)
