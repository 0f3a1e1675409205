"""One door to a trained model: strict, checksummed, and it says what to do when it stays shut."""

import dataclasses
import json

import pytest
import torch

from e2viz.models import build
from e2viz.zoo import catalogue
from e2viz.zoo.card import Card
from e2viz.zoo.golden import golden_images, golden_logits
from e2viz.zoo.weights import WeightsError, checksum, write_model
from tests.data_sets import small

SMALL = small()
CONFIG = {"image_size": 12, "width": 8, "mlp_width": 16, "heads": 2, "layers": 1}


@pytest.fixture
def folder(tmp_path):
    """A weights folder with one small model, "vit.test"."""
    catalogue.forget()
    torch.manual_seed(0)
    network = build("vit", CONFIG).eval()
    golden = golden_logits(network, 1, 12, torch.tensor([0.1307])[:, None, None], torch.tensor([0.3081])[:, None, None])
    card = Card(
        name="vit.test", architecture="vit", config=CONFIG, data_set=SMALL, golden=tuple(tuple(row) for row in golden)
    )
    write_model(tmp_path, card, network)
    return tmp_path


def change_card(folder, **changes):
    path = folder / "vit.test.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_round_trip(folder):
    model = catalogue.load("vit.test", folder)
    torch.manual_seed(0)
    expected = build("vit", CONFIG).state_dict()
    for name, tensor in model.network.state_dict().items():
        assert torch.equal(tensor, expected[name])
    assert not model.network.training and not any(p.requires_grad for p in model.network.parameters())
    assert model.checksum == checksum((folder / "vit.test.safetensors").read_bytes())
    assert model.golden_difference() < 1e-5
    assert model.probe_kinds()["layers.0"] == "tokens"
    assert catalogue.load("vit.test", folder) is model


def test_names(folder):
    assert catalogue.list_models(folder) == ["vit.test"]
    with pytest.raises(LookupError, match="no model is called 'vit.tset'; nearest: vit.test"):
        catalogue.load("vit.tset", folder)


def test_one_changed_byte_is_noticed(folder):
    path = folder / "vit.test.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(WeightsError, match="does not have the checksum on its card"):
        catalogue.load("vit.test", folder)


def test_weights_that_do_not_fit_are_refused(folder):
    change_card(folder, config={**CONFIG, "layers": 2})
    with pytest.raises(WeightsError, match="do not fit vit"):
        catalogue.load("vit.test", folder)


def test_a_missing_file_and_a_broken_card_are_refused(folder):
    (folder / "vit.test.safetensors").unlink()
    with pytest.raises(WeightsError, match="cannot be read"):
        catalogue.load("vit.test", folder)
    (folder / "vit.test.json").write_text("{")
    with pytest.raises(WeightsError, match="the card vit.test.json cannot be read"):
        catalogue.load("vit.test", folder)


def test_a_card_that_names_no_architecture_of_ours(folder):
    change_card(folder, architecture="vti")
    with pytest.raises(WeightsError, match="no architecture is called 'vti'"):
        catalogue.load("vit.test", folder)


def test_normalisation_and_orientation_are_the_cards(folder):
    model = catalogue.load("vit.test", folder)
    images = golden_images(1, 12)
    upright = model.prepare(images)
    torch.testing.assert_close(upright, (images - 0.1307) / 0.3081)
    turned = dataclasses.replace(model, card=dataclasses.replace(model.card, orientation="transposed"))
    torch.testing.assert_close(turned.prepare(images), upright.transpose(-1, -2))
    torch.testing.assert_close(turned.logits(images), model.logits(images.transpose(-1, -2)))
    with pytest.raises(ValueError, match=r"must be \(1, 12, 12\)"):
        model.logits(torch.zeros(1, 1, 28, 28))


def test_golden_images_have_no_symmetry():
    images = golden_images(3, 28)
    assert images.shape == (2, 3, 28, 28) and images.min() >= 0 and images.max() <= 1
    for quarters in (1, 2, 3):
        for moved in (images.rot90(quarters, (-2, -1)), images.flip(-1).rot90(quarters, (-2, -1)), images.flip(-1)):
            assert (moved - images).abs().mean() > 0.05


def test_the_table_says_what_the_card_says(folder):
    row = catalogue.markdown_table(folder).splitlines()[2]
    assert row.startswith("| `vit.test` | none | 0 | not measured")
    assert "not measured" in catalogue.text_table(folder)
