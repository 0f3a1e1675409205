"""A file that was exported here, opened in the app, restores its view."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from e2viz.render.encode import encode
from e2viz.render.recipe import Recipe
from e2viz.render.scene import Panel, Row, Scene

ROOT = Path(__file__).resolve().parents[2]
RECIPE = Recipe(page="rotation", models=("cnn.rotmnist",), picture="mnist-3", angles=24)
SCENE = Scene(
    "t", np.array([0.0, 90.0]), recipe=RECIPE,
    rows=(Row("r", (Panel("p", np.zeros((2, 4, 4), dtype=np.uint8)),)),),
)  # fmt: skip


def app():
    started = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300)
    started.query_params["models"] = "cnn.rotmnist"
    return started.run()


@pytest.mark.parametrize(("format", "mime"), [("gif", "image/gif"), ("csv", "text/csv")])
def test_a_dropped_file_restores_its_view(format, mime):
    page = app()
    content = encode(SCENE, format, width=300)
    page.file_uploader(key="restore").upload(f"e2viz.{format}", content, mime).run()
    assert not page.exception and not page.error
    assert page.query_params["picture"] in ("mnist-3", ["mnist-3"])
    assert page.query_params["angles"] in ("24", ["24"])


def test_any_other_file_is_answered():
    page = app()
    file = io.BytesIO()
    Image.new("L", (8, 8)).save(file, "PNG")
    page.file_uploader(key="restore").upload("holiday.png", file.getvalue(), "image/png").run()
    assert not page.exception and any("No view can be restored" in each.value for each in page.error)
