"""The post-hoc page: full at once, its choices are a link, and what it wraps is a model on the other pages."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from e2viz.zoo.wrapped import wrapping

APP = str(Path(__file__).resolve().parents[2] / "app.py")
BASE = "vit.mnist"


@pytest.fixture
def app():
    app = AppTest.from_file(APP, default_timeout=600)
    for name, value in {"models": BASE, "angles": "24", "group": "C4", "picture": "mnist-8"}.items():
        app.query_params[name] = value
    app.switch_page("pages/compare/post_hoc.py")
    return app


def shown(app):
    assert not app.exception and not app.error
    return app.subheader[0].value


def test_views_and_outcomes_are_there_without_a_click(app):
    title = shown(app.run())
    assert title.startswith("Many views, one answer. Of 4 views") and "turn of 24 angles" in title
    assert app.get("bidi_component") and len(app.dataframe[0].value) >= 7
    assert any("resnet_50.pcam" in caption.value for caption in app.caption), "what was not trained is said"


def test_a_wrapped_model_is_used_on_the_other_pages(app):
    app.run()
    app.selectbox(key="shown").select("most_certain").run()
    next(button for button in app.button if button.label.startswith("Use ")).click().run()
    name = f"{BASE}+most_certain_c4"
    assert f"{BASE},{name}" in str(app.query_params["models"]) and wrapping(name)
    app.switch_page("pages/turn/rotation.py").run()
    assert "most certain C4" in shown(app)


def test_six_or_nine(app):
    app.run()
    next(button for button in app.button if button.label == "6 or 9?").click().run()
    assert "Of 2 views" in shown(app)
    assert any("ambiguous" in info.value for info in app.info)
