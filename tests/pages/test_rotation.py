from pathlib import Path

from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]


def test_the_first_screen_is_full_and_measured():
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300).run()
    assert not app.exception
    assert not app.error
    assert app.subheader[0].value.startswith("Turn it.")
    assert len(app.get("bidi_component")) >= 1
