"""Small untrained networks and a picture: what the scenes of attention and feature maps are tried on."""

import torch

from e2viz.data.samples import sample
from e2viz.groups import group
from e2viz.measure.subject import Subject
from e2viz.models.ge_vit import GEViT, GEViTConfig
from e2viz.models.vit import ViT, ViTConfig

SIZES = {"image_size": 28, "width": 4, "heads": 2, "depth": 6, "window": 3, "stages": ((2,), (2, 1))}


def ge_vit(name="ge_vit_small", transposed=False, **changes):
    """A GE-ViT, or with `rule` a mutant of it, whose weights are large enough to matter."""
    torch.manual_seed(0)
    network = GEViT(GEViTConfig(**SIZES | changes)).eval().requires_grad_(False)
    for module in network.modules():
        if hasattr(module, "group_embedding"):
            module.group_embedding.mul_(3.0)
        if hasattr(module, "query"):
            module.query.weight.mul_(8.0)
    prepare = (lambda x: x.transpose(-1, -2)) if transposed else (lambda x: x)
    return Subject(
        name=name, network=network, prepare=prepare, group=group(network.config.group), checksum=name, size=28,
        transposed=transposed,
    )  # fmt: skip


def vit(name="vit_small"):
    torch.manual_seed(1)
    network = ViT(ViTConfig(width=16, mlp_width=16, heads=2, layers=2)).eval().requires_grad_(False)
    for layer in network.layers:
        layer.attention.in_projection.weight.mul_(3.0)
    return Subject(name=name, network=network, checksum=name, size=28)


def picture(name="mnist-4"):
    return sample(name)
