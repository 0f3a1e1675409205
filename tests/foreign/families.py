"""Small random networks of the architectures that people bring, exported as they would export them."""

import functools
import io
import warnings

import pytest
import torch
from torch import nn

SIZE = 64


class Scores(nn.Module):
    """A Hugging Face classifier that gives its logits alone."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, pixels):
        return self.network(pixels).logits


class RegisterViT(nn.Module):
    """A ViT of two layers with a class token and four registers; it attends by scaled_dot_product_attention.

    Source: Darcet et al. 2024, "Vision transformers need registers".
    """

    def __init__(self, width=32, heads=4):
        super().__init__()
        self.heads = heads
        self.patches = nn.Conv2d(3, width, 8, 8)
        self.special = nn.Parameter(torch.randn(1, 5, width))
        self.positions = nn.Parameter(torch.randn(1, 64, width))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.qkv = nn.ModuleList(nn.Linear(width, 3 * width) for _ in range(2))
        self.mlps = nn.ModuleList(
            nn.Sequential(nn.Linear(width, 64), nn.GELU(), nn.Linear(64, width)) for _ in range(2)
        )
        self.head = nn.Linear(width, 7)

    def forward(self, images):
        tokens = self.patches(images).flatten(2).transpose(1, 2) + self.positions
        tokens = torch.cat([self.special.expand(len(tokens), -1, -1), tokens], 1)
        for norm, qkv, mlp in zip(self.norms, self.qkv, self.mlps, strict=True):
            parts = (p.unflatten(-1, (self.heads, -1)).transpose(1, 2) for p in qkv(norm(tokens)).chunk(3, -1))
            mixed = nn.functional.scaled_dot_product_attention(*parts)
            tokens = tokens + mixed.transpose(1, 2).flatten(2)
            tokens = tokens + mlp(tokens)
        return self.head(tokens[:, 0])


@functools.cache
def network(family: str) -> nn.Module:
    """An untrained classifier of seven classes, in eval mode."""
    torch.manual_seed(0)
    if family == "registers":
        return RegisterViT().eval().requires_grad_(False)
    transformers = pytest.importorskip("transformers", reason="transformers is a development dependency")
    vit = {
        "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 64,
        "image_size": SIZE, "patch_size": 8, "attn_implementation": "eager",
    }  # fmt: skip
    makers = {
        "vit": lambda t: (t.ViTForImageClassification, t.ViTConfig(**vit, num_labels=7)),
        "deit": lambda t: (t.DeiTForImageClassification, t.DeiTConfig(**vit, num_labels=7)),
        "swin": lambda t: (
            t.SwinForImageClassification,
            t.SwinConfig(
                image_size=SIZE, patch_size=4, embed_dim=16, depths=[2, 2], num_heads=[2, 4], window_size=4,
                num_labels=7,
            ),
        ),
        "resnet": lambda t: (
            t.ResNetForImageClassification,
            t.ResNetConfig(
                embedding_size=8, hidden_sizes=[16, 24, 32, 40], depths=[2, 2, 1, 1], layer_type="basic", num_labels=7
            ),
        ),
        "convnext": lambda t: (
            t.ConvNextForImageClassification,
            t.ConvNextConfig(hidden_sizes=[8, 12, 16, 24], depths=[2, 2, 2, 1], num_labels=7),
        ),
        "efficientnet": lambda t: (
            t.EfficientNetForImageClassification,
            t.EfficientNetConfig(
                image_size=SIZE, width_coefficient=0.25, depth_coefficient=0.5, hidden_dim=320, num_labels=7
            ),
        ),
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        maker, config = makers[family](transformers)
        made = Scores(maker(config)).eval().requires_grad_(False)
    for module in made.modules():  # untrained batch norms would leave deep maps at a hair above zero
        if isinstance(module, nn.BatchNorm2d):
            module.running_var.fill_(0.05)
    return made


def exported(module: nn.Module, *, channels: int = 3, size: int = SIZE, fixed: bool = False) -> bytes:
    """The module as an ONNX file with a free batch."""
    file = io.BytesIO()
    axes = None if fixed else {"image": {0: "batch"}, "scores": {0: "batch"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, (torch.rand(1 if fixed else 2, channels, size, size),), file, dynamo=False, opset_version=18,
            input_names=["image"], output_names=["scores"], dynamic_axes=axes,
        )  # fmt: skip
    return file.getvalue()


@functools.cache
def file_of(family: str) -> bytes:
    """The ONNX file of a family."""
    return exported(network(family))
