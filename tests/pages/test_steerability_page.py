from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def page():
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300)
    return app.switch_page("pages/inside/steerability.py")


def test_the_page_is_full_before_the_first_click(page):
    page.query_params["sizes"] = "28"
    page.run()
    assert not page.exception and not page.error
    assert page.subheader[0].value.startswith("Four and four")
    assert "28 pixels" in page.subheader[0].value and "56 pixels" not in page.subheader[0].value
    assert page.get("bidi_component") and not page.get("plotly_chart")
    assert b"weights" in page.get("bidi_component")[0].proto.bytes, "whose weights these are"
