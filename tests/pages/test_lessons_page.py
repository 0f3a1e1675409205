"""A lesson walked through: predict, show, take back, go on."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from e2viz.scenes.lesson import FOLDER, read_lesson

ROOT = Path(__file__).resolve().parents[2]
LESSON = read_lesson(FOLDER / "why_does_a_vit_break.md")


@pytest.fixture
def page():
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300)
    app.switch_page("pages/make/lessons.py")
    return app


def button(page, label):
    return next(each for each in page.button if each.label == label)


def test_a_choice_is_asked_before_it_is_shown(page):
    page.query_params["step"] = "5"
    page.run()
    assert not page.exception and not page.error
    assert button(page, "Show me").disabled
    before = len(page.get("bidi_component"))
    page.radio[0].set_value("GSA-Net moves far more").run()
    button(page, "Show me").click().run()
    assert not page.exception and len(page.get("bidi_component")) > before
    assert any("As you said." in each.value for each in page.markdown)
    button(page, "Take it back").click().run()
    assert button(page, "Show me").disabled


def test_every_step_can_be_gone_through(page):
    page.query_params["step"] = "1"
    page.run()
    for number, step in enumerate(LESSON.steps[:3], start=1):
        assert not page.exception and not page.error
        assert page.subheader[0].value == f"{number}. {step.title}"
        button(page, "Next").click().run()
    button(page, "Back").click().run()
    assert page.subheader[0].value.startswith("3. ")


def test_in_front_of_a_class(page):
    page.query_params["talk"] = "true"
    page.run()
    assert not page.exception and not [each for each in page.button if each.label == "Present"]
