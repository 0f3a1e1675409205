"""The one training loop. A run that is interrupted, at any step, and resumed gives
the same bits as one that was not.
"""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from e2viz.models import build
from e2viz.train import checkpoint
from e2viz.train.average import WeightAverage
from e2viz.train.checkpoint import Progress
from e2viz.train.data import TrainingData
from e2viz.train.muon import Muon
from e2viz.train.recipes import Recipe
from e2viz.zoo import catalogue

CHECKPOINT_SECONDS = 180.0
LINE_SECONDS = 20.0


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """Linear warm-up, then half a cosine down to zero at ``steps``."""
    warmup = max(1, round(recipe.warmup * steps))
    if step < warmup:
        return recipe.learning_rate * (step + 1) / warmup
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def optimisers(recipe: Recipe, network: nn.Module) -> list[torch.optim.Optimizer]:
    """AdamW for all, or Muon for the matrices; weight decay acts on matrices and kernels alone.

    Source: Loshchilov & Hutter 2019; for Muon see ``e2viz.train.muon``.
    """
    vectors = [p for p in network.parameters() if p.ndim <= 1]
    matrices = [p for p in network.parameters() if p.ndim > 1]
    by_muon = [p for p in matrices if recipe.optimiser == "muon" and p.ndim == 2]
    by_adam = [p for p in matrices if not any(p is q for q in by_muon)]
    groups = [
        {"params": by_adam, "weight_decay": recipe.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    found: list[torch.optim.Optimizer] = [torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)]
    if by_muon:
        found.append(Muon(by_muon, lr=recipe.learning_rate, weight_decay=recipe.weight_decay))
    return found


@torch.no_grad()
def accuracy(
    network: nn.Module, images: Float[Tensor, "n channel height width"], labels: Int[Tensor, " n"], chunk: int = 100
) -> float:
    """Share of normalised ``images`` that the network, in eval mode, classifies as ``labels``."""
    pairs = zip(images.split(chunk), labels.split(chunk), strict=True)
    return sum(int((network(x).argmax(-1) == y).sum()) for x, y in pairs) / len(labels)


class Run:
    """One recipe being trained, in its folder: state.pt, best.pt and log.csv.

    Args:
        recipe: what to do.
        data: training and validation images of the recipe's task.
        folder: of the run; an existing state there is continued when ``resume`` is true.
        resume: continue from the folder's state, if there is one.
        epochs: total epochs instead of the recipe's; a resumed run may be given more, and the learning rate then
            follows the longer schedule from where it stands.

    Raises:
        FileExistsError: if the folder holds a state and ``resume`` is false.
    """

    def __init__(
        self, recipe: Recipe, data: TrainingData, folder: Path, *, resume: bool = False, epochs: int | None = None
    ) -> None:
        self.recipe, self.data, self.folder = recipe, data, folder
        self.epochs = epochs or recipe.epochs
        self.steps_per_epoch = math.ceil(len(data) / recipe.batch)
        torch.manual_seed(recipe.seed)
        self.network = build(recipe.architecture, recipe.config)
        if recipe.start:
            begun = getattr(self.network, "wrapped", self.network)
            begun.load_state_dict(catalogue.load(recipe.start).network.state_dict())
        if recipe.head_scale != 1:
            classifier: Any = self.network.classifier
            with torch.no_grad():
                classifier.weight.mul_(recipe.head_scale)
        self.mean = WeightAverage(self.network, recipe.average)
        self.optimisers = optimisers(recipe, self.network)
        self.progress = Progress()
        self.state_path = folder / "state.pt"
        if self.state_path.exists():
            if not resume:
                raise FileExistsError(f"{self.state_path} exists; give --resume to continue it, or remove it")
            self._restore()
        if not self.progress.schedule or self.progress.schedule[-1][1] != self.epochs:
            self.progress.schedule.append([self.progress.step, self.epochs])

    @property
    def steps(self) -> int:
        return self.steps_per_epoch * self.epochs

    @property
    def _steps_between_validations(self) -> int:
        return self.steps_per_epoch * self.recipe.validate_every

    def train(self, minutes: float = math.inf, report: Callable[[str], None] = print) -> bool:
        """Train until the last epoch, or for ``minutes``; leave a checkpoint either way.

        Returns:
            Whether the run is finished.
        """
        started = saved = said = time.monotonic()
        first = self.progress.step
        earlier = self.progress.seconds
        while self.progress.step < self.steps:
            self._step()
            now = time.monotonic()
            self.progress.seconds = earlier + now - started
            if self.progress.step % self._steps_between_validations == 0 or self.progress.step == self.steps:
                self._end_epoch(report)
                saved = self._save()
            elif now - saved > CHECKPOINT_SECONDS:
                saved = self._save()
            if now - said > LINE_SECONDS:
                said = now
                report(self._line(now - started, self.progress.step - first))
            if now - started > 60 * minutes:
                self._save()
                break
        return self.progress.step >= self.steps

    def _step(self) -> None:
        recipe, progress = self.recipe, self.progress
        epoch, within = divmod(progress.step, self.steps_per_epoch)
        order = torch.randperm(len(self.data), generator=torch.Generator().manual_seed(_seed(recipe, epoch, 0)))
        rows = order[within * recipe.batch : (within + 1) * recipe.batch]
        generator = torch.Generator().manual_seed(_seed(recipe, progress.step, 1))
        images, labels = self.data.batch(rows, generator, recipe.fresh_angles, recipe.shift_px)
        torch.manual_seed(_seed(recipe, progress.step, 2))
        self.network.train()
        self.network.zero_grad(set_to_none=True)
        size = recipe.micro_batch or len(rows)
        for x, y in zip(images.split(size), labels.split(size), strict=True):
            logits = self.network(x)
            loss = functional.cross_entropy(logits, y, label_smoothing=recipe.label_smoothing, reduction="sum")
            (loss / len(rows)).backward()
            progress.loss_sum += float(loss.detach())
            progress.correct += int((logits.argmax(-1) == y).sum())
        if recipe.clip:
            nn.utils.clip_grad_norm_(self.network.parameters(), recipe.clip)
        for each in self.optimisers:
            for group in each.param_groups:
                group["lr"] = learning_rate(recipe, progress.step, self.steps)
            each.step()
        progress.step += 1
        progress.seen += len(rows)
        self.mean.update(self.network, progress.step)

    def _end_epoch(self, report: Callable[[str], None]) -> None:
        started = time.monotonic()
        progress = self.progress
        epoch = progress.step // self.steps_per_epoch
        validation = accuracy(self.mean.network, self.data.validation_images, self.data.validation_labels)
        progress.seconds += time.monotonic() - started
        row = {
            "epoch": epoch,
            "learning_rate": f"{learning_rate(self.recipe, progress.step - 1, self.steps):.3g}",
            "loss": f"{progress.loss_sum / progress.seen:.5f}",
            "training_accuracy": f"{progress.correct / progress.seen:.5f}",
            "validation_accuracy": f"{validation:.5f}",
            "seconds": f"{progress.seconds:.1f}",
        }
        progress.rows.append(row)
        progress.loss_sum, progress.correct, progress.seen = 0.0, 0, 0
        if validation >= progress.best_accuracy:
            progress.best_epoch, progress.best_accuracy = epoch, validation
            checkpoint.save(self.folder / "best.pt", progress, network=self.mean.network.state_dict())
        self._write_log()
        report(" ".join(f"{key} {value}" for key, value in row.items()))

    def _write_log(self) -> None:
        with (self.folder / "log.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, self.progress.rows[0])
            writer.writeheader()
            writer.writerows(self.progress.rows)

    def _save(self) -> float:
        checkpoint.save(
            self.state_path,
            self.progress,
            network=self.network.state_dict(),
            mean=self.mean.network.state_dict(),
            optimisers=[each.state_dict() for each in self.optimisers],
        )
        return time.monotonic()

    def _restore(self) -> None:
        self.progress, states = checkpoint.load(self.state_path)
        self.network.load_state_dict(states["network"])
        self.mean.network.load_state_dict(states["mean"])
        for each, state in zip(self.optimisers, states["optimisers"], strict=True):
            each.load_state_dict(state)

    def _line(self, elapsed: float, done: int) -> str:
        left = (self.steps - self.progress.step) * elapsed / done
        rate = done * self.recipe.batch / elapsed
        return (
            f"{self.recipe.name}: epoch {self.progress.step / self.steps_per_epoch:.2f} of {self.epochs}, "
            f"loss {self.progress.loss_sum / max(1, self.progress.seen):.3f}, {rate:.0f} images/s, "
            f"{left / 60:.0f} min left"
        )


def _seed(recipe: Recipe, count: int, purpose: int) -> int:
    """A seed of its own for every (run, count, purpose): shuffling, augmentation, dropout."""
    return (recipe.seed * 1_000_003 + count) * 3 + purpose
