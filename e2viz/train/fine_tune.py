"""Fine-tuning of wrapped models at three levels: nothing of the model, its last layer, or all of it.

At the first two levels the model's body stands still: every view's embedding is computed once, kept, and serves all
methods. The third goes through the one training loop, from the trained weights.
``e2viz train vit.mnist+learned_attention_c16 --data DIR`` trains an aggregation and ships it.
"""

from __future__ import annotations

import copy
import dataclasses
import time
from pathlib import Path

import safetensors.torch
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from e2viz.data.reading import read_splits
from e2viz.data.tasks import task
from e2viz.models.methods import KNOWS_UPRIGHT, LEARNED
from e2viz.models.post_hoc import PostHoc
from e2viz.nn.canonicalisation import upright_prior
from e2viz.train.device import CPU
from e2viz.train.features import (
    Features,
    Report,
    correct_count,
    features_folder,
    learning_features,
    scores_of,
)
from e2viz.train.recipes import Recipe
from e2viz.zoo import catalogue
from e2viz.zoo.card import Card
from e2viz.zoo.weights import Model, checksum
from e2viz.zoo.wrapped import config_of, wrap, wrapping

LEVELS = ("none", "last", "whole")
EPOCHS, BATCH, LEARNING_RATE, SEED = 20, 100, 1e-3, 1
# Of the orientation network, which begins from nothing, where aggregations begin as the mean.
ORIENTATION_RATE = 3e-3
TRAINING_VIEWS = 4


def trained_parts(network: PostHoc, level: str) -> list[nn.Parameter]:
    """What is trained on kept embeddings: an aggregation that learns, and at level "last" the head too."""
    parts = list(network.aggregate.parameters()) if network.aggregate is not None else []
    head = network.parts[1]
    if level == "last" and isinstance(head, nn.Module):
        parts += list(head.parameters())
    return parts


def beginning(base: Model, method: str, group: str) -> Model:
    """A wrapped model whose aggregation, if it learns, always begins from the same random weights."""
    torch.manual_seed(SEED)
    return wrap(base, method, group)


def tune(network: PostHoc, level: str, training: Features, validation: Features, *, epochs: int = EPOCHS) -> PostHoc:
    """A copy of a wrapped network, trained at level "none" or "last"; its best epoch on validation.

    Args:
        network: is left as it is.
        level: what may change; with nothing to learn, the copy comes back unchanged.
        training, validation: embeddings by this very network's body.
        epochs: passes over the training embeddings, with a learning rate that falls to zero.
    """
    torch.manual_seed(SEED)
    network = copy.deepcopy(network)
    parameters = trained_parts(network, level)
    if not parameters:
        return network
    for parameter in parameters:
        parameter.requires_grad_(True)
    steps = epochs * -(-len(training) // BATCH)
    rate = ORIENTATION_RATE if network.canonicalises else LEARNING_RATE
    optimiser = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    best, best_state = -1, network.state_dict()
    for _ in range(epochs):
        network.train()
        for rows in torch.randperm(len(training)).split(BATCH):
            loss = _loss(network, training.at(rows))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        found = correct_count(network, validation)
        if found >= best:
            best, best_state = found, copy.deepcopy(network.state_dict())
    network.load_state_dict(best_state)
    return network.eval().requires_grad_(False)


def _loss(network: PostHoc, batch: Features) -> Float[Tensor, ""]:
    """Cross-entropy of the answers; with an upright prior, also of the scores with how the pictures were turned."""
    scores = scores_of(network, batch)
    loss = functional.cross_entropy(network.answer(batch.embeddings, scores), batch.labels)
    if scores is not None and batch.angles_deg is not None and network.method in KNOWS_UPRIGHT:
        loss = loss + upright_prior(scores, batch.angles_deg, network.group)
    return loss


def whole_recipe(base: Card, method: str, group: str, task_name: str, epochs: int) -> Recipe:
    """The recipe of level "whole": the training loop, from the weights of the base.

    A step combines four random views of each image, which costs a quarter of all sixteen; the answer combines all.
    """
    return Recipe(
        name=f"{base.name}+{method}_{group}.whole", architecture="post_hoc",
        config={**config_of(base, method, group), "training_views": TRAINING_VIEWS},
        task=task_name, start=base.name, epochs=epochs, batch=32, micro_batch=8, learning_rate=5e-4,
        weight_decay=0.01, warmup=0.05, average=0.99, validate_every=max(1, epochs // 3),
    )  # fmt: skip


def train_aggregation(
    name: str, data: Path, runs: Path, weights: Path, report: Report | None = None, *, limit: int | None = None,
    where: torch.device = CPU,
) -> Card:  # fmt: skip
    """Train the aggregation of a wrapped model, leave the model as it is, and write card and weights.

    Args:
        name: such as "vit.mnist+learned_attention_c16"; its task is that of the base.
        data: folder of IDX files.
        runs: where embeddings are kept.
        weights: where <name>.json and <name>.safetensors go.
        limit: learn from the first so many images alone, and choose on a quarter as many; the card says so.
        where: the device that computes the views; what is trained on them is small.

    Raises:
        LookupError: if the name is not that of a wrapped model with an aggregation that learns.
    """
    wanted = wrapping(name)
    if wanted is None or wanted.method not in LEARNED:
        raise LookupError(f"a name must be base+method_group with a method of {', '.join(LEARNED)}, got {name!r}")
    base = catalogue.load(wanted.base)
    splits = read_splits(task(base.card.tag), data)
    model = beginning(base, wanted.method, wanted.group)
    folder = features_folder(runs, model)
    training, validation = (
        learning_features(model, part, folder / name, limit=most, report=report, where=where)
        for part, name, most in (
            (splits.train, "train", limit), (splits.validation, "validation", limit and max(1, limit // 4))
        )
    )
    started = time.monotonic()
    tuned = tune(model.network, "none", training, validation)  # type: ignore[arg-type]
    seconds = time.monotonic() - started
    state = {key: tensor.contiguous() for key, tensor in tuned.aggregate.state_dict().items()}  # type: ignore[union-attr]
    written = safetensors.torch.save(state)
    card = dataclasses.replace(
        model.card, recipe={"base": base.name, "base_checksum": base.checksum, "level": "none", "epochs": EPOCHS,
                            "batch": BATCH, "images": len(training),
                            "learning_rate": ORIENTATION_RATE if tuned.canonicalises else LEARNING_RATE},
        seed=SEED, parameters=model.card.parameters + sum(tensor.numel() for tensor in state.values()),
        validation_accuracy=correct_count(tuned, validation) / len(validation),
        training_seconds=round(seconds, 1), weights_checksum=checksum(written),
        origin=f"{base.name}, wrapped; aggregation trained here",
    )  # fmt: skip
    (weights / f"{name}.safetensors").write_bytes(written)
    (weights / f"{name}.json").write_text(card.to_json(), encoding="utf-8")
    return card
