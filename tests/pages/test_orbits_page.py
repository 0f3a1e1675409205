from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def page():
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300)
    return app.switch_page("pages/inside/orbits.py")


def test_the_page_is_full_before_the_first_click(page):
    page.run()
    assert not page.exception and not page.error
    assert page.subheader[0].value.startswith("A point or a loop?")
    assert page.get("bidi_component") and not page.get("plotly_chart")
    assert len(page.dataframe[0].value) >= 1


def test_the_ground_comes_from_the_link(page):
    page.query_params["ground"] = "reference"
    page.run()
    assert not page.exception and not page.error
    assert page.segmented_control(key="ground").value == "reference"
