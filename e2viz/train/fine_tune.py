"""Fine-tuning of wrapped models at three levels: nothing of the model, its last layer, or all of it.

At the first two levels the model's body stands still: every view's embedding is computed once, kept, and serves all
methods. The third goes through the one training loop, from the trained weights.
``e2viz train vit.mnist+learned_attention_c16 --data DIR`` trains an aggregation and ships it.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from e2viz.data.protocol import Split
from e2viz.data.reading import read_splits
from e2viz.data.tasks import task
from e2viz.models.methods import LEARNED
from e2viz.models.post_hoc import PostHoc
from e2viz.train.recipes import Recipe
from e2viz.zoo import catalogue
from e2viz.zoo.card import Card
from e2viz.zoo.weights import Model, checksum
from e2viz.zoo.wrapped import config_of, wrap, wrapping

LEVELS = ("none", "last", "whole")
PART_IMAGES = 500
EPOCHS, BATCH, LEARNING_RATE, SEED = 20, 100, 1e-3, 1
TRAINING_VIEWS = 4
Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Features:
    """What a model's body says about every view of every image."""

    embeddings: Float[Tensor, "image view width"]
    labels: Int[Tensor, " image"]

    def __len__(self) -> int:
        return len(self.labels)


@torch.no_grad()
def view_features(
    model: Model, split: Split, folder: Path, *, limit: int | None = None, report: Report | None = None
) -> Features:
    """The embeddings of all views of a split, computed in parts that are kept: an interrupted run goes on.

    Args:
        model: wrapped by a method that combines embeddings; any will do.
        split: served turned by its angles.
        folder: where parts are kept, for this model and split alone.
        limit: only the first so many images.
        report: told (images done, in all) after each part.
    """
    network: PostHoc = model.network  # type: ignore[assignment]
    folder.mkdir(parents=True, exist_ok=True)
    count = min(limit or len(split), len(split))
    parts = []
    for start in range(0, count, PART_IMAGES):
        part = slice(start, min(start + PART_IMAGES, count))
        path = folder / f"{part.start:06}-{part.stop:06}.pt"
        if not path.exists():
            chunks = [
                network.view_embeddings(model.prepare(split.served(slice(first, min(first + 50, part.stop)))))
                for first in range(part.start, part.stop, 50)
            ]
            torch.save(torch.cat(chunks), path.with_suffix(".partial"))
            os.replace(path.with_suffix(".partial"), path)
        parts.append(torch.load(path, weights_only=True))
        if report is not None:
            report(part.stop, count)
    return Features(torch.cat(parts), split.labels[:count])


@torch.no_grad()
def correct_count(network: PostHoc, features: Features) -> int:
    """How many images a wrapped network classifies as labelled."""
    network.eval()
    parts = zip(features.embeddings.split(1000), features.labels.split(1000), strict=True)
    return sum(int((network.answer(views).argmax(-1) == labels).sum()) for views, labels in parts)


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
    optimiser = torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    best, best_state = -1, network.state_dict()
    for _ in range(epochs):
        network.train()
        for rows in torch.randperm(len(training)).split(BATCH):
            loss = functional.cross_entropy(network.answer(training.embeddings[rows]), training.labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        found = correct_count(network, validation)
        if found >= best:
            best, best_state = found, copy.deepcopy(network.state_dict())
    network.load_state_dict(best_state)
    return network.eval().requires_grad_(False)


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


def train_aggregation(name: str, data: Path, runs: Path, weights: Path, report: Report | None = None) -> Card:
    """Train the aggregation of a wrapped model, leave the model as it is, and write card and weights.

    Args:
        name: such as "vit.mnist+learned_attention_c16"; its task is that of the base.
        data: folder of IDX files.
        runs: where embeddings are kept.
        weights: where <name>.json and <name>.safetensors go.

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
    training = view_features(model, splits.train, folder / "train", report=report)
    validation = view_features(model, splits.validation, folder / "validation", report=report)
    started = time.monotonic()
    tuned = tune(model.network, "none", training, validation)  # type: ignore[arg-type]
    seconds = time.monotonic() - started
    state = {key: tensor.contiguous() for key, tensor in tuned.aggregate.state_dict().items()}  # type: ignore[union-attr]
    written = safetensors.torch.save(state)
    card = dataclasses.replace(
        model.card, recipe={"base": base.name, "base_checksum": base.checksum, "level": "none", "epochs": EPOCHS,
                            "batch": BATCH, "learning_rate": LEARNING_RATE},
        seed=SEED, parameters=model.card.parameters + sum(tensor.numel() for tensor in state.values()),
        validation_accuracy=correct_count(tuned, validation) / len(validation),
        training_seconds=round(seconds, 1), weights_checksum=checksum(written),
        origin=f"{base.name}, wrapped; aggregation trained here",
    )  # fmt: skip
    (weights / f"{name}.safetensors").write_bytes(written)
    (weights / f"{name}.json").write_text(card.to_json(), encoding="utf-8")
    return card


def features_folder(runs: Path, model: Model) -> Path:
    """Where the embeddings of a wrapped model's views are kept; other weights or another group go elsewhere."""
    base = model.name.partition("+")[0]
    group = model.card.group
    facts = json.dumps([model.card.config["architecture"], model.card.config["config"], group])
    tied = checksum(facts.encode() + safetensors.torch.save(dict(model.network.wrapped.state_dict())))  # type: ignore
    return runs / "views" / f"{base}_{group}_{tied[:12]}"
