"""What is found inside the architectures that people bring."""

from collections import Counter

import pytest
import torch
from torch import nn

import e2viz
from e2viz import capture
from e2viz.data.samples import sample
from e2viz.measure.rollout import class_token_rollout
from tests.foreign.families import SIZE, exported, file_of, network
from tests.foreign.graphs import PATCHES, fused_attention

ALL = ("vit", "deit", "registers", "swin", "resnet", "convnext", "efficientnet")


@pytest.fixture(scope="module")
def opened():
    held = {}

    def model(family):
        if family not in held:
            held[family] = e2viz.open_model(file_of(family), mean="ImageNet", size=SIZE)
        return held[family]

    return model


@pytest.mark.parametrize("family", ALL)
def test_logits_are_those_of_the_network_it_was_exported_from(opened, family):
    model = opened(family)
    images = torch.rand(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    expected = network(family)(model.prepare(images))
    assert torch.allclose(model.logits(images), expected, atol=1e-5 * float(expected.abs().max()) + 1e-6)
    assert torch.allclose(model.network.head(model.network.embed(model.prepare(images))), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("family", "attention", "tokens", "special"), [("vit", 3, 7, 1), ("deit", 3, 7, 2), ("registers", 2, 5, 5)]
)
def test_a_vit_shows_its_attention_and_tokens(opened, family, attention, tokens, special):
    model = opened(family)
    kinds = Counter(model.probe_kinds().values())
    assert kinds["token_attention"] == attention and kinds["tokens"] == tokens and kinds["plane_map"] <= 1
    assert {model.network.special[name] for name, kind in model.probe_kinds().items() if "token" in kind} == {special}
    names = [name for name, kind in model.probe_kinds().items() if kind == "token_attention"]
    assert all("Softmax" in name for name in names)
    with capture.record(names) as record:
        model.logits(torch.rand(2, 3, SIZE, SIZE))
    maps = [record[name].numpy() for name in names]
    assert maps[0].shape == (2, 4, 64 + special, 64 + special)
    assert class_token_rollout(maps).shape == (2, 8, 8)


def test_the_attention_of_a_vit_is_what_the_network_computed(opened):
    model = opened("vit")
    images = torch.rand(2, 3, SIZE, SIZE)
    inner = network("vit").network
    expected = inner(model.prepare(images), output_attentions=True).attentions
    names = [name for name, kind in model.probe_kinds().items() if kind == "token_attention"]
    with capture.record(names) as record:
        model.logits(images)
    for name, each in zip(names, expected, strict=True):
        assert torch.allclose(record[name], each, atol=1e-5)


def test_windows_are_said_not_to_be_shown(opened):
    model = opened("swin")
    kinds = Counter(model.probe_kinds().values())
    assert not kinds["token_attention"] and kinds["tokens"] >= 4
    assert any("windows" in line for line in model.network.said)


@pytest.mark.parametrize(("family", "at_least"), [("resnet", 6), ("convnext", 7), ("efficientnet", 3)])
def test_a_convolutional_network_shows_its_feature_maps(opened, family, at_least):
    model = opened(family)
    kinds = model.probe_kinds()
    maps = [name for name, kind in kinds.items() if kind == "plane_map"]
    assert len(maps) >= at_least and "token_attention" not in kinds.values()
    with capture.record(maps) as record:
        model.logits(torch.rand(2, 3, SIZE, SIZE))
    sizes = [record[name].shape[-1] for name in maps]
    assert all(record[name].shape[-1] == record[name].shape[-2] for name in maps)
    assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) > 1


@pytest.mark.parametrize("asked", [False, True], ids=["bare", "with scores of its own"])
def test_the_fused_operator_hands_out_its_probabilities(asked):
    model = e2viz.open_model(fused_attention(asked), mean="0 to 1")
    (name,) = (name for name, kind in model.probe_kinds().items() if kind == "token_attention")
    assert name == "mixed_probabilities"
    images = torch.rand(2, 3, 32, 32)
    held = {each: each for each in model.probe_kinds() if each in ("mixed_probabilities", "tokens")}
    with capture.record(list(held)) as record:
        model.logits(images)
    patches = nn.functional.conv2d(images, torch.from_numpy(PATCHES), stride=8).flatten(2).transpose(1, 2)
    parts = patches.unflatten(-1, (2, 4)).transpose(1, 2)
    expected = (parts @ parts.transpose(-2, -1) / 2).softmax(-1)
    assert torch.allclose(record[name], expected, atol=1e-5)


def test_attention_whose_heads_share_the_batch_axis_is_divided():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches, self.all = nn.Conv2d(3, 12, 8, 8), nn.Linear(12, 36)
            self.head = nn.Linear(12, 5)

        def forward(self, images):
            tokens = self.patches(images).flatten(2).transpose(1, 2)
            b, t, w = tokens.shape
            q, k, v = (
                p.reshape(b, t, 3, 4).transpose(1, 2).reshape(b * 3, t, 4) for p in self.all(tokens).chunk(3, -1)
            )
            mixed = (q @ k.transpose(1, 2)).softmax(-1) @ v
            tokens = tokens + mixed.reshape(b, 3, t, 4).transpose(1, 2).reshape(b, t, w)
            return self.head(tokens.mean(1))

    model = e2viz.open_model(exported(Shared().eval()), mean="0 to 1", classes=list("abcde"))
    (name,) = (name for name, kind in model.probe_kinds().items() if kind == "token_attention")
    with capture.record([name]) as record:
        model.logits(torch.rand(2, 3, SIZE, SIZE))
    assert record[name].shape == (2, 3, 64, 64) and model.network.special[name] == 0


@pytest.mark.parametrize("family", ["vit", "resnet"])
def test_it_is_a_model_like_any_other(opened, family):
    model = opened(family)
    picture = sample("mnist-8")
    kinds = model.probe_kinds()
    inner = [name for name, kind in kinds.items() if kind in ("tokens", "plane_map")][-1]
    swept = e2viz.sweep([model], picture, [0.0, 90.0, 180.0, 270.0], probes=[inner, "embedding"])
    assert swept.logits[model.name].shape == (4, 7)
    assert swept.records[model.name]["embedding"].shape[0] == 4
    errors = e2viz.equivariance_error(model, picture, probes=[inner, "logits"], untrained=True)
    assert errors.probes["logits"].worst_exact > 1e-4 and errors.untrained is not None
    wrapped = e2viz.make_equivariant(model.network, "mean", "c4")
    images = torch.rand(2, 3, SIZE, SIZE)
    assert torch.allclose(wrapped(images), wrapped(images.rot90(1, (-2, -1))), atol=1e-5)
    assert not torch.allclose(model.network(images), model.network(images.rot90(1, (-2, -1))), atol=1e-5)
