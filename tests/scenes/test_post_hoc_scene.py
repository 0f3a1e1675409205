"""The post-hoc scene shows what the wrapped models compute, view by view and method by method."""

import dataclasses

import numpy as np
import pytest
import torch

from e2viz import scenes
from e2viz.data.samples import sample
from e2viz.groups import group
from e2viz.kept import entries
from e2viz.kept.entries import Entry
from e2viz.models import build
from e2viz.models.methods import KINDS, LEARNED, METHODS, NOT_INVARIANT
from e2viz.render.palette import class_color, rgb
from e2viz.render.recipe import Recipe
from e2viz.scenes import post_hoc
from e2viz.scenes import views as view_answers
from e2viz.scenes.method_words import KIND_WORDS, LABELS, grouped, rows_of
from e2viz.scenes.view_ring import view_ring
from e2viz.zoo.card import Card
from e2viz.zoo.weights import Model
from e2viz.zoo.wrapped import wrap

ANGLES = np.arange(8) * 45.0
CONFIG = {"width": 8, "mlp_width": 16, "heads": 2, "layers": 1}


@pytest.fixture(scope="module")
def base():
    torch.manual_seed(0)
    network = build("vit", CONFIG).eval().requires_grad_(False)
    torch.nn.init.normal_(network.head[1].weight)
    return Model(Card(name="vit.test", architecture="vit", config=CONFIG, weights_checksum="1"), network)


@pytest.fixture(scope="module")
def looked(base):
    return view_answers.look(base, "c4", sample("mnist-6"), ANGLES)


def test_what_is_shown_is_what_the_wrapped_models_compute(base, looked):
    images = torch.from_numpy(looked.images)
    np.testing.assert_allclose(looked.logits[:, 0], base.logits(images), atol=1e-4)
    for method, found in view_answers.outcomes(looked).items():
        np.testing.assert_allclose(found.logits, wrap(base, method, "c4").logits(images), atol=1e-3)
        np.testing.assert_allclose(found.weights.sum(1), 1.0, atol=1e-5)


def test_a_quarter_turn_moves_the_views_and_keeps_the_outcome(looked):
    moved = group("c4").act_on_group_axis(torch.from_numpy(looked.logits[0]), 1, 0)
    np.testing.assert_allclose(looked.logits[2], moved, atol=1e-4)
    for method, found in view_answers.outcomes(looked).items():
        if method not in NOT_INVARIANT:
            np.testing.assert_allclose(found.logits[2], found.logits[0], atol=1e-3)


def test_untrained_aggregations_are_left_out(looked):
    assert set(view_answers.outcomes(looked)) == set(METHODS) - set(LEARNED)


def test_the_most_certain_view_has_all_the_weight(looked):
    found = view_answers.outcomes(looked)["most_certain"]
    certain = torch.from_numpy(looked.logits).softmax(-1).amax(-1).argmax(1)
    assert found.weights.argmax(1).tolist() == certain.tolist() and set(found.weights.ravel()) == {0.0, 1.0}


@pytest.mark.parametrize("method", KINDS["canonicalise"])
def test_a_canonical_view_is_the_one_the_network_chose(base, looked, method):
    model = wrap(base, method, "c4")
    found = view_answers.combined(model.network, looked)
    chosen = model.network.orientation(model.prepare(torch.from_numpy(looked.images))).argmax(1)
    assert found.weights.argmax(1).tolist() == chosen.tolist() and set(found.weights.ravel()) == {0.0, 1.0}
    np.testing.assert_allclose(found.logits, model.logits(torch.from_numpy(looked.images)), atol=1e-3)


def test_every_method_has_its_words():
    assert tuple(LABELS) == METHODS and set(KIND_WORDS) == set(KINDS)
    assert rows_of(["mean", "gated_search"]) == "mean, gated search"
    assert grouped("most_certain") == "Choose · most certain"


def test_the_class_token_s_attention_is_what_the_network_used(base, looked):
    found = view_answers.combined(wrap(base, "learned_attention", "c4").network, looked)
    assert found.attention.shape == (8, 4, 4)
    assert (found.attention.sum(-1) < 1).all(), "some of it stays with the token itself"


def test_the_scene(base, looked, monkeypatch):
    recipe = Recipe(page="post_hoc", models=("vit.test",), picture="mnist-6", angles=8)
    scene = post_hoc.compose(recipe, looked, sample("mnist-6"), "most_certain")
    assert scene.frames == 8 and len(scene.rings) == len(scene.bars) == 2
    assert "Of 4 views" in scene.title and "say" in scene.title and "9 methods" in scene.title
    titles = [panel.title for row in scene.rows for panel in row.panels]
    kinds = ["Combine", "Choose", "Search"]
    assert titles == ["views", "probability of each class, by view", *kinds, *kinds]
    assert "test-time augmentation" in scene.rows[1].panels[0].caption
    strip = scene.rows[-1].panels[-1].values[0]
    assert len(strip) == 3, "alone, ungated, gated"
    winner = int(view_answers.outcomes(looked)["gated_search"].logits[3].argmax())
    assert "#{:02x}{:02x}{:02x}".format(*strip[-1, 3]) == class_color(winner).lower()
    assert len(scene.numbers["view 3 prediction"]) == 8
    with pytest.raises(LookupError, match="learned_average has no trained weights"):
        post_hoc.compose(recipe, looked, sample("mnist-6"), "learned_average")
    monkeypatch.setattr(post_hoc.e2viz, "load", lambda name: base)
    assert scenes.make(dataclasses.replace(recipe, settings={"group": "c4"})).frames == 8


@pytest.mark.parametrize("name", ["c2", "c4", "c16", "d4"])
def test_each_view_stands_at_its_own_angle_with_its_own_rim(name):
    acting = group(name)
    frames = 2
    views = np.full((frames, acting.order, 1, 28, 28), 0.5, dtype=np.float32)
    classes = np.zeros((frames, acting.order), dtype=int)
    classes[:, 1] = 1
    outcome = np.array([3, 4])
    panel = view_ring(views, classes, views[:, 0], outcome, acting, 160)
    rims = [(panel.values[0] == rgb(class_color(index))).all(-1) for index in range(10)]
    assert {index for index, rim in enumerate(rims) if rim.any()} == {0, 1, 3}
    rows, columns = (np.nonzero(rims[1])[axis].mean() - 79.5 for axis in (0, 1))
    angle_deg = np.degrees(np.arctan2(-columns, -rows)) % 360  # from the top, counter-clockwise
    assert abs(angle_deg - acting.angle_deg(1)) < 2
    assert abs(np.nonzero((panel.values[1] == rgb(class_color(4))).all(-1))[0].mean() - 79.5) < 1


def test_the_table_of_outcomes(looked):
    table = post_hoc.outcome_table(looked, sample("mnist-6"))
    assert table["method"][0] == "alone" and len(table["flips"]) == 10 and table["flips"][1].endswith("of 8")


def test_a_shipped_look_is_what_would_be_computed(base, looked, monkeypatch, tmp_path):
    picture = sample("mnist-6")
    whole = view_answers.look(base, "c4", picture, view_answers.SHIPPED_ANGLES_DEG)
    held = {view_answers.key_of(base, "c4"): Entry(view_answers.facts(base, "c4"), view_answers.arrays(whole))}
    entries.save("post_hoc", picture, held, tmp_path)
    find = entries.find
    monkeypatch.setattr(entries, "find", lambda *arguments: find(*arguments[:4], tmp_path))
    found = view_answers.shipped_look(base, "c4", picture, ANGLES, "fair")
    np.testing.assert_allclose(found.logits, looked.logits, atol=0.02, rtol=2e-3)
    np.testing.assert_allclose(found.images, looked.images, atol=1e-5)
    assert view_answers.shipped_look(base, "c4", picture, ANGLES + 1, "fair") is None
    assert view_answers.shipped_look(base, "c4", picture, ANGLES, "naive") is None
    assert view_answers.shipped_look(base, "c8", picture, ANGLES, "fair") is None
    assert view_answers.shipped_look(base, "c4", sample("mnist-8"), ANGLES, "fair") is None
