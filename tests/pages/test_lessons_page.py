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
    page.radio[0].set_value("Both move by about as much").run()
    button(page, "Show me").click().run()
    assert any("It is: GSA-Net moves far more." in each.value for each in page.markdown), "a name keeps its letters"


def test_the_next_step_waits_for_an_answer_or_an_honest_skip(page):
    page.query_params["step"] = "1"
    page.run()
    for number, step in enumerate(LESSON.steps[:2], start=1):
        assert not page.exception and not page.error
        assert page.subheader[0].value == f"{number}. {step.title}" and button(page, "Next").disabled
        button(page, "Show me without an answer").click().run()
        button(page, "Next").click().run()
    button(page, "Back").click().run()
    assert page.subheader[0].value.startswith("2. ") and not button(page, "Next").disabled
    button(page, "Take it back").click().run()
    assert button(page, "Next").disabled


def test_a_cell_is_asked_for_where_there_is_none(page, monkeypatch):
    monkeypatch.delenv("E2VIZ_DATA", raising=False)
    page.query_params["lesson"], page.query_params["step"] = "when_does_one_want_this", "5"
    page.run()
    assert not page.exception and not page.error
    assert any("one of your own" in each.value for each in page.markdown) and not button(page, "Next").disabled


def test_a_file_that_is_no_lesson_is_said_with_its_line_and_the_others_are_there(page, monkeypatch, tmp_path):
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons" / "mine.md").write_text("# Mine\n\n## First\nmodles: vit.mnist\n")
    monkeypatch.setenv("E2VIZ_HOME", str(tmp_path))
    page.query_params["step"] = "5"
    page.run()
    assert "mine, line 4" in page.error[0].value and page.subheader[0].value.startswith("5. ")


def test_in_front_of_a_class(page):
    page.query_params["talk"] = "true"
    page.run()
    assert not page.exception and not [each for each in page.button if each.label == "Present"]
    styles = [each.proto.body for each in page.get("html")]
    assert any("stSidebar" in each and "font-size: clamp(20px" in each for each in styles), "no sidebar, large type"
