from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import e2viz
from e2viz.zoo.card import Card
from e2viz.zoo.weights import Model
from tests.data_sets import PLAIN
from tests.scenes.small import ge_vit

APP = str(Path(__file__).resolve().parents[2] / "app.py")
VIT = next(name for name in e2viz.list_models() if name.startswith("vit"))


@pytest.fixture
def app():
    test = AppTest.from_file(APP, default_timeout=300)
    test.query_params["angles"] = "24"
    test.query_params["models"] = VIT
    return test.switch_page("pages/inside/attention.py")


@pytest.fixture
def with_ge_vit(monkeypatch):
    """A small untrained GE-ViT in the place of a ViT of the catalogue."""
    seen = ge_vit(VIT)
    card = Card(
        name=VIT, architecture="ge_vit", config={}, group="c4", parameters=0, data_set=PLAIN,
        weights_checksum="small",
    )  # fmt: skip
    monkeypatch.setattr(e2viz, "load", lambda name: Model(card, seen.network))


def shown(app):
    assert not app.exception and not app.error
    assert app.get("bidi_component")
    return app.subheader[0].value


def test_the_page_is_full_and_measured_before_the_first_click(app):
    title = shown(app.run())
    assert title.startswith("Turn it, and follow the marked pixel. At quarter turns") and "%" in title
    assert any("softmax" in each.value for each in app.markdown)


def test_a_link_restores_the_choice(app):
    for name, value in {"token_spread": "layers", "row": "9", "column": "13", "view": "figure 6"}.items():
        app.query_params[name] = value
    shown(app.run())
    assert app.number_input(key="row").value == 9 and app.number_input(key="column").value == 13
    assert app.segmented_control(key="view").value == "figure 6"


def test_group_attention_can_be_taken_apart(app, with_ge_vit):
    title = shown(app.run())
    assert "are the upright ones, moved, to" in title
    app.selectbox(key="spread").set_value("head")
    app.selectbox(key="layer").set_value("blocks.0.attention")
    title = shown(app.run())
    assert "blocks.0" in title
    assert "head" not in [each.key for each in app.selectbox], "the spread axis has nothing to choose"
    assert app.selectbox(key="g").options[0] == "sum"


def test_a_click_moves_the_query_pixel_to_where_it_lies_upright(app, with_ge_vit):
    shown(app.run())
    app.session_state["attention"] = {"pixel": {"panel": 0, "row": 3, "col": 10, "frame": 6}}
    shown(app.run())
    # frame 6 of 24 is a quarter turn: what is at row 3, column 10 was at row 10, column 24
    assert (app.number_input(key="row").value, app.number_input(key="column").value) == (10, 24)
    assert "10" in app.query_params["row"]
