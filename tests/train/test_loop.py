"""The loop: exact resumption, schedule, averaging and the choice of the best epoch."""

import csv
import dataclasses
import math

import pytest
import torch

from e2viz.data.protocol import Split
from e2viz.models import build
from e2viz.train import checkpoint, loop
from e2viz.train.average import WeightAverage
from e2viz.train.data import TrainingData
from e2viz.train.device import machine_class
from e2viz.train.loop import Run, learning_rate
from e2viz.train.muon import orthogonalised, orthogonalised_together
from e2viz.train.pack import model_of_run
from e2viz.train.recipes import Recipe
from e2viz.zoo.card import Card
from e2viz.zoo.weights import Model

RECIPE = Recipe(
    name="vit.test",
    architecture="vit",
    config={"image_size": 12, "width": 8, "mlp_width": 16, "heads": 2, "layers": 1, "dropout": 0.2},
    epochs=3,
    batch=8,
    micro_batch=3,
    optimiser="muon",
    shift_px=1,
)


def split(count, seed):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, 12, 12), generator=generator, dtype=torch.uint8)
    angles_deg = torch.rand(count, generator=generator, dtype=torch.float64) * 360
    return Split(images, torch.randint(0, 10, (count,), generator=generator), angles_deg)


@pytest.fixture(scope="module")
def data():
    return TrainingData(split(20, 1), split(6, 2), (0.1307,), (0.3081,), turned=True)


def silent(_line):
    pass


def state(folder):
    _, states = checkpoint.load(folder / "state.pt")
    return states


def log(folder):
    return list(csv.DictReader((folder / "log.csv").read_text().splitlines()))


def assert_same_bits(first, second):
    assert type(first) is type(second)
    if isinstance(first, torch.Tensor):
        assert torch.equal(first, second)
    elif isinstance(first, dict):
        assert first.keys() == second.keys()
        for key in first:
            assert_same_bits(first[key], second[key])
    elif isinstance(first, list):
        for one, other in zip(first, second, strict=True):
            assert_same_bits(one, other)
    else:
        assert first == second


@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_interrupted_and_resumed_equals_uninterrupted_bit_for_bit(data, tmp_path, optimiser):
    recipe = Recipe(**{**RECIPE.to_dict(), "optimiser": optimiser})
    assert Run(recipe, data, tmp_path / "whole").train(report=silent)
    for _ in range(20):  # a budget of no time at all: every sitting makes one step, also in mid-epoch
        torch.manual_seed(torch.seed() % 2**31)  # whatever the state of the generator is
        if Run(recipe, data, tmp_path / "parts", resume=True).train(minutes=0.0, report=silent):
            break
    assert_same_bits(state(tmp_path / "whole"), state(tmp_path / "parts"))
    whole, parts = (log(tmp_path / each) for each in ("whole", "parts"))
    assert [row["epoch"] for row in whole] == ["1", "2", "3"]
    for row in whole + parts:
        del row["seconds"]
    assert whole == parts


def test_another_seed_gives_another_network(data, tmp_path):
    Run(RECIPE, data, tmp_path / "one").train(report=silent)
    Run(Recipe(**{**RECIPE.to_dict(), "seed": 2}), data, tmp_path / "two").train(report=silent)
    one, two = (state(tmp_path / each)["network"]["head.1.weight"] for each in ("one", "two"))
    assert not torch.equal(one, two)


def test_a_state_is_not_overwritten_without_resume(data, tmp_path):
    Run(RECIPE, data, tmp_path).train(minutes=0.0, report=silent)
    with pytest.raises(FileExistsError, match="--resume"):
        Run(RECIPE, data, tmp_path)


def test_a_finished_run_can_be_given_more_epochs(data, tmp_path):
    Run(RECIPE, data, tmp_path).train(report=silent)
    run = Run(RECIPE, data, tmp_path, resume=True, epochs=4)
    assert run.train(report=silent)
    assert [row["epoch"] for row in run.progress.rows] == [1, 2, 3, 4]
    assert run.progress.schedule == [[0, 3], [9, 4]]


def test_a_run_that_goes_on_elsewhere_says_both_machines(data, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "accuracy", lambda *_: 0.5)
    Run(RECIPE, data, tmp_path).train(report=silent)
    monkeypatch.setattr(loop, "machine_class", lambda *_: "another machine")
    for epochs in (4, 5):
        Run(RECIPE, data, tmp_path, resume=True, epochs=epochs).train(report=silent)
    _, states = checkpoint.load(tmp_path / "best.pt")
    assert states["machine"] == f"{machine_class()}, then another machine"


def test_the_best_epoch_on_validation_is_kept(data, tmp_path, monkeypatch):
    accuracies = iter([0.2, 0.6, 0.4])
    monkeypatch.setattr(loop, "accuracy", lambda *_: next(accuracies))
    run = Run(RECIPE, data, tmp_path)
    run.train(report=silent)
    best, _ = checkpoint.load(tmp_path / "best.pt")
    assert (best.best_epoch, best.best_accuracy) == (2, 0.6)
    assert run.progress.best_epoch == 2


def test_a_run_that_learns_from_the_validation_images_ships_its_last_epoch_and_says_so(data, tmp_path):
    recipe = Recipe(**{**RECIPE.to_dict(), "with_validation": True})
    run = Run(recipe, data, tmp_path)
    assert run.steps == 3 * math.ceil(26 / RECIPE.batch)
    run.train(report=silent)
    assert [row["validation_accuracy"] for row in run.progress.rows] == ["nan"] * 3
    best, states = checkpoint.load(tmp_path / "best.pt")
    assert best.best_epoch == 3 and states["recipe"]["with_validation"]
    card = model_of_run(recipe, tmp_path).card
    assert card.validation_accuracy is None and "the validation images were learned from too" in card.data
    assert Card.from_json(card.to_json()).validation_accuracy is None
    told = model_of_run(RECIPE, _trained(data, tmp_path / "held out")).card
    assert told.validation_accuracy is not None and "learned from too" not in told.data


def _trained(data, folder):
    Run(RECIPE, data, folder).train(report=silent)
    return folder


def test_validation_may_be_rarer_than_epochs(data, tmp_path):
    run = Run(Recipe(**{**RECIPE.to_dict(), "validate_every": 2}), data, tmp_path)
    run.train(report=silent)
    assert [row["epoch"] for row in run.progress.rows] == [2, 3]


def test_micro_batches_sum_to_the_batch(data, tmp_path):
    plain = {**RECIPE.to_dict(), "config": {**RECIPE.config, "dropout": 0.0}}
    networks = []
    for size in (0, 2):
        run = Run(Recipe(**{**plain, "micro_batch": size}), data, tmp_path / str(size))
        run.train(minutes=0.0, report=silent)
        networks.append(run.network)
    for one, other in zip(*(network.parameters() for network in networks), strict=True):
        torch.testing.assert_close(one, other, rtol=0.0, atol=1e-3)


def test_the_learning_rate_rises_then_falls_to_zero():
    recipe = Recipe(**{**RECIPE.to_dict(), "learning_rate": 0.1, "warmup": 0.1})
    rates = [learning_rate(recipe, step, 100) for step in range(101)]
    assert rates[0] == pytest.approx(0.01) and rates[10] == pytest.approx(0.1) and rates[100] == pytest.approx(0)
    assert all(a > b for a, b in zip(rates[10:], rates[11:], strict=False))


def test_the_average_follows_weights_and_counts():
    network = torch.nn.BatchNorm1d(2)
    mean = WeightAverage(network, 0.9)
    with torch.no_grad():
        network.weight.fill_(3.0)
        network.num_batches_tracked.fill_(7)
    mean.update(network, 1000)
    assert mean.network.weight.tolist() == pytest.approx([1.2, 1.2])
    assert int(mean.network.num_batches_tracked) == 7
    mean.update(network, 0)  # early on, a tenth of the past is kept
    assert mean.network.weight.tolist() == pytest.approx([2.82, 2.82])


@pytest.mark.parametrize("shape", [(8, 8), (4, 16), (16, 4)])
def test_an_orthogonalised_matrix_has_singular_values_near_one(shape):
    matrix = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    u, s, v = torch.linalg.svd(matrix, full_matrices=False)
    found = orthogonalised(matrix)
    values = torch.linalg.diagonal(u.mT @ found @ v.mT)
    assert values.min() > 0.5 and values.max() < 1.35


def test_bad_recipes_are_refused():
    with pytest.raises(ValueError, match="at least 1, got 0"):
        Recipe(name="x", architecture="vit", epochs=0)
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        Recipe(name="x", architecture="vit", warmup=1.0)
    with pytest.raises(ValueError, match="optimiser must be"):
        Recipe(name="x", architecture="vit", optimiser="sgd")


TRAPEZOID = {**RECIPE.to_dict(), "anneal": "trapezoid", "decay": 0.5}


def test_a_trapezoid_is_level_and_then_falls_straight_to_zero():
    recipe = Recipe(**{**TRAPEZOID, "learning_rate": 0.1, "warmup": 0.1})
    rates = [learning_rate(recipe, step, 100, 100) for step in range(101)]
    assert rates[0] == pytest.approx(0.01) and rates[10:51] == [0.1] * 41
    assert rates[75] == pytest.approx(0.05) and rates[100] == 0
    shorter = [learning_rate(recipe, step, 60, 100) for step in range(30)]
    assert shorter == rates[:30]  # while it is level, the number of epochs may change


def test_epochs_are_chosen_from_the_time_that_they_take(data, tmp_path, monkeypatch):
    clock = iter(range(10_000))
    monkeypatch.setattr(loop.time, "monotonic", lambda: float(next(clock)))
    recipe = Recipe(**{**TRAPEZOID, "epochs": 100})
    run = Run(recipe, data, tmp_path)
    assert run.train(report=silent, finish_in_s=120.0)
    assert 6 < run.epochs < 30 and run.progress.step == run.steps
    assert run.progress.schedule[0] == [0, 100] and run.progress.schedule[-1][1] == run.epochs
    assert float(log(tmp_path)[-1]["seconds"]) < 130
    assert run.progress.schedule[-1][0] <= 0.6 * run.steps  # not any more once the learning rate falls


def test_a_run_that_is_late_stops_with_its_best_so_far(data, tmp_path, monkeypatch):
    clock = iter(range(10_000))
    monkeypatch.setattr(loop.time, "monotonic", lambda: float(next(clock)))
    run = Run(Recipe(**{**TRAPEZOID, "epochs": 2, "validate_every": 50}), data, tmp_path)
    monkeypatch.setattr(run, "_choose_epochs", lambda *_: None)
    assert not run.train(report=silent, finish_in_s=3.0)
    assert (tmp_path / "best.pt").exists() and (tmp_path / "state.pt").exists()


def test_a_time_to_finish_needs_a_level_schedule(data, tmp_path):
    with pytest.raises(ValueError, match="trapezoid, got cosine"):
        Run(RECIPE, data, tmp_path).train(report=silent, finish_in_s=1.0)


def test_many_matrices_at_once_are_made_orthogonal_like_one_by_one():
    matrices = torch.randn(3, 6, 16, generator=torch.Generator().manual_seed(0))
    together = orthogonalised_together(matrices)
    for one, matrix in zip(together, matrices, strict=True):
        torch.testing.assert_close(one, orthogonalised(matrix), rtol=0, atol=0.05)


def test_filters_go_to_muon_only_where_the_recipe_says_so():
    network = build("gcnn", {"image_size": 8, "stages": ((2, 1),), "channels": 3})
    for filters, count in ((False, 1), (True, 4)):
        found = loop.optimisers(Recipe(**{**RECIPE.to_dict(), "muon_filters": filters}), network)
        assert sum(len(group["params"]) for group in found[1].param_groups) == count
    before = network.layers[1].first.weight.detach().clone()
    network(torch.randn(2, 3, 8, 8)).sum().backward()
    found[1].step()
    assert not torch.equal(before, network.layers[1].first.weight)


@pytest.mark.parametrize("changes,what", [({"anneal": "steps"}, "anneal"), ({"precision": "int8"}, "precision")])
def test_unknown_choices_are_refused(changes, what):
    with pytest.raises(ValueError, match=what):
        Recipe(name="x", architecture="vit", **changes)


def test_pictures_bend_less_as_the_learning_rate_falls_where_the_recipe_says_so(data, tmp_path):
    recipe = dataclasses.replace(
        RECIPE, epochs=10, warmup=0.1, anneal="trapezoid", decay=0.5, zoom=0.2, bend_px=1.0, shift_px=2
    )
    still = loop.Run(recipe, data, tmp_path / "still")
    eased = loop.Run(dataclasses.replace(recipe, ease=True), data, tmp_path / "eased")
    steps = eased.steps
    assert {still._augmentation(step).bend_px for step in range(steps)} == {1.0}
    bends = [eased._augmentation(step).bend_px for step in range(steps)]
    assert bends[: steps // 2] == [1.0] * (steps // 2), "at full strength while the rate rises and is level"
    assert steps == 30 and bends[24] == pytest.approx(0.4) and bends[-1] == pytest.approx(1 / 15)
    assert eased._augmentation(24).zoom == pytest.approx(0.08) and eased._augmentation(24).shift_px == 2


def test_weights_that_are_trained_further_keep_their_count_of_epochs(data, tmp_path, monkeypatch):
    Run(RECIPE, data, tmp_path / "first").train(report=silent)
    _, states = checkpoint.load(tmp_path / "first" / "best.pt")
    network = build(RECIPE.architecture, RECIPE.config)
    network.load_state_dict(states["network"])
    card = Card(name=RECIPE.name, architecture="vit", epochs=3, training_seconds=7.0, recipe={"epochs": 3})
    monkeypatch.setattr(loop.catalogue, "load", lambda _: Model(card, network))
    further = Recipe(**{**RECIPE.to_dict(), "start": RECIPE.name})
    run = Run(further, data, tmp_path / "second")
    assert torch.equal(run.network.head[1].weight, network.head[1].weight)
    run.train(report=silent)
    progress, _ = checkpoint.load(tmp_path / "second" / "state.pt")
    assert (progress.earlier_epochs, progress.earlier_seconds) == (3, 7.0)
    recipe = model_of_run(further, tmp_path / "second").card.recipe
    assert recipe["before"] == {"epochs": 3} and recipe["start"] == RECIPE.name
    assert "before" not in model_of_run(RECIPE, tmp_path / "first").card.recipe
