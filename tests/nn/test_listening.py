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
