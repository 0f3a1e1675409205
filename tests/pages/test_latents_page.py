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
    return test.switch_page("pages/inside/latents.py")


@pytest.fixture
def with_ge_vit(monkeypatch):
    """A small untrained GE-ViT in the place of a ViT of the catalogue."""
    card = Card(name=VIT, architecture="ge_vit", group="c4", data_set=PLAIN, weights_checksum="small")
    network = ge_vit().network
    monkeypatch.setattr(e2viz, "load", lambda name: Model(card, network))


def shown(app):
    assert not app.exception and not app.error
    assert app.get("bidi_component")
    return app.subheader[0].value


def test_the_page_is_full_and_measured_before_the_first_click(app):
    title = shown(app.run())
    assert title.startswith("Turn it, and turn the maps back.") and "patch tokens still move, by" in title
    assert any("stabilised" in each.value for each in app.markdown)


def test_ge_vit_stands_still_and_a_link_restores_the_choice(app, with_ge_vit):
    for name, value in {"channel": "2", "view": "figure 7"}.items():
        app.query_params[name] = value
    assert "feature maps stand still, to" in shown(app.run())
    assert app.number_input(key="channel").value == 2 and app.segmented_control(key="view").value == "figure 7"
    app.multiselect(key="layers").set_value(["blocks.1"])
    app.multiselect(key="elements").set_value(["270°"])
    assert "feature maps stand still, to" in shown(app.run())
