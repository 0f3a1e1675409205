"""Any torch classifier is a first-class model: it is swept, measured, drawn and made equivariant like ours."""

import pytest
import torch
from torch import nn

import e2viz
from e2viz.data.samples import sample
from e2viz.nn.probe import probes


def classifier(channels=1, classes=3, size=28, seed=0):
    torch.manual_seed(seed)
    layers = nn.Conv2d(channels, 4, 5), nn.Tanh(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(64, classes)
    return nn.Sequential(*layers).eval()


NUMBERS = {"classes": ["ant", "bee", "cat"], "size": 28, "mean": 0.13, "std": 0.31}


def test_its_card_says_what_it_is():
    module = classifier()
    model = e2viz.wrap(module, **NUMBERS)
    card = model.card
    assert card.name == "sequential.yours" and card.class_names == ("ant", "bee", "cat")
    assert (card.channels, card.image_size, card.mean, card.std) == (1, 28, (0.13,), (0.31,))
    assert card.parameters == sum(parameter.numel() for parameter in module.parameters())
    assert card.data_set.background == (0.13,)
    assert type(card).from_json(card.to_json()) == card


def test_logits_are_those_of_the_module_on_normalised_images():
    module = classifier(channels=3)
    model = e2viz.wrap(module, classes=3, size=28, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
    images = torch.rand(2, 3, 28, 28)
    normal = (images - torch.tensor([0.5, 0.4, 0.3])[:, None, None]) / torch.tensor([0.2, 0.3, 0.4])[:, None, None]
    assert torch.equal(model.logits(images), module(normal))
    assert model.card.class_names == ("0", "1", "2")


def test_the_module_is_shared_and_stays_as_it_is():
    module = classifier()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    model = e2viz.wrap(module, **NUMBERS)
    e2viz.sweep([model], sample("mnist-3"), [0, 90])
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())
    assert all(parameter.requires_grad for parameter in module.parameters()) and not probes(module)


def test_it_is_swept_beside_a_model_of_the_catalogue():
    swept = e2viz.sweep([e2viz.wrap(classifier(), **NUMBERS), e2viz.load("cnn.rotmnist")], sample("mnist-3"), [0, 90])
    assert swept.models == ("sequential.yours", "cnn.rotmnist")
    assert swept.logits["sequential.yours"].shape == (2, 3)


def test_checksums_tell_weights_apart():
    one, same, other = (e2viz.wrap(classifier(seed=seed), **NUMBERS) for seed in (0, 0, 1))
    assert one.checksum == same.checksum != other.checksum


def test_made_equivariant_after_the_fact_it_is_exactly_so():
    module = classifier()
    model = e2viz.wrap(module, **NUMBERS)
    invariant = e2viz.make_equivariant(module, "most_likely", "c4")
    images = torch.rand(2, 1, 28, 28)
    assert e2viz.equivariance_error(model, images).probes["logits"].worst_exact > 0.01
    assert e2viz.equivariance_error(invariant.eval(), images).probes["logits"].worst_exact < 1e-5


def test_a_module_with_probes_keeps_them():
    module = e2viz.load("cnn.rotmnist").network
    model = e2viz.wrap(module, classes=10, size=28, mean=0.13, std=0.31, name="mine")
    assert model.name == "mine" and model.network is module and len(model.probe_kinds()) > 2


@pytest.mark.parametrize(
    "module,changed,message",
    [
        (classifier().train(), {}, "must be in eval mode"),
        (classifier(), {"classes": ["ant", "bee"]}, r"one logit for each of 2 classes, \(1, 2\), got \(1, 3\)"),
        (classifier(), {"mean": (0.1, 0.2, 0.3), "std": (0.1, 0.2, 0.3)}, r"must take images \(1, 3, 28, 28\)"),
        (classifier(), {"size": 2}, r"must take images \(1, 1, 2, 2\)"),
        (classifier(), {"std": (0.1, 0.2)}, "one number for each of 1 channels"),
        (nn.Conv2d(1, 3, 3).eval(), {}, r"got \(1, 3, 26, 26\)"),
    ],
)
def test_what_does_not_fit_is_said_at_once(module, changed, message):
    with pytest.raises(ValueError, match=message):
        e2viz.wrap(module, **(NUMBERS | changed))
