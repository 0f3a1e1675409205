"""The state of a run on disk. Written beside itself and then renamed, so a killed run never leaves half a file."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from e2viz.zoo.card import Card


@dataclass
class Progress:
    """Where a run stands. Random numbers need no state: every step draws from its own seed.

    Attributes:
        step: optimiser steps done, over all epochs.
        seconds: spent in training and validation, over all sittings.
        loss_sum, correct, seen: of the epoch that is under way.
        best_epoch, best_accuracy: on validation; the first epoch is 1.
        schedule: [step, total epochs] each time the number of epochs was set: once, or more if a run was extended.
        rows: of the log, one for each finished epoch.
        machines: on which kinds of machine it ran, one after another.
        earlier_epochs, earlier_seconds, earlier_recipe: of the run whose weights this one began from, where it goes
            on with its own.
    """

    step: int = 0
    seconds: float = 0.0
    loss_sum: float = 0.0
    correct: int = 0
    seen: int = 0
    best_epoch: int = 0
    best_accuracy: float = -1.0
    schedule: list[list[int]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    machines: list[str] = field(default_factory=list)
    earlier_epochs: int = 0
    earlier_seconds: float = 0.0
    earlier_recipe: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def after(cls, card: Card) -> Progress:
        """At the start of a run that begins from the weights of its own name."""
        return cls(earlier_epochs=card.epochs, earlier_seconds=card.training_seconds, earlier_recipe=dict(card.recipe))


def save(path: Path, progress: Progress, **states: Any) -> None:
    """Write ``progress`` and the state dicts to ``path``, at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save({"progress": dataclasses.asdict(progress), **states}, partial)
    os.replace(partial, path)


def load(path: Path) -> tuple[Progress, dict[str, Any]]:
    """What ``save`` wrote."""
    states = torch.load(path, weights_only=True, map_location="cpu")
    return Progress(**states.pop("progress")), states
