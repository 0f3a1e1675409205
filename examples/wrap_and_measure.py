"""Wrap a classifier, measure how it turns, make it invariant after the fact, and measure again.

python examples/wrap_and_measure.py
"""

import torch
from torch import nn

import e2viz

ANGLES_DEG = range(0, 360, 30)


def network() -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 8, 5, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(128, 3)
    return nn.Sequential(*layers).eval()


def main() -> None:
    module = network()
    facts = {"classes": ["ant", "bee", "wasp"], "size": 32, "mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}
    models = {
        "as it is": e2viz.wrap(module, name="plain", **facts),
        "averaged over its symmetries": e2viz.wrap(
            e2viz.make_equivariant(module, "tta", "d4").eval(), name="averaged", **facts
        ),
    }
    picture = e2viz.sample("mnist-6")  # a grey picture before a network of colours: each model sees it in its own way
    swept = e2viz.sweep(list(models.values()), picture, ANGLES_DEG)
    for words, model in models.items():
        images = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
        error = e2viz.equivariance_error(model, images, probes=["logits"]).probes["logits"]
        probability = swept.probability(model.name)
        answer = probability[:, probability[0].argmax()]
        print(f"{words}: logits change by {error.worst_exact:.1e} when images are turned by 90° or mirrored; ", end="")
        print(f"as the picture turns, its answer has a probability of {answer.min():.3f} to {answer.max():.3f}")


if __name__ == "__main__":
    main()
