"""Wrapped models by name: loaded like any other, tied to their base, and the base left alone."""

import dataclasses

import pytest
import safetensors.torch
import torch

from e2viz import check
from e2viz.models import build
from e2viz.zoo import catalogue
from e2viz.zoo.card import Card
from e2viz.zoo.weights import WeightsError, checksum, write_model
from e2viz.zoo.wrapped import Wrapping, wrap, wrapping
from tests.data_sets import small

SMALL = small()
CONFIG = {"image_size": 12, "width": 8, "mlp_width": 16, "heads": 2, "layers": 1}


@pytest.fixture
def folder(tmp_path):
    catalogue.forget()
    torch.manual_seed(0)
    card = Card(name="vit.test", architecture="vit", config=CONFIG, data_set=SMALL)
    write_model(tmp_path, card, build("vit", CONFIG))
    return tmp_path


def images():
    return torch.rand(3, 1, 12, 12, generator=torch.Generator().manual_seed(0))


def learned(folder, method="learned_average"):
    """Write an aggregation's weights beside the base."""
    base = catalogue.load("vit.test", folder)
    model = wrap(base, method, "c4")
    for parameter in model.network.aggregate.parameters():
        torch.nn.init.normal_(parameter)
    data = safetensors.torch.save(model.network.aggregate.state_dict())
    card = dataclasses.replace(
        model.card, weights_checksum=checksum(data), recipe={"base": base.name, "base_checksum": base.checksum}
    )
    (folder / f"{card.name}.safetensors").write_bytes(data)
    (folder / f"{card.name}.json").write_text(card.to_json())
    return model


@pytest.mark.parametrize("name", ["vit.test+mean_c4", "vit.test+most_certain_d4", "vit.test+tta_c8"])
def test_a_wrapped_model_is_loaded_by_name(folder, name):
    model = catalogue.load(name, folder)
    assert model.name == model.card.name == name and model.card.architecture == "post_hoc"
    assert catalogue.is_model(name, folder) and catalogue.card(name, folder) == model.card
    torch.testing.assert_close(model.logits(images().rot90(1, (-2, -1))), model.logits(images()))
    assert not torch.allclose(catalogue.load("vit.test", folder).logits(images()), model.logits(images()), rtol=1e-3)
    assert model.checksum != catalogue.load("vit.test+max_c4", folder).checksum


def test_the_base_keeps_its_weights_and_its_probes(folder):
    base = catalogue.load("vit.test", folder)
    before = {name: tensor.clone() for name, tensor in base.network.state_dict().items()}
    kinds = base.probe_kinds()
    model = wrap(base, "learned_attention", "c4")
    with torch.no_grad():
        model.network.wrapped.head[1].weight.zero_()
    assert base.probe_kinds() == kinds and "view_logits" in model.probe_kinds()
    assert all(torch.equal(tensor, before[name]) for name, tensor in base.network.state_dict().items())


def test_a_learned_aggregation_has_a_file_tied_to_its_base(folder):
    made = learned(folder)
    name = "vit.test+learned_average_c4"
    assert catalogue.is_model(name, folder) and name in catalogue.list_models(folder, wrapped=True)
    assert catalogue.list_models(folder) == ["vit.test"], "only models that stand by themselves, unless asked"
    torch.testing.assert_close(catalogue.load(name, folder).logits(images()), made.logits(images()))
    catalogue.forget()
    card = catalogue.card(name, folder)
    other = dataclasses.replace(card, recipe={**card.recipe, "base_checksum": "0"})
    (folder / f"{name}.json").write_text(other.to_json())
    with pytest.raises(WeightsError, match="other weights of vit.test"):
        catalogue.load(name, folder)
    (folder / f"{name}.safetensors").write_bytes(b"x")
    with pytest.raises(WeightsError, match="checksum"):
        catalogue.load(name, folder)
    (folder / f"{name}.safetensors").unlink()
    with pytest.raises(WeightsError, match="cannot be read"):
        catalogue.load(name, folder)


def test_an_aggregation_that_was_not_trained_is_not_there(folder):
    assert not catalogue.is_model("vit.test+learned_attention_c4", folder)
    with pytest.raises(LookupError, match="no model is called"):
        catalogue.load("vit.test+learned_attention_c4", folder)


def test_names():
    assert wrapping("vit.rotmnist+most_likely_c16") == Wrapping("vit.rotmnist", "most_likely", "c16")
    assert wrapping("vit.rotmnist+most_likely_c16").name == "vit.rotmnist+most_likely_c16"
    for wrong in ("vit.rotmnist", "vit.rotmnist+median_c4", "vit.rotmnist+mean", "vit.rotmnist+mean_c0", "a+mean_c4+b"):
        assert wrapping(wrong) is None


def test_the_self_test_measures_its_symmetry(folder):
    found = check.check_model(catalogue.load("vit.test+mean_d4", folder))
    assert not found.problem and found.claims_symmetry and found.equivariance_error < 1e-5
    assert "no golden output" in str(found)
