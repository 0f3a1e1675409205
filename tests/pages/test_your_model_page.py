"""The page "Your model": a file becomes a model of this session, on every page, and of no other."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import e2viz
from e2viz import places
from e2viz.foreign.export import export
from e2viz.ui import taking_away
from tests.foreign import graphs

APP = str(Path(__file__).resolve().parents[2] / "app.py")
PAGE = "pages/compare/your_model.py"


def opened(page=PAGE):
    app = AppTest.from_file(APP, default_timeout=600)
    app.query_params["angles"] = "24"
    return app.switch_page(page).run()


def bring(app, data, name="My net.onnx"):
    return app.file_uploader(key="_own_file_0").upload(name, data, "application/octet-stream").run()


@pytest.fixture(scope="module")
def brought():
    app = bring(opened(), graphs.classifier())
    assert not app.exception and not app.error
    next(box for box in app.selectbox if box.label.startswith("How images")).set_value("CIFAR-10")
    return next(button for button in app.button if button.label == "Open it").click().run()


def test_it_is_measured_mended_and_offered_everywhere(brought):
    assert not brought.exception and not brought.error
    assert brought.subheader[0].value.startswith("my net, yours: A quarter turn moves its logits by")
    assert "logits" in " ".join(each.value for each in brought.markdown)
    table = next(each.value for each in brought.dataframe if "mended" in each.value.columns)
    errors = table.set_index("on your picture").loc["error of the logits at quarter turns"]
    assert float(errors["mended"]) < 1e-5 < float(errors["yours"])
    assert brought.session_state["models"] == ["my_net.yours"], "what was just opened is what every page shows"
    wide = brought.switch_page("pages/compare/efficiency.py").run()
    assert not wide.exception and not wide.error, "a page about our models stands beside theirs"
    brought.switch_page(PAGE).run()
    next(button for button in brought.button if button.label.startswith("Look at both")).click().run()
    for page in (
        "turn/rotation",
        "inside/attention",
        "inside/orbits",
        "inside/latents",
        "inside/equivariance_error",
        "compare/post_hoc",
    ):
        there = brought.switch_page(f"pages/{page}.py").run()
        assert not there.exception and not there.error, page
        assert "my_net.yours" in there.session_state["models"]


def test_a_model_of_the_catalogue_is_handed_out_as_onnx(brought, monkeypatch):
    """What the button gives is what ``e2viz export`` writes."""
    offered = {}

    def offer(label, data, file_name, *_, **__):
        offered[label] = data, file_name

    monkeypatch.setattr(taking_away.st, "download_button", offer)
    app = brought.switch_page(PAGE).run()
    app.selectbox(key="_taken_away").set_value("cnn.rotmnist").run()
    assert not app.exception and "Download the mended model as ONNX" in offered
    made, file_name = offered["Download as ONNX"]
    assert file_name == "cnn_rotmnist.onnx" and made() == export(e2viz.load("cnn.rotmnist"))


def test_nobody_else_sees_it(brought):
    other = opened("pages/turn/rotation.py")
    offered = [name for pills in other.get("button_group") for name in getattr(pills, "options", [])]
    assert not any("my net" in str(name) for name in offered)
    assert "my_net.yours" not in other.session_state["models"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (graphs.external("/etc/passwd"), "never opened"),
        (graphs.classifier()[:200], "cut off"),
        (graphs.two_inputs(), "one image"),
        (b"\x80\x04\x95 a pickle", "not an ONNX file"),
    ],
)
def test_a_file_that_is_refused_is_answered_in_a_sentence(data, words):
    app = bring(opened(), data)
    assert not app.exception and words in app.error[0].value
    assert app.get("file_uploader"), "and the page goes on"


def test_weights_without_a_graph_become_a_model_too():
    data = (places.WEIGHTS / "vit.photos.safetensors").read_bytes()
    app = bring(opened(), data, "My weights.safetensors")
    assert not app.exception and not app.error and any("fits vit.photos" in each.value for each in app.markdown)
    app.number_input[0].set_value(3)
    app = next(button for button in app.button if button.label == "Open it").click().run()
    assert "heads must" in app.error[0].value or "divisible by heads" in app.error[0].value
    app.number_input[0].set_value(4)
    app = next(button for button in app.button if button.label == "Open it").click().run()
    assert not app.exception and not app.error
    assert app.subheader[0].value.startswith("my weights, yours: A quarter turn moves its logits by")
    assert "layers of attention: 8" in " ".join(each.value for each in app.markdown)
