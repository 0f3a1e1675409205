"""The section over a data set: shut at first, full where results are shipped, measured where a data folder is."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from e2viz import places
from e2viz.train import over_angles
from e2viz.zoo import catalogue

APP = str(Path(__file__).resolve().parents[2] / "app.py")
DATA = places.ROOT.parent / "shared" / "data"


def opened(page="pages/turn/rotation.py", **query):
    app = AppTest.from_file(APP, default_timeout=300)
    for name, value in {"models": "vit.mnist", "angles": "24", "picture": "mnist-8", **query}.items():
        app.query_params[name] = value
    app.switch_page(page)
    app.run()
    assert not app.exception and not app.error
    return app


def heads(app):
    return [column for frame in app.dataframe for column in frame.value.columns]


def test_it_is_shut_until_somebody_opens_it():
    app = opened()
    assert "right at all angles" not in heads(app)
    app.toggle(key="over_data").set_value(True).run()
    assert "right at all angles" in heads(app) and any("Every test picture" in each.value for each in app.markdown)


def test_without_data_what_is_missing_is_said(monkeypatch):
    monkeypatch.delenv(places.DATA_VARIABLE, raising=False)
    monkeypatch.setattr(over_angles, "FOLDER", places.ASSETS / "nowhere")
    app = opened(models="vit.fashion", over_data="true", picture="fashion-bag")
    assert any("e2viz --data DIR" in each.value for each in app.caption)


@pytest.mark.skipif(not (DATA / "mnist").is_dir(), reason="needs MNIST in ../shared/data")
def test_it_measures_in_a_data_folder(monkeypatch, tmp_path):
    monkeypatch.setenv(places.DATA_VARIABLE, str(DATA))
    monkeypatch.setattr(places, "runs", lambda: tmp_path)
    monkeypatch.setattr("e2viz.ui.over_data.PICTURES", (3, 4))
    monkeypatch.setattr("e2viz.ui.over_data.stored", lambda model: None)
    app = opened("pages/inside/equivariance_error.py", models="vit.rotmnist", over_data="true")
    next(button for button in app.button if button.label.startswith("Measure ")).click().run()
    assert not app.exception and "right at all angles" in heads(app)
    assert len(list(tmp_path.rglob("*.npz"))) == 1 and catalogue.is_model("vit.rotmnist")
