"""One picture, several models: each sees it in its own way, and what was done is said."""

from dataclasses import replace

import pytest
import torch

from e2viz.data import data_set
from e2viz.data.samples import sample
from e2viz.data.sees import label_in, sees
from e2viz.images.intake import bring
from e2viz.images.picture import Picture
from e2viz.measure.sweep import sweep
from e2viz.models import build
from e2viz.zoo.card import Card
from e2viz.zoo.weights import Model


@pytest.fixture
def photograph() -> Picture:
    """Wider than high, in colour, without any ink on paper."""
    ramp = torch.linspace(0, 1, 60 * 90 * 3).reshape(60, 90, 3).numpy()
    return bring(ramp, name="ramp")


def model(name: str, **config) -> Model:
    tag = name.partition(".")[2]
    torch.manual_seed(0)
    data = data_set({"mnist": "digits", "photos": "photos"}[tag])
    fields = {"image_size": data.size, "channels": data.channels, "width": 8, "mlp_width": 8, "heads": 2, "layers": 1}
    card = Card(name=name, architecture="vit", data_set=data, config=fields | config, weights_checksum=name)
    return Model(card, build("vit", card.config).eval().requires_grad_(False))


def test_a_photograph_is_square_and_in_colour_for_models_of_photographs(photograph):
    seen = sees(photograph, data_set("photos"))
    assert seen.values.shape == (3, 60, 60) and seen.background == data_set("photos").background
    assert sees(photograph, data_set("photos")) is seen
    assert photograph.values.shape == (3, 60, 90)


def test_a_model_of_digits_sees_a_photograph_in_grey_and_that_is_said(photograph):
    seen = sees(photograph, data_set("digits"))
    assert seen.channels == 1
    assert any("grey" in step for step in seen.steps)


def test_a_digit_is_shown_to_a_model_of_photographs_in_three_equal_channels():
    digit = sample("mnist-6")
    seen = sees(digit, data_set("photos"))
    assert torch.equal(seen.values, digit.values.expand(3, -1, -1)) and "three channels" in seen.steps[-1]
    assert seen.background == data_set("photos").background  # outside lies what the model was trained with
    assert sees(digit, data_set("digits")) is digit


def test_labels_are_looked_up_by_name():
    six = sample("mnist-6")
    assert label_in(six, data_set("digits")) == 6 and label_in(six, data_set("photos")) is None
    own = replace(data_set("photos"), name="few", class_names=("truck", "cat"))
    assert label_in(replace(six, label=3, data="photos"), own) == 1
    assert label_in(replace(six, label=0, data="photos"), own) is None
    assert label_in(replace(six, label=None), own) is None


def test_one_picture_is_turned_before_models_of_two_kinds(photograph):
    swept = sweep([model("vit.mnist"), model("vit.photos")], photograph, [0.0, 45.0, 90.0])
    inputs = swept.inputs()
    assert [(names, images.shape) for names, images in inputs] == [
        (("vit.mnist",), (3, 1, 28, 28)),
        (("vit.photos",), (3, 3, 32, 32)),
    ]
    assert swept.class_names("vit.photos")[3] == "cat"
    corner = torch.tensor(inputs[1][1][:, :, 0, 0])
    assert torch.allclose(corner, torch.tensor(data_set("photos").background).expand(3, 3), atol=1e-4)


def test_models_that_see_the_same_share_it():
    twin = model("vit.mnist", layers=2)
    twin = Model(replace(twin.card, name="vit_twin.mnist"), twin.network)
    swept = sweep([model("vit.mnist"), twin], sample("mnist-6"), [0.0, 90.0])
    assert [names for names, _ in swept.inputs()] == [("vit.mnist", "vit_twin.mnist")] and not swept.seen
