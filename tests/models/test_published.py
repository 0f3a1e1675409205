"""The published checkpoints, imported, compute what the published code computed."""

import numpy as np
import pytest
import torch

import e2viz
from e2viz import capture
from e2viz.zoo.weights import WeightsError


@pytest.fixture(scope="module")
def outputs(reference):
    with np.load(reference / "reference_outputs.npz") as stored:
        return {name: torch.from_numpy(stored[name]) for name in stored}


def relative(ours, theirs):
    assert ours.shape == theirs.shape
    return float((ours - theirs).norm() / theirs.norm())


@pytest.mark.parametrize("name", ["vit_mnist", "vit_rotmnist"])
def test_vit(reference, outputs, name):
    model = e2viz.import_checkpoint(reference / "checkpoints" / f"{name}.pt", name)
    with capture.record(["embedding"]) as record:
        logits = model.logits(outputs["image"])
    assert (logits - outputs[f"{name}.logits"]).abs().max() < 1e-3
    assert relative(record["embedding"], outputs[f"{name}.cls_embedding"]) < 1e-4


def test_ge_vit_logits(reference, outputs):
    model = e2viz.import_checkpoint(reference / "checkpoints" / "ge_vit_p4.pt", "ge_vit_p4")
    assert (model.logits(outputs["image"]) - outputs["ge_vit_p4.logits"]).abs().max() < 1e-3


def test_ge_vit_layers_and_attention(reference, outputs):
    model = e2viz.import_checkpoint(reference / "checkpoints" / "ge_vit_p4.pt", "ge_vit_p4")
    layers = {"lifting": "lifting_self_attention", "classifier": "transformer.6"}
    layers |= {f"blocks.{k}": f"transformer.{k}" for k in range(6)}
    with capture.record([*layers, "lifting.attention", "blocks.5.attention"]) as record:
        model.logits(outputs["image"][[0, 23]])
    for ours, theirs in layers.items():
        assert relative(record[ours], outputs[f"ge_vit_p4.{theirs}"]) < 1e-4, ours
    lifting = record["lifting.attention"][:1].unflatten(3, (28, 28))
    assert relative(lifting, outputs["ge_vit_p4.lifting_attention"]) < 1e-4
    last = record["blocks.5.attention"][:1].unflatten(4, (6, 6))
    assert relative(last, outputs["ge_vit_p4.last_block_attention"]) < 1e-4


def test_the_published_p4m_model_is_not_equivariant(reference, outputs):
    model = e2viz.import_checkpoint(reference / "checkpoints" / "ge_vit_p4m_3vs8.pt", "ge_vit_p4m")
    images = outputs["image"][outputs["label"] == 3][:2]
    upright, turned = model.logits(images), model.logits(torch.rot90(images, 1, (-2, -1)))
    assert (upright - turned).abs().max() > 0.1


def test_another_architecture_does_not_fit(reference):
    with pytest.raises(WeightsError, match="does not fit vit_mnist"):
        e2viz.import_checkpoint(reference / "checkpoints" / "ge_vit_p4.pt", "vit_mnist")
    with pytest.raises(WeightsError, match="not the one"):
        e2viz.import_checkpoint(wrong_table(reference), "ge_vit_p4")


def wrong_table(reference):
    """The p4 checkpoint with one entry of one index table changed, as bytes in memory cannot be: a file is needed."""
    import tempfile

    state = torch.load(reference / "checkpoints" / "ge_vit_p4.pt", map_location="cpu", weights_only=True)
    state["module.transformer.3.attention.2.g_indices"][1, 2, 3] += 1
    path = tempfile.mkstemp(suffix=".pt")[1]
    torch.save(state, path)
    return path


def test_unknown_architecture_and_file(tmp_path):
    with pytest.raises(LookupError, match="ge_vit_p4"):
        e2viz.import_checkpoint(tmp_path / "x.pt", "ge_vit_p5")
    with pytest.raises(WeightsError, match="no checkpoint"):
        e2viz.import_checkpoint(tmp_path / "x.pt", "ge_vit_p4")
    (tmp_path / "x.pt").write_text("not a checkpoint")
    with pytest.raises(WeightsError, match="read safely"):
        e2viz.import_checkpoint(tmp_path / "x.pt", "ge_vit_p4")
