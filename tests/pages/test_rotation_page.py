from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.images.photograph import photograph

APP = str(Path(__file__).resolve().parents[2] / "app.py")


@pytest.fixture
def app():
    return AppTest.from_file(APP, default_timeout=300)


def shown(app):
    assert not app.exception
    assert not app.error
    return app.subheader[0].value


def test_the_first_screen_is_full_and_measured(app):
    title = shown(app.run())
    assert title.startswith("Turn it.") and "of 72 angles" in title
    assert app.get("bidi_component") and not app.get("plotly_chart")
    assert any("Accuracy on the test split" in caption.value for caption in app.caption)


def test_a_link_restores_picture_models_angles_and_rotation(app):
    for name, value in {"models": "vit.rotmnist", "picture": "mnist-6", "angles": "24", "method": "naive"}.items():
        app.query_params[name] = value
    title = shown(app.run())
    assert "of 24 angles" in title
    assert any("ambiguous" in caption.value for caption in app.caption), "a 6 turned by 180° is a 9: said on screen"
    assert app.query_params["method"] == "naive"


def test_an_uploaded_photograph_is_measured(app):
    app.query_params["angles"] = "24"
    app.run()
    app.session_state["picture_way"] = "Upload"
    app.run()
    app.file_uploader[0].upload("digit.jpg", photograph(3, seed=1), "image/jpeg")
    assert "of 24 angles" in shown(app.run())


def test_a_text_file_called_png_is_answered_and_loses_nothing(app):
    app.query_params["angles"] = "24"
    app.session_state["picture_way"] = "Upload"
    app.run()
    app.file_uploader[0].upload("digit.png", b"not a picture", "image/png")
    app.run()
    assert not app.exception
    assert app.error and "picture" in app.error[0].value
    assert app.subheader[0].value.startswith("Turn it.")
