"""timm's plain vision transformers, opened from their state dicts, answer as timm's own code does."""

import io

import pytest
import safetensors.torch
import torch
from torch import nn

import e2viz

IMAGES = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(4))


class Attention(nn.Module):
    def __init__(self, width, heads, bias=True):
        super().__init__()
        self.heads, self.qkv, self.proj = heads, nn.Linear(width, 3 * width, bias=bias), nn.Linear(width, width)

    def forward(self, tokens):
        b, t, w = tokens.shape
        q, k, v = self.qkv(tokens).reshape(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = (q @ k.transpose(-2, -1) * (w // self.heads) ** -0.5).softmax(-1) @ v
        return self.proj(mixed.transpose(1, 2).reshape(b, t, w))


class Scale(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.gamma = nn.Parameter(torch.rand(width))

    def forward(self, tokens):
        return tokens * self.gamma


class Block(nn.Module):
    def __init__(self, width, heads, scaled, bias):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(width, eps=1e-6), Attention(width, heads, bias)
        self.norm2, self.mlp = nn.LayerNorm(width, eps=1e-6), nn.Module()
        self.mlp.fc1, self.mlp.fc2 = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.ls1, self.ls2 = (Scale(width) if scaled else nn.Identity() for _ in range(2))

    def forward(self, tokens):
        tokens = tokens + self.ls1(self.attn(self.norm1(tokens)))
        return tokens + self.ls2(self.mlp.fc2(nn.functional.gelu(self.mlp.fc1(self.norm2(tokens)))))


class Named(nn.Module):
    """A ViT with timm's names, written from its description: with scales and positions as DeiT III has them."""

    def __init__(self, *, scaled=False, class_position=True, bias=True, width=64, patch=8):
        super().__init__()
        self.class_position = class_position
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv2d(3, width, patch, patch)
        self.cls_token = nn.Parameter(torch.randn(1, 1, width))
        self.pos_embed = nn.Parameter(torch.randn(1, (32 // patch) ** 2 + class_position, width))
        self.blocks = nn.ModuleList(Block(width, width // 64, scaled, bias) for _ in range(2))
        self.norm, self.head = nn.LayerNorm(width, eps=1e-6), nn.Linear(width, 7)

    def forward(self, images):
        tokens = self.patch_embed.proj(images).flatten(2).transpose(1, 2)
        if not self.class_position:
            tokens = tokens + self.pos_embed
        tokens = torch.cat([self.cls_token.expand(len(tokens), -1, -1), tokens], 1)
        if self.class_position:
            tokens = tokens + self.pos_embed
        for block in self.blocks:
            tokens = block(tokens)
        return self.head(self.norm(tokens)[:, 0])


def filled(network):
    """The same with weights that follow from their names alone, so that they are the same everywhere."""
    for place, (_, value) in enumerate(sorted(network.state_dict().items())):
        steps = torch.arange(value.numel(), dtype=torch.float64)
        value.copy_((torch.sin(steps * 0.7 + place) / max(4, value.shape[-1]) ** 0.5).reshape(value.shape))
    return network.eval()


def file_of(network):
    return safetensors.torch.save({name: value.contiguous() for name, value in network.state_dict().items()})


def opened(network, **answers):
    return e2viz.open_model(file_of(network), **({"mean": "0 to 1"} | answers))


@pytest.mark.parametrize(
    "made", [{}, {"bias": False}, {"scaled": True, "class_position": False}, {"width": 128, "patch": 4}],
    ids=["vit", "without a bias", "deit3", "two heads"],
)  # fmt: skip
@torch.no_grad()
def test_its_names_are_ours(made):
    network = filled(Named(**made))
    model = opened(network)
    assert torch.allclose(model.logits(IMAGES), network(IMAGES), atol=1e-5)
    assert (model.network.config.norm_eps, model.network.config.heads) == (1e-6, made.get("width", 64) // 64)
    assert list(model.probe_kinds().values()).count("token_attention") == 2


@pytest.mark.parametrize(
    ("name", "extra", "words"),
    [
        ("vit", {}, ""),
        ("deit", {}, ""),
        ("deit3", {}, ""),
        ("deit_distilled", {}, "distillation token"),
        ("vit", {"reg_tokens": 4}, "register tokens"),
        ("vit", {"global_pool": "avg"}, "mean over patches"),
        ("vit", {"qk_norm": True}, "normalised queries"),
        ("vit", {"class_token": False, "global_pool": "avg", "fc_norm": False}, "no class token"),
        ("vit", {"qkv_bias": False}, ""),
    ],
)
@torch.no_grad()
def test_against_timm_itself(name, extra, words):
    timm = pytest.importorskip("timm", reason="timm is not installed", exc_type=ImportError)
    names = {
        "vit": "vit_tiny_patch16_224", "deit": "deit_tiny_patch16_224", "deit3": "deit3_small_patch16_224",
        "deit_distilled": "deit_tiny_distilled_patch16_224",
    }  # fmt: skip
    torch.manual_seed(0)
    sizes = {"img_size": 32, "patch_size": 8, "embed_dim": 128, "depth": 3, "num_heads": 2, "num_classes": 7}
    network = timm.create_model(names[name], pretrained=False, **sizes, **extra).eval()
    for parameter in network.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.05)
    if words:
        with pytest.raises(e2viz.WeightsError, match=words):
            opened(network)
        return
    expected = network(IMAGES)
    assert expected.std() > 0.05
    assert torch.allclose(opened(network).logits(IMAGES), expected, atol=1e-5)
    file = io.BytesIO()
    torch.save({"model": network.state_dict()}, file)
    assert torch.allclose(e2viz.open_model(file.getvalue(), mean="0 to 1").logits(IMAGES), expected, atol=1e-5)


def test_what_our_vit_has_no_place_for_is_refused_with_the_reason():
    network = Named()
    for name, words in (("dist_token", "distillation"), ("reg_token", "register"), ("fc_norm.weight", "mean over")):
        state = network.state_dict() | {name: torch.ones(64)}
        with pytest.raises(e2viz.WeightsError, match=f"{words}.*Export it to ONNX"):
            e2viz.open_model(safetensors.torch.save(state), mean="0 to 1")
    state = network.state_dict()
    del state["blocks.1.norm2.bias"]
    with pytest.raises(e2viz.WeightsError, match="1 missing"):
        e2viz.open_model(safetensors.torch.save(state), mean="0 to 1")


def test_heads_that_no_convention_gives_are_asked_for():
    network = Named(width=64)
    assert opened(network, heads=2).network.config.heads == 2
    odd = Named(width=96)
    with pytest.raises(e2viz.WeightsError, match="say heads"):
        opened(odd)
    assert opened(odd, heads=3).network.config.heads == 3
