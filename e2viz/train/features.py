"""What a model that stands still says about every view of many images: computed once, kept, shared by all methods."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from e2viz.data.protocol import Split
from e2viz.models.methods import LEARN_FROM_TURNED
from e2viz.models.post_hoc import PostHoc
from e2viz.nn.canonicalisation import between
from e2viz.train.device import CPU
from e2viz.train.evaluation import turned_again
from e2viz.zoo.weights import Model, checksum

PART_IMAGES, CHUNK_IMAGES = 500, 50
TURN_SEED = 5
# (images done, images in all)
Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Features:
    """What a model's body says about every view of every image.

    Args:
        embeddings: of each view.
        labels: true classes.
        angles_deg: by which each image was turned from upright.
        turns: what an orientation network sees of each image; None where no method asks.
    """

    embeddings: Float[Tensor, "image view width"]
    labels: Int[Tensor, " image"]
    angles_deg: Float64[Tensor, " image"] | None = None
    turns: Float[Tensor, "image step channel h w"] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def at(self, rows: Int[Tensor, " rows"] | slice) -> Features:
        """Some of the images."""
        angles_deg = None if self.angles_deg is None else self.angles_deg[rows]
        turns = None if self.turns is None else self.turns[rows]
        return Features(self.embeddings[rows], self.labels[rows], angles_deg, turns)


@torch.no_grad()
def view_features(
    model: Model, split: Split, folder: Path, *, limit: int | None = None, report: Report | None = None,
    where: torch.device = CPU, turns: bool = False,
) -> Features:  # fmt: skip
    """The embeddings of all views of a split, computed in parts that are kept: an interrupted run goes on.

    Args:
        model: wrapped by a method that combines embeddings; any will do. It comes back on the processor.
        split: served turned by its angles.
        folder: where parts are kept, for this model and split alone.
        limit: only the first so many images.
        report: told (images done, in all) after each part.
        where: the device that computes them.
        turns: also what an orientation network sees; cheap, so it is made anew each time.
    """
    network: PostHoc = model.network  # type: ignore[assignment]
    folder.mkdir(parents=True, exist_ok=True)
    count = min(limit or len(split), len(split))
    parts, seen = [], []
    network.to(where)
    for start in range(0, count, PART_IMAGES):
        part = slice(start, min(start + PART_IMAGES, count))
        path = folder / f"{part.start:06}-{part.stop:06}.pt"
        known = path.exists()
        chunks = []
        for first in range(part.start, part.stop, CHUNK_IMAGES) if turns or not known else ():
            images = model.prepare(split.served(slice(first, min(first + CHUNK_IMAGES, part.stop))))
            if turns:
                seen.append(between(images, network.group).cpu())
            if not known:
                chunks.append(network.view_embeddings(images).cpu())
        if not known:
            torch.save(torch.cat(chunks), path.with_suffix(".partial"))
            os.replace(path.with_suffix(".partial"), path)
        parts.append(torch.load(path, weights_only=True))
        if report is not None:
            report(part.stop, count)
    network.to(CPU)
    return Features(
        torch.cat(parts), split.labels[:count], split.angles_deg[:count], torch.cat(seen) if turns else None
    )  # fmt: skip


def learning_features(
    model: Model, split: Split, folder: Path, *, limit: int | None = None, report: Report | None = None,
    where: torch.device = CPU,
) -> Features:  # fmt: skip
    """The features that a method learns from, or is chosen on: turned pictures, for the methods that need them.

    Args: as ``view_features`` takes them.
    """
    network: PostHoc = model.network  # type: ignore[assignment]
    if network.method in LEARN_FROM_TURNED and not bool(split.angles_deg.any()):
        split, folder = turned_again(split, TURN_SEED), folder.with_name(f"{folder.name}-turned")
    return view_features(model, split, folder, limit=limit, report=report, where=where, turns=network.canonicalises)


def scores_of(network: PostHoc, features: Features) -> Float[Tensor, "image view"] | None:
    """How likely each view stands upright, by a method that canonicalises; None for any other.

    Raises:
        ValueError: if the features were made without turns.
    """
    if not network.canonicalises:
        return None
    if features.turns is None:
        raise ValueError(f"features must hold turns for {network.method!r}, got none; see learning_features")
    return network.aggregate(features.turns)  # type: ignore[misc]


@torch.no_grad()
def correct_count(network: PostHoc, features: Features) -> int:
    """How many images a wrapped network classifies as labelled."""
    network.eval()
    correct = 0
    for start in range(0, len(features), 1000):
        part = features.at(slice(start, start + 1000))
        correct += int((network.answer(part.embeddings, scores_of(network, part)).argmax(-1) == part.labels).sum())
    return correct


def features_folder(runs: Path, model: Model) -> Path:
    """Where the embeddings of a wrapped model's views are kept; other weights or another group go elsewhere."""
    base = model.name.partition("+")[0]
    group = model.card.group
    facts = json.dumps([model.card.config["architecture"], model.card.config["config"], group])
    tied = checksum(facts.encode() + safetensors.torch.save(dict(model.network.wrapped.state_dict())))  # type: ignore
    return runs / "views" / f"{base}_{group}_{tied[:12]}"
