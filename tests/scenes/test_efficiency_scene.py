"""The efficiency page's numbers come from the committed measurement, cards and tables, and its panels from probes."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.efficiency import share_times
from e2viz.data.samples import sample
from e2viz.kept import entries
from e2viz.kept.entries import Entry
from e2viz.measure.sweep import sweep
from e2viz.models import build
from e2viz.render.recipe import Recipe
from e2viz.scenes import efficiency, efficiency_points
from e2viz.scenes.efficiency_charts import Point
from e2viz.scenes.efficiency_points import _from_tables, numbers, on_data, points, sentence, untrained
from e2viz.train.recipes import RECIPES
from e2viz.zoo import catalogue
from e2viz.zoo.card import Accuracy

ANGLES = np.arange(8) * 45.0


def point(name, forward_ms, correct=None, trained=True, training_s=600.0):
    accuracy = None if correct is None else Accuracy(correct=correct, total=1000)
    return Point(name=name, forward_ms=forward_ms, training_s=training_s, trained=trained, parameters=7,
                 accuracy=accuracy)  # fmt: skip


@pytest.fixture(scope="module")
def swept():
    """The whole artificial images, as the probes hold them."""
    return sweep(efficiency.artificial_models(), sample("mnist-8"), ANGLES, ("artificial_image",))


def test_the_committed_measurement_covers_every_recipe_for_digits():
    held = efficiency_points.measurements()["models"]
    wanted = {recipe.name for recipe in RECIPES.values() if recipe.task != "pcam"}
    assert wanted <= set(held), "run make efficiency"
    for name in wanted:
        recipe = RECIPES[name]
        parameters = sum(p.numel() for p in build(recipe.architecture, recipe.config).parameters())
        assert held[name]["parameters"] == parameters, f"{name} has another size now: make efficiency"
        assert 0 < held[name]["forward_ms"] < held[name]["training_step_ms"]
    assert {f"patch_ge_vit_p4_{size}px.rotmnist" for size in (2, 4, 7, 14)} <= wanted


def test_each_data_set_has_an_axis_of_its_own():
    names = ["vit.rotmnist", "vit.fashion", "vit.mnist+mean_c4", "vit.fashion+mean_c4", "unknown.weights"]
    points = [point(name, 1.0) for name in [*names, "vit.photos"]]
    assert [each.name for each in on_data(points, "digits")] == ["vit.rotmnist", "vit.mnist+mean_c4"]
    assert [each.name for each in on_data(points, "clothes")] == ["vit.fashion", "vit.fashion+mean_c4"]
    assert [each.name for each in on_data(points, "photos")] == ["vit.photos"]


def test_points_take_accuracy_and_training_time_from_the_cards(tmp_path):
    name = catalogue.list_models()[-1]
    card = catalogue.card(name)
    held = {"forward_ms": 2.0, "parameters": 5, "training_s": 99}
    file = tmp_path / "efficiency.json"
    file.write_text(json.dumps({"machine": "", "attention": "", "models": {name: held, "ge_vit_p9.rotmnist": held}}))
    first, second = points(file)
    assert first.trained and first.accuracy == (card.measured.rotated if card.measured else None)
    assert first.training_s == card.training_seconds
    assert not second.trained and second.accuracy is None and second.training_s == 99
    assert points(tmp_path / "nowhere.json") == []


def test_wrapped_models_take_accuracy_from_the_tables(tmp_path, monkeypatch):
    base = next(name for name in catalogue.list_models() if name.startswith("vit") and "+" not in name)
    facts = {"base": base, "base_checksum": catalogue.card(base).weights_checksum, "images": 10, "group": "c16"}
    table = {**facts, "cells": {"mean/none": {"correct": 9, "total": 10, "seconds": 1.0}}}
    (tmp_path / "a.json").write_text(json.dumps(table))
    monkeypatch.setattr(efficiency_points, "TABLES", tmp_path)
    assert _from_tables(f"{base}+mean_c16") == Accuracy(
        correct=9, total=10, of=f"{catalogue.card(base).data_set.test_split}, turned by the protocol's angles"
    )
    assert _from_tables(f"{base}+mean_c4") is None and _from_tables(f"{base}+max_c16") is None
    (tmp_path / "a.json").write_text(json.dumps({**table, "base_checksum": "other"}))
    assert _from_tables(f"{base}+mean_c16") is None


def test_the_sentence_counts():
    found = [point("ge_vit_p4.rotmnist", 10.0, 980), point("patch_ge_vit_p4_14px.rotmnist", 0.25, 950),
             point("hybrid_p4.rotmnist", 2.0, 970)]  # fmt: skip
    text = sentence(found)
    assert "40 times" in text and "gives away 3.0 points" in text and "Patch GE-ViT p4 14px" in text
    assert "make efficiency" in sentence([])
    better = [replace(found[0], accuracy=Accuracy(correct=500, total=1000)), *found[1:]]
    assert "gains" in sentence(better) and "-" not in sentence(better).partition("It gains")[2]
    assert "Hybrid p4 takes 2.0 ms an image" in sentence(found[2:]), "no GE-ViT on all pixels was measured"
    assert "points" not in sentence([found[0], point("hybrid_p4.rotmnist", 2.0)])


def test_the_table_says_what_was_not_measured_and_what_would_train_it():
    found = [point("vit.rotmnist", 2.0, 970), point("cnn.rotmnist", 1.0, trained=False, training_s=30.0)]
    table = numbers(found)
    assert table["model"] == ["cnn.rotmnist", "vit.rotmnist"] and table["accuracy turned"][0] == "not measured"
    assert table["training"] == ["30 s by its recipe", "10 min"]
    assert untrained(found) == ["python -m e2viz train cnn.rotmnist"]


def test_artificial_images_turn_with_the_picture(swept):
    for name in swept.models:
        maps = torch.from_numpy(swept.records[name]["artificial_image"])
        if swept.kinds[name]["artificial_image"] == "plane_map":
            turned = maps[0].rot90(1, (-2, -1))
        else:  # the group axis moves too
            turned = maps[0].rot90(1, (-2, -1)).roll(maps.shape[2] // 4, 1)
        torch.testing.assert_close(maps[2], turned, rtol=1e-3, atol=1e-3)


def test_the_scene_shows_the_probe_s_values(swept, monkeypatch):
    monkeypatch.setattr(entries, "find", lambda *_: None)
    found = efficiency.look(sample("mnist-8"), ANGLES)
    scene = efficiency.compose(Recipe(page="efficiency", picture="mnist-8", angles=8), found, sample("mnist-8"))
    assert scene.frames == 8 and len(scene.rows) == len(swept.models)
    for row, name in zip(scene.rows, swept.models, strict=True):
        maps = swept.records[name]["artificial_image"]
        panel = row.panels[1]
        words = f"{row.label.partition(', channel')[2]} {panel.title}".split()
        where = [int(word) for word in words if word.isdigit()]
        assert ("element" in panel.title) == (maps.ndim == 5) and len(where) == maps.ndim - 3
        held = maps[3][tuple(where)]
        shown = panel.low + panel.values[3] / 255 * (panel.high - panel.low)
        np.testing.assert_allclose(shown, held, atol=(panel.high - panel.low) / 250)
        assert panel.caption == f"{maps.shape[-1]} × {maps.shape[-1]}" and panel.low == -panel.high


def test_shipped_planes_are_those_that_would_be_computed(monkeypatch, tmp_path):
    picture, model = sample("mnist-6"), efficiency.artificial_models()[0]
    monkeypatch.setattr(efficiency, "artificial_models", lambda data="digits": [model])
    whole = efficiency.look(picture, efficiency.SHIPPED_ANGLES_DEG)[0]
    held = {whole.name: Entry(efficiency.facts(model), efficiency.arrays(whole))}
    entries.save("efficiency", picture, held, tmp_path)
    find = entries.find
    monkeypatch.setattr(entries, "find", lambda *arguments: find(*arguments[:4], tmp_path))
    found = efficiency.shipped_planes(model, picture, ANGLES, "fair")
    assert found.titles == whole.titles and found.checksum == whole.checksum
    np.testing.assert_allclose(found.planes, whole.planes[::9], atol=1e-2)
    assert efficiency.shipped_planes(model, picture, ANGLES + 1, "fair") is None
    assert efficiency.shipped_planes(model, sample("mnist-8"), ANGLES, "fair") is None


def test_equal_networks_share_the_fastest_time():
    held = {
        "vit.rotmnist": {"forward_ms": 2.0, "forward_one_ms": 3.0},
        "vit.mnist": {"forward_ms": 1.0, "forward_one_ms": 4.0},
        "cnn.rotmnist": {"forward_ms": 9.0, "forward_one_ms": 9.0},
    }
    share_times(held)
    assert held["vit.rotmnist"] == held["vit.mnist"] == {"forward_ms": 1.0, "forward_one_ms": 3.0}


def test_a_trained_model_takes_the_place_of_fresh_ones(monkeypatch):
    monkeypatch.setattr(catalogue, "list_models", lambda: ["hybrid_p4.rotmnist"])
    monkeypatch.setattr(efficiency.e2viz, "load", lambda name: name)
    assert efficiency.artificial_models() == ["hybrid_p4.rotmnist"]


def test_a_row_keeps_its_number_when_models_are_added():
    """The gallery and people's figures show rows by number."""
    shown = [each.name for each in efficiency.artificial_models()]
    assert shown[4:6] == ["hybrid_p4.rotmnist", "hybrid_p4_invariant.rotmnist"]
    photos = [each.name for each in efficiency.artificial_models("photos")]
    assert photos[:3] == ["patch_ge_vit_p4_2px.photos", "hybrid_p4.photos", "hybrid_p4.rotphotos"]


def test_the_caption_names_the_patches_that_a_swish_describes():
    four, seven = "patch_ge_vit_p4_4px.rotmnist", "patch_ge_vit_p4_7px.rotmnist"
    labels = efficiency._row_labels([four, seven])
    assert catalogue.card(four).config["swish"] and "swish" not in catalogue.card(seven).config
    said = "With a swish before the average: Patch GE-ViT p4 4px."
    assert efficiency._caption([four, seven], labels, trained=True) == said
    assert efficiency._caption([seven], labels, trained=False).startswith("Fresh weights")
    assert efficiency._caption([], {}, trained=False) == efficiency._caption([seven], labels, trained=True) == ""
