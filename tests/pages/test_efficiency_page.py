"""The efficiency page is full when it opens, and says what is not trained."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

APP = str(Path(__file__).resolve().parents[2] / "app.py")


def test_charts_panels_and_table_are_there_without_a_click():
    app = AppTest.from_file(APP, default_timeout=600)
    app.query_params["angles"] = "24"
    app.switch_page("pages/compare/efficiency.py").run()
    assert not app.exception and not app.error
    assert app.subheader[0].value.startswith("A small artificial image makes GE-ViT cheap")
    assert app.get("bidi_component") and len(app.dataframe[0].value) > 10
    assert any("Measured on" in caption.value for caption in app.caption)
