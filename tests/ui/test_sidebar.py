"""The sidebar and the address bar: a link restores the view, and the view writes its link."""

import base64
import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from e2viz.data import data_set
from e2viz.data.samples import sample
from e2viz.images.portable import from_png, to_png
from e2viz.limits import MOST_MODELS
from e2viz.ui import sidebar
from e2viz.ui.state import BROUGHT, Selection, valid_parameters
from e2viz.zoo.weights import WeightsError

MODELS = ["cnn.mnist", "ge_vit_p4.rotmnist", "gsa_net.rotmnist", "vit.mnist"]
PAGE = """
import streamlit as st
from e2viz.ui.sidebar import sidebar
s = sidebar()
st.text("|".join([",".join(s.models), s.reference, str(s.angles), s.method, str(s.presenter), s.picture.checksum]))
"""


def opened(name: str) -> SimpleNamespace:
    """A model of digits, as far as the sidebar looks at one."""
    return SimpleNamespace(card=SimpleNamespace(data_set=data_set("digits")))


@pytest.fixture
def app(monkeypatch) -> AppTest:
    monkeypatch.setattr(sidebar, "list_models", lambda: MODELS)
    monkeypatch.setattr(sidebar, "load", opened)  # these have no files
    return AppTest.from_string(PAGE, default_timeout=60)


def said(app: AppTest) -> list[str]:
    assert not app.exception
    return app.text[0].value.split("|")


def test_filled_before_the_first_click(app: AppTest) -> None:
    app.run()
    assert said(app)[:5] == ["ge_vit_p4.rotmnist,vit.mnist", "mnist-8", "72", "fair", "False"]
    assert app.query_params["picture"] == "mnist-8"
    assert app.query_params["models"] == "ge_vit_p4.rotmnist,vit.mnist"


def test_a_sample_that_no_chosen_model_knows_is_said(app: AppTest, monkeypatch) -> None:
    monkeypatch.setattr(sidebar, "list_models", lambda: [*MODELS, "vit.fashion"])
    app.query_params["picture"] = "fashion-bag"
    app.query_params["models"] = "vit.mnist"
    said_so = "None of these was trained on clothes; each sees the picture in its own way."
    app.run()
    assert said(app)[0] == "vit.mnist" and app.selectbox(key="data").value == "clothes"
    assert said_so in [each.value for each in app.sidebar.caption]
    app.query_params["models"] = "vit.mnist,vit.fashion"
    app.run()
    assert said_so not in [each.value for each in app.sidebar.caption]


def test_another_kind_of_picture_brings_its_own_models_and_samples(app: AppTest, monkeypatch) -> None:
    monkeypatch.setattr(sidebar, "list_models", lambda: [*MODELS, "vit.fashion", "ge_vit_p4.fashion"])
    app.run()
    app.selectbox(key="data").select("clothes").run()
    assert said(app)[:2] == ["ge_vit_p4.fashion,vit.fashion", "fashion-sneaker"]
    assert {name for pills in app.pills for name in pills.options if "MNIST" in name and "Fashion" not in name} == set()


def test_eight_models_at_a_glance_whatever_there_are(app: AppTest, monkeypatch) -> None:
    many = [
        f"{one}.{tag}" for one in ("cnn", "vit", "ge_vit_p4", "gcnn_p4", "hybrid_p4") for tag in ("mnist", "rotmnist")
    ]
    monkeypatch.setattr(sidebar, "list_models", lambda: many)
    app.run()
    assert sum(len(pills.options) for pills in app.pills) == 8
    assert app.button(key="_all_models").label == "All 10 models"
    app.query_params["models"] = ",".join(many)  # a link to any model still works
    app.run()
    assert set(said(app)[0].split(",")) == set(many)


def test_a_link_restores_the_view(app: AppTest) -> None:
    link = {
        "models": "vit.mnist,cnn.mnist",
        "picture": "mnist-3",
        "angles": "36",
        "method": "naive",
        "presenter": "true",
    }
    for name, value in link.items():
        app.query_params[name] = value
    app.run()
    assert said(app)[:5] == ["vit.mnist,cnn.mnist", "mnist-3", "36", "naive", "True"]
    assert said(app)[5] == sample("mnist-3").checksum


def test_what_a_link_asks_wrongly_is_left_out(app: AppTest) -> None:
    for name, value in {"models": "no.such,vit.mnist", "picture": "nobody", "angles": "7", "method": "best"}.items():
        app.query_params[name] = value
    app.run()
    assert said(app)[:5] == ["vit.mnist", "mnist-8", "72", "fair", "False"]
    for sentence in ("no model called 'no.such'", "no sample called 'nobody'", "24, 36, 72 or 120 angles, not '7'"):
        assert sentence in app.warning[0].value


def test_a_link_that_asks_for_too_much_is_answered_with_what_there_is(app: AppTest, monkeypatch) -> None:
    many = [f"vit.mnist+mean_c{k}" for k in range(1, 18)]
    app.query_params["models"] = ",".join(many)
    app.run()
    assert len(said(app)[0].split(",")) == MOST_MODELS
    assert "at most 12 models; the link asks for 17" in app.warning[0].value
    app.query_params["models"] = f"vit.mnist,vit.mnist+mean_c{'9' * 4400},vit.mnist+mean_c20000"
    app.run()
    assert said(app)[0] == "vit.mnist"
    assert "at most 32 elements, got 'c20000'" in app.warning[0].value and len(app.warning[0].value) < 500


def test_a_brought_picture_that_fits_no_link_is_never_another_one_under_its_address(app: AppTest) -> None:
    """After a restart of the server, or for whoever opens the link: what is gone is said."""
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    Image.fromarray(noise).save(file, "PNG")
    app.query_params["picture"] = "png." + base64.urlsafe_b64encode(file.getvalue()).decode().rstrip("=")
    app.run()
    assert said(app)[1].startswith("data:") and app.query_params["picture"] == BROUGHT
    again = AppTest.from_string(PAGE, default_timeout=60)
    again.query_params["picture"] = BROUGHT
    again.run()
    assert said(again)[1] == "mnist-8" and again.query_params["picture"] == "mnist-8"
    assert "too large for a link: bring it again" in again.warning[0].value


def test_a_damaged_model_is_left_out_and_said(app: AppTest, monkeypatch) -> None:
    def load(name: str) -> SimpleNamespace:
        if name == "ge_vit_p4.rotmnist":
            raise WeightsError("its file is cut")
        return opened(name)

    monkeypatch.setattr(sidebar, "load", load)
    monkeypatch.setattr(sidebar, "damaged", lambda: {"cnn.rotmnist": "its card is cut"})
    app.query_params["models"] = "ge_vit_p4.rotmnist,vit.mnist,cnn.rotmnist"
    app.run()
    assert said(app)[0] == "vit.mnist"
    assert "GE-ViT p4, rotMNIST is left out: its file is cut" in app.error[0].value
    assert "cnn.rotmnist is left out: its card is cut" in app.warning[0].value
    assert "cnn.rotmnist: its card is cut" in [each.value for each in app.sidebar.caption]


def test_a_choice_is_written_into_the_address_bar(app: AppTest) -> None:
    app.run()
    app.toggle(key="presenter").set_value(True).run()
    app.session_state["angles"] = 24
    app.run()
    assert said(app)[2] == "24"
    assert app.query_params["angles"] == "24"
    assert app.query_params["presenter"] == "true"


def test_no_model_chosen_means_the_default_ones(app: AppTest) -> None:
    app.run()
    app.session_state["models"] = []
    app.run()
    assert said(app)[0] == "ge_vit_p4.rotmnist,vit.mnist"


def test_a_picture_in_the_link_is_the_same_picture(app: AppTest) -> None:
    drawn = from_png(to_png(sample("mnist-2")))
    selection = Selection(
        models=(), picture=drawn, reference="data:image/png;base64," + base64.b64encode(to_png(drawn)).decode()
    )
    app.query_params["picture"] = selection.recipe("any").to_query()["picture"]
    app.run()
    assert said(app)[5] == drawn.checksum


def test_a_damaged_picture_in_the_link_is_said(app: AppTest) -> None:
    broken = base64.urlsafe_b64encode(b"\x89PNG\r\n\x1a\n" + b"nothing").decode().rstrip("=")
    app.query_params["picture"] = f"png.{broken}"
    app.run()
    assert said(app)[1] == "mnist-8"
    assert "cannot be used" in app.warning[0].value


def test_a_link_without_valid_values_asks_for_nothing() -> None:
    query = {"angles": "[1]", "method": "", "models": ",", "picture": "png.!!"}
    assert valid_parameters(query, MODELS, ["mnist-1"]) == {}


def test_a_stored_picture_comes_back_and_is_written_the_same() -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8))
    file = io.BytesIO()
    image.save(file, "PNG")
    picture = from_png(file.getvalue())
    assert picture.values.shape == (3, 9, 9)
    assert to_png(from_png(to_png(picture))) == to_png(picture)
    assert from_png(to_png(picture)).checksum == picture.checksum


def test_a_link_may_wrap_a_model(app: AppTest) -> None:
    app.query_params["models"] = "vit.mnist,vit.mnist+mean_c4,gsa_net.rotmnist+tta_d4,no.such+mean_c4"
    app.run()
    assert said(app)[0] == "vit.mnist,gsa_net.rotmnist+tta_d4,vit.mnist+mean_c4"
    app.query_params["models"] = "cnn.mnist most_certain_c16"  # a plus that nobody escaped
    app.run()
    assert said(app)[0] == "cnn.mnist+most_certain_c16"


def test_a_model_is_wrapped_in_the_sidebar(app: AppTest) -> None:
    app.query_params["models"] = "cnn.mnist"
    app.run()
    app.selectbox(key="_wrap_base").select("vit.mnist")
    app.selectbox(key="_wrap_method").select("max").run()
    next(button for button in app.button if button.label == "Add to the models").click().run()
    assert said(app)[0] == "vit.mnist+max_c4,cnn.mnist"
    assert app.query_params["models"] == "vit.mnist+max_c4,cnn.mnist"
    assert "Combine · learned attention" not in app.selectbox(key="_wrap_method").options


def test_a_method_that_learned_is_offered_for_its_group(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("e2viz.ui.wrapping.is_model", lambda name: name == "vit.mnist+learned_attention_c16")
    app.query_params["models"] = "cnn.mnist,vit.mnist+learned_attention_c16,vit.mnist+learned_attention_c4"
    app.run()
    assert said(app)[0] == "vit.mnist+learned_attention_c16,cnn.mnist"
    app.selectbox(key="_wrap_base").select("vit.mnist").run()
    assert "Combine · learned attention" not in app.selectbox(key="_wrap_method").options
    app.segmented_control(key="_wrap_group").set_value("c16").run()
    assert "Combine · learned attention" in app.selectbox(key="_wrap_method").options
