from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def page():
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300)
    return app.switch_page("pages/inside/positional_encodings.py")


def test_the_page_is_full_before_the_first_click(page):
    page.run()
    assert not page.exception and not page.error
    assert page.subheader[0].value.startswith("Follow one colour through the group")
    assert page.get("bidi_component")
    assert [each.value.split("(")[0] for each in page.code] == ["return group.compose"] * 2
    assert len(page.metric) == 2


def test_group_and_layer_come_from_the_link(page):
    for name, value in {"positions_group": "C8", "positions_layer": "lifting"}.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception and not page.error
    assert "diagonals" in page.subheader[0].value
    assert page.selectbox(key="positions_layer").value == "lifting"
