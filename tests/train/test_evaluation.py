"""The evaluation counts what it says, and a card's figures come from it alone."""

import dataclasses

import pytest
import torch
from torch import nn

from e2viz.data.protocol import Split, Splits
from e2viz.models import build
from e2viz.train.data import TrainingData
from e2viz.train.evaluation import evaluate, in_words
from e2viz.train.loop import Run
from e2viz.train.pack import data_checksum, pack
from e2viz.train.recipes import LONG, RECIPES, Recipe, recipe
from e2viz.zoo import catalogue
from e2viz.zoo.card import Card
from e2viz.zoo.weights import Model
from tests.data_sets import small

SIZE = 12
SMALL = small(SIZE, mean=(0.0,), std=(1.0,))


class BrightestQuarter(nn.Module):
    """Says which quarter of the image holds most light: a rule whose errors can be counted by hand."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, images):
        rows, columns = images.shape[-2] // 2, images.shape[-1] // 2
        halves = [images[..., :rows, :], images[..., rows:, :]]
        quarters = [q for half in halves for q in (half[..., :columns], half[..., columns:])]
        return self.scale * torch.stack([q.sum((1, 2, 3)) for q in quarters], dim=1)


def corner_split(angles_deg):
    """A spot in the upper left quarter, turned by each angle; label 0."""
    images = torch.zeros(len(angles_deg), SIZE, SIZE, dtype=torch.uint8)
    images[:, 3, 3] = 255
    labels = torch.zeros(len(angles_deg), dtype=torch.long)
    return Split(images, labels, torch.tensor(angles_deg, dtype=torch.float64))


@pytest.fixture
def splits():
    upright = corner_split([0.0] * 4)
    return Splits(upright, upright, corner_split([0.0, 20.0, 90.0, 180.0]), upright)


@pytest.fixture
def model():
    card = Card(name="spot.test", architecture="vit", data_set=SMALL)
    return Model(card, BrightestQuarter().eval())


def test_every_figure_by_hand(model, splits):
    calls = []
    found = evaluate(model, splits, report=lambda done, total: calls.append((done, total)))
    assert (found.rotated.correct, found.rotated.total) == (2, 4)
    assert (found.upright.correct, found.upright.total) == (4, 4)
    assert (found.worst_case.correct, found.worst_case.total) == (0, 4)
    assert found.flip_rate == pytest.approx(4 / 36)  # one change at each of four borders
    assert calls[-1] == (4 + 4 + 4 * 36, 4 + 4 + 4 * 36)
    assert "50.00 %" in in_words("spot.test", found)


def test_limit_and_seed(model, splits):
    assert evaluate(model, splits, limit=1).rotated.total == 1
    other = evaluate(model, splits, seed=5)
    assert "seed 5" in other.rotated.of and other.rotated.total == 4


def test_pack_writes_a_card_that_the_catalogue_opens(tmp_path, splits):
    small = {"image_size": SIZE, "width": 8, "mlp_width": 16, "heads": 2, "layers": 1}
    chosen = Recipe(name="vit.packed", architecture="vit", config=small, epochs=2, batch=2)
    data = TrainingData(splits.train, splits.validation, (0.1307,), (0.3081,), turned=True)
    Run(chosen, data, tmp_path / "run").train(report=lambda _: None)
    written = pack(chosen, tmp_path / "run", splits, tmp_path)
    opened = catalogue.load("vit.packed", tmp_path)
    assert opened.card == written
    assert opened.golden_difference() < 1e-5
    assert written.measured == evaluate(opened, splits)
    assert written.epochs == 2 and written.best_epoch in (1, 2) and written.training_seconds > 0
    assert written.data_checksum == data_checksum(splits)
    assert "fresh random angles" in written.data


@pytest.mark.parametrize("chosen", [*RECIPES.values(), *LONG.values()], ids=lambda each: each.name)
def test_every_recipe_builds_its_network(chosen):
    name = chosen.name
    network = build(chosen.architecture, chosen.config)
    # "ge_vit_p4.rotmnist" is the architecture, its group, what else tells it apart, and the task.
    first, _, tag = name.partition(".")
    assert first == chosen.architecture or first.startswith((f"{chosen.architecture}_",))
    assert chosen.task == tag
    assert getattr(network.config, "group", "c4") in ("c4", "d4", "c8", "c16")


def test_an_unknown_recipe_names_the_nearest():
    with pytest.raises(LookupError, match="nearest: vit.rotmnist"):
        recipe("vit.rotmnits")


@pytest.mark.parametrize("table", [RECIPES, LONG])
def test_recipes_of_the_two_rules_differ_by_the_architecture_alone(table):
    ge_vit, gsa_net = table["ge_vit_p4.rotmnist"], table["gsa_net_p4.rotmnist"]
    assert dataclasses.replace(gsa_net, name=ge_vit.name, architecture="ge_vit") == ge_vit


def test_on_a_gpu_a_longer_recipe_takes_its_place():
    gpu = torch.device("cuda")
    assert recipe("vit.rotmnist") is RECIPES["vit.rotmnist"] and recipe("vit.rotmnist", gpu) is LONG["vit.rotmnist"]
    assert recipe("vit.photos", gpu) is RECIPES["vit.photos"] and recipe("ge_vit_p16.mnist") is LONG["ge_vit_p16.mnist"]


def test_a_card_holds_the_recipe_that_made_the_run(tmp_path, splits):
    small = {"image_size": SIZE, "width": 8, "mlp_width": 16, "heads": 2, "layers": 1}
    made = Recipe(name="vit.packed", architecture="vit", config=small, epochs=1, batch=2)
    data = TrainingData(splits.train, splits.validation, (0.1307,), (0.3081,), turned=True)
    Run(made, data, tmp_path / "run").train(report=lambda _: None)
    other = dataclasses.replace(made, config={**small, "width": 16}, epochs=7)
    assert pack(other, tmp_path / "run", splits, tmp_path, measure=False).recipe["epochs"] == 1
