"""From a run to a weights file with its card: the best epoch, evaluated on the whole test split."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch

from e2viz.data.protocol import Splits
from e2viz.data.tasks import task
from e2viz.models import build
from e2viz.train import checkpoint
from e2viz.train.device import CPU, machine_class
from e2viz.train.evaluation import Report, evaluate
from e2viz.train.recipes import Recipe
from e2viz.zoo.card import Card
from e2viz.zoo.golden import golden_logits
from e2viz.zoo.weights import Model, write_model


def data_checksum(splits: Splits) -> str:
    """One line that pins every split of the protocol."""
    parts = {field.name: getattr(splits, field.name) for field in dataclasses.fields(splits)}
    return " ".join(f"{name}:{split.checksum()}" for name, split in parts.items() if split is not None)


def model_of_run(recipe: Recipe, folder: Path) -> Model:
    """The best epoch of a run, not yet evaluated.

    Raises:
        FileNotFoundError: if no epoch was finished yet.
    """
    best, states = checkpoint.load(folder / "best.pt")
    if "recipe" in states:  # the one that made the run: on a GPU it may have been a longer one
        recipe = Recipe(**states["recipe"])
    chosen = task(recipe.task)
    last, _ = checkpoint.load(folder / "state.pt")
    network = build(recipe.architecture, recipe.config)
    network.load_state_dict(states["network"], strict=True)
    network.eval().requires_grad_(False)
    config: Any = network.config
    fresh = recipe.fresh_angles and chosen.turned
    before = {"before": last.earlier_recipe} if last.earlier_recipe else {}
    taught = f"; taught by {' and '.join(recipe.teachers)}" if recipe.teachers else ""
    joined = "; the validation images were learned from too, and the last epoch is shipped" * recipe.with_validation
    card = Card(
        name=recipe.name,
        architecture=recipe.architecture,
        config=recipe.config,
        group=getattr(config, "group", ""),
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        data_set=chosen.data_set.at_size(config.image_size),
        recipe={**recipe.to_dict(), "schedule": last.schedule, **before},
        seed=recipe.seed,
        epochs=last.earlier_epochs + int(last.rows[-1]["epoch"]),
        best_epoch=last.earlier_epochs + best.best_epoch,
        validation_accuracy=None if recipe.with_validation else best.best_accuracy,
        data=f"{chosen.words}; {'fresh random angles each epoch' if fresh else 'no fresh angles'}{taught}{joined}",
        training_seconds=round(last.earlier_seconds + last.seconds, 3),
        machine=states.get("machine") or machine_class(),
    )
    return Model(card, network)


def pack(
    recipe: Recipe,
    run_folder: Path,
    splits: Splits,
    weights_folder: Path,
    report: Report | None = None,
    *,
    measure: bool = True,
    where: torch.device = CPU,
) -> Card:
    """Evaluate the best epoch of a run on the whole test split and write its weights and card.

    Args:
        recipe: of the run.
        run_folder: where it trained.
        splits: of the recipe's task.
        weights_folder: where <name>.safetensors and <name>.json go.
        report: told of the evaluation's progress.
        measure: whether to evaluate; without, the card says "not measured".
        where: the device to evaluate on.
    """
    model = model_of_run(recipe, run_folder)
    card = model.card
    mean, std = (torch.tensor(values)[:, None, None] for values in (card.mean, card.std))
    golden = golden_logits(model.network, card.channels, card.image_size, mean, std)
    card = dataclasses.replace(
        card,
        data_checksum=data_checksum(splits),
        measured=evaluate(model, splits, report=report, where=where) if measure else None,
        golden=tuple(tuple(row) for row in golden),
    )
    return write_model(weights_folder, card, model.network)
