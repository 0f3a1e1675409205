"""What a run makes smaller: cross-entropy with the labels and, where a recipe names teachers, with what they say."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from e2viz.train.device import learns_in_bf16
from e2viz.train.recipes import Recipe
from e2viz.zoo import catalogue


class Loss:
    """Cross-entropy with labels, and with the mean answer of trained models to the very same pictures.

    Source: Hinton, Vinyals & Dean 2015, "Distilling the knowledge in a neural network", at temperature 1; that
    teacher and student see the same augmented picture: Beyer et al. 2022, "Knowledge distillation: a good teacher
    is patient and consistent".

    Args:
        recipe: its label smoothing, its teachers, and their share.
        where: the device of the run.
        mean, std: of each channel, by which the run's pictures are normalised.

    Raises:
        ValueError: if a teacher sees pictures that are normalised otherwise.
    """

    def __init__(
        self, recipe: Recipe, where: torch.device, mean: Float[Tensor, "channel 1 1"], std: Float[Tensor, "channel 1 1"]
    ) -> None:
        self.precision = recipe.precision
        self.label_smoothing, self.share = recipe.label_smoothing, recipe.distillation
        teachers = [catalogue.load(name) for name in recipe.teachers]
        for each in teachers:
            levels = torch.tensor([each.card.mean, each.card.std])
            if not torch.equal(levels, torch.stack([mean.flatten(), std.flatten()]).cpu()):
                raise ValueError(
                    f"{each.card.name} cannot teach {recipe.name}: its pictures are normalised otherwise; "
                    "name teachers of the same data"
                )
        self.teachers = [each.network.to(where).eval() for each in teachers]

    def __call__(
        self, images: Float[Tensor, "batch channel height width"], logits: Float[Tensor, "batch class"],
        labels: Int[Tensor, " batch"],
    ) -> Float[Tensor, ""]:  # fmt: skip
        """The loss, summed over a batch.

        Args:
            images: what the network saw, and what its teachers see.
            logits: of the network.
            labels: of the images.
        """
        by_label = functional.cross_entropy(logits, labels, label_smoothing=self.label_smoothing, reduction="sum")
        if not self.teachers:
            return by_label
        by_teachers = functional.cross_entropy(logits, self.answers(images), reduction="sum")
        return (1 - self.share) * by_label + self.share * by_teachers

    @torch.no_grad()
    def answers(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch class"]:
        """The mean of the teachers' probabilities."""
        answers = []
        for network in self.teachers:
            half = learns_in_bf16(self.precision, network, images.device)
            with torch.autocast(images.device.type, torch.bfloat16, enabled=half):
                answers.append(network(images).float().softmax(-1))
        return torch.stack(answers).mean(0)
