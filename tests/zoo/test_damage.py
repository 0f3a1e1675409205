"""A damaged card or weights file takes out that model alone: in the catalogue, in `check` and in every command."""

import json
import shutil

import pytest
from streamlit.testing.v1 import AppTest

from e2viz import cli, places
from e2viz.zoo import catalogue
from e2viz.zoo.published import import_checkpoint
from e2viz.zoo.weights import WeightsError

HEALTHY, DAMAGED = ("ge_vit_p4.rotmnist", "vit.mnist"), "cnn.rotmnist"


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 8
    path.write_bytes(content)


def cut(path, length):
    path.write_bytes(path.read_bytes()[:length])


DAMAGE = {
    "a flipped byte of the card": lambda card, weights: flip(card, 40),
    "a flipped byte of the weights": lambda card, weights: flip(weights, 4000),
    "missing weights": lambda card, weights: weights.unlink(),
    "empty weights": lambda card, weights: cut(weights, 0),
    "cut weights": lambda card, weights: cut(weights, 5000),
    "an empty card": lambda card, weights: cut(card, 0),
    "a cut card": lambda card, weights: cut(card, 300),
    "a card nested deeply": lambda card, weights: card.write_text("[" * 100_000),
    "a card that is a list": lambda card, weights: card.write_text("[1]"),
    "a card that is no text": lambda card, weights: card.write_bytes(b"\xff\xfe\x00"),
    "another model's card": lambda card, weights: shutil.copy(card.with_name("vit.mnist.json"), card),
    "a card that is a folder": lambda card, weights: (card.unlink(), card.mkdir()),
}


@pytest.fixture
def folder(tmp_path):
    catalogue.forget()
    for name in (*HEALTHY, DAMAGED):
        for suffix in (".json", ".safetensors"):
            shutil.copy(places.WEIGHTS / f"{name}{suffix}", tmp_path)
    yield tmp_path
    catalogue.forget()


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damage_takes_out_one_model_alone(folder, damage):
    assert catalogue.list_models(folder) == sorted([*HEALTHY, DAMAGED]) and not catalogue.damaged(folder)
    damage(folder / f"{DAMAGED}.json", folder / f"{DAMAGED}.safetensors")
    assert catalogue.list_models(folder) == sorted(HEALTHY)
    (name, why), *others = catalogue.damaged(folder).items()
    assert name == DAMAGED and not others and "\n" not in why and len(why) < 400
    with pytest.raises(WeightsError):
        catalogue.load(DAMAGED, folder)
    assert catalogue.load("vit.mnist", folder).name == "vit.mnist"
    assert f"{DAMAGED} is left out: " in catalogue.text_table(folder)


def test_what_only_shows_when_the_network_is_built_is_remembered(folder):
    path = folder / f"{DAMAGED}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"architecture": "vti"}))
    assert DAMAGED in catalogue.list_models(folder)
    with pytest.raises(WeightsError, match="no architecture is called 'vti'"):
        catalogue.load(DAMAGED, folder)
    assert DAMAGED not in catalogue.list_models(folder) and "vti" in catalogue.damaged(folder)[DAMAGED]
    shutil.copy(places.WEIGHTS / path.name, path)
    assert DAMAGED in catalogue.list_models(folder), "files that were put right are found"


def test_check_reports_every_damaged_model_and_goes_on(monkeypatch, capsys):
    catalogue.forget()
    monkeypatch.setattr("e2viz.zoo.damage._looked_at", lambda path, *stamps: "" if path.stem in HEALTHY else "cut")
    assert cli.main(["check"]) == 1
    said = capsys.readouterr().out
    assert "ge_vit_p4.rotmnist: ok" in said and "vit.mnist: ok" in said
    assert f"{DAMAGED}: cut" in said and "vit.rotmnist+learned_average_c16: cut" in said


def test_a_text_file_or_a_folder_is_no_checkpoint(tmp_path):
    path = tmp_path / "notes.pt"
    path.write_text("dear diary")
    for source, match in ((path, "cannot|safely"), (tmp_path, "must be a file"), (tmp_path / "no", "no checkpoint")):
        with pytest.raises(WeightsError, match=match):
            import_checkpoint(source, "ge_vit_p4")


def test_the_app_shows_the_healthy_models_and_says_which_is_out(tmp_path, monkeypatch):
    """The whole app beside a weights folder in which a default model and one that nobody chose are damaged."""
    monkeypatch.setattr("e2viz.zoo.damage._looked_at", _pretend)
    app = AppTest.from_file(str(places.APP), default_timeout=300).run()
    assert not app.exception
    assert app.subheader[0].value.startswith("Turn it. GE-ViT")
    assert "vit.mnist" not in app.query_params["models"]
    assert any("vit.mnist: cut" in each.value for each in app.sidebar.caption)
    assert app.sidebar.expander[0].label == "2 damaged models left out"


def _pretend(card_path, card_stamp, weights_stamp):
    return "cut" if card_path.stem in ("vit.mnist", DAMAGED) else ""
