"""The scene over a data set: curves with their bands, confusion and reliability that turn with the angle."""

import dataclasses
import re

import numpy as np
import pytest

from e2viz.measure.over_data import TurnAnswers, over_data
from e2viz.render.encode import encode
from e2viz.render.recipe import Recipe
from e2viz.scenes import make
from e2viz.scenes import over_data as page
from e2viz.zoo import catalogue


def result(name, seed=0, images=400, data="digits"):
    generator = np.random.default_rng(seed)
    angles, labels = np.arange(8) * 45.0, generator.integers(0, 10, images)
    wrong = generator.integers(0, 10, (images, 8))
    winners = np.where(generator.uniform(size=(images, 8)) < 0.7, labels[:, None], wrong)
    answers = TurnAnswers(angles, labels, winners, generator.uniform(0.3, 1, (images, 8)))
    return over_data(answers, 10, model=name, data=data, data_checksum=str(images))


@pytest.fixture
def results():
    return {name: result(name, seed) for seed, name in enumerate(("vit.mnist", "ge_vit_p4.rotmnist"))}


def test_the_scene(results):
    scene = page.compose(results)
    assert scene.frames == 8 and len(scene.curves) == 4 and len(scene.rows) == 2
    accuracy = scene.curves[0]
    np.testing.assert_allclose(accuracy.values, results["vit.mnist"].accuracy)
    np.testing.assert_allclose(accuracy.band, results["vit.mnist"].bands)
    confusion = scene.rows[0].panels[0]
    shares = results["vit.mnist"].confusion[3] / results["vit.mnist"].confusion[3].sum(1, keepdims=True)
    np.testing.assert_allclose(confusion.values[3] / 255, shares, atol=0.003)
    assert "called" in confusion.caption and "400 test pictures" in scene.caption
    assert "vit.mnist accuracy" in scene.numbers and len(scene.numbers["angle_deg"]) == 8
    with pytest.raises(ValueError, match="at least one model"):
        page.compose({})


def test_each_angle_has_a_bar_from_end_to_end_of_its_interval(results):
    scene = page.compose(results)
    without = dataclasses.replace(scene, curves=tuple(dataclasses.replace(c, band=None) for c in scene.curves))

    def marks(scene):
        return len(re.findall(r"<(?:line|path|polyline|polygon)", encode(scene, "svg").decode()))

    assert marks(scene) - marks(without) == 2 * 8


def test_a_reliability_diagram_is_as_high_as_its_accuracy():
    table = np.full((15, 3), np.nan)
    table[:, 2] = 0.0
    table[9] = (0.65, 0.5, 1.0)
    drawn = page.reliability_diagram(table)
    column = drawn[:, 9 * 4]
    assert column[30:].min() >= 90 and (column[:20] == 0).all() and drawn[-1, 0] == 255
    assert np.count_nonzero(drawn[:, 0]) == 1, "an empty bin has no bar, only the diagonal"


def test_only_what_was_measured_alike_shares_a_plot(results):
    other = {**results, "cnn.rotmnist": result("cnn.rotmnist", images=300)}
    assert list(page.comparable(other)) == list(results)


def test_four_eight_sixteen():
    assert page.rotations_family(["vit.mnist"]) == [
        "vit.mnist", "vit.mnist+most_certain_c4", "vit.mnist+most_certain_c8", "vit.mnist+most_certain_c16"
    ]  # fmt: skip
    assert page.rotations_family(["ge_vit_p4.rotmnist"]) == [], "it has a group of its own, and no relatives yet"
    assert page.rotations_family(["ge_vit_p4.rotmnist", "vit.rotmnist"])[0] == "vit.rotmnist"


def test_networks_built_for_the_groups_go_before_wrapped_ones(monkeypatch):
    built = ["ge_vit_p16.mnist", "ge_vit_p4.mnist", "ge_vit_p8.mnist", "vit.mnist"]
    monkeypatch.setattr(catalogue, "list_models", lambda: built)
    assert page.rotations_family(["ge_vit_p8.mnist"]) == ["ge_vit_p4.mnist", "ge_vit_p8.mnist", "ge_vit_p16.mnist"]


def test_what_was_not_measured_is_said():
    with pytest.raises(LookupError, match="not measured over a data set: vit.fashion"):
        make(Recipe(page="over_data", models=("vit.fashion",)))


def test_the_sentence_says_upright_a_quarter_turn_and_what_lies_between(results):
    found = results["vit.mnist"]
    said = page.sentence({"vit.mnist": found}, {"vit.mnist": "ViT"})
    upright, between, quarter = (100 * share for share in found.accuracy[:3])
    assert f"ViT is right on {upright:.1f} % upright, {quarter:.1f} % at 90° and {between:.1f} % at 45°" in said
    few = dataclasses.replace(found, angles_deg=found.angles_deg + 1.0)
    assert "at best" in page.sentence({"vit.mnist": few}, {"vit.mnist": "ViT"})
