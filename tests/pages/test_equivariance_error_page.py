from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def page():
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300)
    app.switch_page("pages/inside/equivariance_error.py")
    return app


def test_the_page_is_full_before_the_first_click(page):
    page.query_params["step"] = "45"
    page.run()
    assert not page.exception and not page.error
    assert page.subheader[0].value.startswith("Where does the turn get lost?")
    assert page.get("bidi_component")
    assert len(page.get("bidi_component")) >= 4, "the view, the rules, the switches, and the samples"


def test_settings_come_from_the_link(page):
    for name, value in {"step": "45", "probe": "embedding", "spoil": "Half precision"}.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception and not page.error
    assert page.selectbox(key="probe").value == "embedding"
    assert any("half precision" in each.value for each in page.markdown)
    assert any("float16" in each.value for each in page.markdown)
