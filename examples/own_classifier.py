"""Your own torch classifier, turned: from a module to a GIF.

    python examples/own_classifier.py turn.gif

A small network learns the shipped digits upright, in a second. Then one of them is turned before it and before a
GE-ViT, and the GIF shows what each says at every angle.
"""

import sys

import torch
from torch import nn

import e2viz

MEAN, STD = 0.13, 0.31


def network() -> nn.Module:
    """Any module from images [batch channel height width] to logits [batch class] will do."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 5, stride=2), nn.ReLU(),
        nn.Conv2d(8, 16, 5, stride=2), nn.ReLU(),
        nn.Flatten(), nn.Linear(256, 10),
    )  # fmt: skip


def trained(steps: int = 60) -> nn.Module:
    """The network after a few steps on ten upright digits: enough to know them, far too few to know them turned."""
    torch.manual_seed(0)
    digits = [e2viz.sample(name) for name in e2viz.sample_names("digits")]
    images = (torch.stack([digit.values for digit in digits]) - MEAN) / STD
    labels = torch.tensor([digit.label for digit in digits])
    module = network()
    optimiser = torch.optim.Adam(module.parameters(), 3e-3)
    for _ in range(steps):
        optimiser.zero_grad()
        nn.functional.cross_entropy(module(images), labels).backward()
        optimiser.step()
    return module.eval()


def main(path: str) -> None:
    mine = e2viz.wrap(trained(), classes=10, size=28, mean=MEAN, std=STD, background=0, name="mine")
    picture = e2viz.sample("mnist-3")  # or e2viz.read_picture("photograph.jpg", data="digits")
    swept = e2viz.sweep([mine, e2viz.load("ge_vit_p4.rotmnist")], picture, range(0, 360, 15))
    scene = e2viz.scene(swept, picture, labels={"mine": "my network", "ge_vit_p4.rotmnist": "GE-ViT"})
    print(scene.title)
    print(e2viz.save(scene, path, width=600))


if __name__ == "__main__":
    main(sys.argv[1])
