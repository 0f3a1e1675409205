"""Attention is heard wherever a module computes it, and no hook stays behind."""

import pytest
import torch
from torch import nn

import e2viz
from e2viz import capture


class Block(nn.Module):
    def __init__(self, how):
        super().__init__()
        self.how, self.all = how, nn.Linear(12, 36)
        self.softmax = nn.Softmax(-1)
        self.mixer = nn.MultiheadAttention(12, 3, batch_first=True) if how == "module" else None

    def forward(self, tokens):
        if self.mixer is not None:
            return tokens + self.mixer(tokens, tokens, tokens)[0]
        q, k, v = (p.unflatten(-1, (3, 4)).transpose(1, 2) for p in self.all(tokens).chunk(3, -1))
        if self.how == "fused":
            mixed = nn.functional.scaled_dot_product_attention(q, k, v)
        else:
            mixed = self.softmax(q @ k.transpose(-1, -2) * 0.5) @ v
        return tokens + mixed.transpose(1, 2).flatten(2)


class Net(nn.Module):
    def __init__(self, how):
        super().__init__()
        self.patches = nn.Conv2d(1, 12, 4, 4)
        self.blocks = nn.ModuleList(Block(how) for _ in range(2))
        self.head = nn.Linear(12, 5)

    def forward(self, images):
        tokens = self.patches(images).flatten(2).transpose(1, 2)
        for block in self.blocks:
            tokens = block(tokens)
        return self.head(tokens.mean(1))


@pytest.mark.parametrize("how", ["fused", "own", "module"])
def test_attention_is_found_and_changes_nothing(how):
    torch.manual_seed(0)
    net = Net(how).eval()
    model = e2viz.wrap(net, classes=5, size=16, mean=0.5, std=0.5)
    names = [name for name, kind in model.probe_kinds().items() if kind == "token_attention"]
    assert len(names) == 2 and names[0].startswith("blocks.0") and names[1].startswith("blocks.1")
    images = torch.rand(3, 1, 16, 16)
    plain = net(model.prepare(images))
    with capture.record(names) as record:
        assert torch.allclose(model.logits(images), plain, atol=1e-6)
    for name in names:
        assert record[name].shape == (3, 3, 16, 16)
        assert torch.allclose(record[name].sum(-1), torch.ones(3, 3, 16), atol=1e-5)
    tokens = net.patches(model.prepare(images)).flatten(2).transpose(1, 2)
    if how != "module":
        q, k, _ = (p.unflatten(-1, (3, 4)).transpose(1, 2) for p in net.blocks[0].all(tokens).chunk(3, -1))
        assert torch.allclose(record[names[0]], (q @ k.transpose(-1, -2) * 0.5).softmax(-1), atol=1e-6)
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in net.modules())


@pytest.mark.parametrize("how", ["fused", "own"])
def test_tokens_on_the_residual_path_are_found(how):
    torch.manual_seed(0)
    net = Net(how).eval()
    model = e2viz.wrap(net, classes=5, size=16, mean=0.5, std=0.5)
    names = [name for name, kind in model.probe_kinds().items() if kind == "tokens"]
    assert names == ["blocks.0.tokens", "blocks.1.tokens"]
    images = torch.rand(3, 1, 16, 16)
    tokens = net.patches(model.prepare(images)).flatten(2).transpose(1, 2)
    with capture.record(names) as record:
        model.logits(images)
    for name, block in zip(names, net.blocks, strict=True):
        tokens = block(tokens)
        assert torch.allclose(record[name], tokens, atol=1e-6)


class Residual(nn.Module):
    """Two blocks of a convolutional network, whose activations work in place."""

    def __init__(self):
        super().__init__()
        self.stem, self.convolutions = nn.Conv2d(3, 4, 3, 2, 1), nn.ModuleList(nn.Conv2d(4, 4, 3, 1, 1) for _ in "ab")
        self.relu, self.head = nn.ReLU(inplace=True), nn.Linear(4, 5)

    def forward(self, images):
        maps = self.relu(self.stem(images))
        for convolution in self.convolutions:
            maps = maps + convolution(maps)
            maps = self.relu(maps)
        return self.head(maps.mean((-2, -1)))


def test_feature_maps_are_found_and_measured():
    torch.manual_seed(0)
    net = Residual().eval()
    model = e2viz.wrap(net, classes=5, size=16, mean=[0.5] * 3, std=[0.5] * 3)
    names = [name for name, kind in model.probe_kinds().items() if kind == "plane_map"]
    images = torch.rand(2, 3, 16, 16)
    first = net.stem(model.prepare(images)).relu()
    expected = first + net.convolutions[0](first)
    with capture.record(names) as record:
        assert torch.allclose(model.logits(images), net(model.prepare(images)))
    assert len(names) == 2 and torch.allclose(record[names[0]], expected, atol=1e-6)
    errors = e2viz.equivariance_error(model, e2viz.sample("mnist-4"), probes=[*names, "logits"])
    assert errors.probes[names[1]].worst_exact > 1e-3
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in net.modules())
