"""The training loop of whole networks. A run that is interrupted, at any step, and resumed gives
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

from e2viz.models import build
from e2viz.train import checkpoint
from e2viz.train.average import WeightAverage
from e2viz.train.checkpoint import Progress
from e2viz.train.data import Augmentation, TrainingData
from e2viz.train.device import learns_in_bf16, machine_class
from e2viz.train.loss import Loss
from e2viz.train.recipes import Recipe
from e2viz.train.schedule import learning_rate as learning_rate
from e2viz.train.schedule import optimisers as optimisers
from e2viz.zoo import catalogue

CHECKPOINT_SECONDS = 180.0
GPU_SAVE_SECONDS = 45.0
LATE_SHARE = 0.04  # of the time to finish in, by which a run may be late
GPU_CHUNK = 1000  # images of a validation at once
RATE_EPOCHS = 4  # the last epochs that tell how long one takes
LINE_SECONDS = 20.0


@torch.no_grad()
def accuracy(
    network: nn.Module, images: Float[Tensor, "n channel height width"], labels: Int[Tensor, " n"], chunk: int = 100
) -> float:
    """Share of normalised ``images`` that the network, in eval mode, classifies as ``labels``; nan of none."""
    if not len(labels):
        return math.nan
    chunk = GPU_CHUNK if images.is_cuda else chunk
    pairs = zip(images.split(chunk), labels.split(chunk), strict=True)
    return int(torch.stack([(network(x).argmax(-1) == y).sum() for x, y in pairs]).sum()) / len(labels)


class Run:
    """One recipe being trained, in its folder: state.pt, best.pt and log.csv.

    Args:
        recipe: what to do.
        data: training and validation images of the recipe's task.
        folder: of the run; an existing state there is continued when ``resume`` is true.
        resume: continue from the folder's state, if there is one.
        epochs: total epochs instead of the recipe's; a resumed run may be given more, and the learning rate then
            follows the longer schedule from where it stands.

    It runs on the device that holds the data.

    Raises:
        FileExistsError: if the folder holds a state and ``resume`` is false.
    """

    def __init__(
        self, recipe: Recipe, data: TrainingData, folder: Path, *, resume: bool = False, epochs: int | None = None
    ) -> None:
        self.recipe, self.folder = recipe, folder
        self.data = data.joined() if recipe.with_validation else data
        self.epochs = self.most_epochs = epochs or recipe.epochs
        self.steps_per_epoch = math.ceil(len(self.data) / recipe.batch)
        torch.manual_seed(recipe.seed)
        self.network = build(recipe.architecture, recipe.config)
        if recipe.start:
            first = catalogue.load(recipe.start)
            getattr(self.network, "wrapped", self.network).load_state_dict(first.network.state_dict())
        if recipe.head_scale != 1 and recipe.start != recipe.name:
            classifier: Any = self.network.classifier
            with torch.no_grad():
                classifier.weight.mul_(recipe.head_scale)
        self.where = data.where
        self.channels_last = self.where.type == "cuda" and any(isinstance(m, nn.Conv2d) for m in self.network.modules())
        self.network.to(self.where)
        self.loss = Loss(recipe, self.where, data.mean, data.std)
        if self.channels_last:
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's types
        self.autocast = learns_in_bf16(recipe.precision, self.network, self.where)
        self.mean = WeightAverage(self.network, recipe.average)
        self.optimisers = optimisers(recipe, self.network)
        further = recipe.start == recipe.name
        self.progress = Progress.after(first.card) if further else Progress()
        self.state_path = folder / "state.pt"
        if self.state_path.exists():
            if not resume:
                raise FileExistsError(f"{self.state_path} exists; give --resume to continue it, or remove it")
            self._restore()
        # Loss and right answers of the epoch under way, kept on the device: asking for them would wait for it.
        self.sums = torch.tensor(
            [self.progress.loss_sum, self.progress.correct], dtype=torch.float64, device=self.where
        )
        self._order: tuple[int, Tensor] | None = None
        if not self.progress.schedule or self.progress.schedule[-1][1] != self.epochs:
            self.progress.schedule.append([self.progress.step, self.epochs])

    @property
    def steps(self) -> int:
        return self.steps_per_epoch * self.epochs

    @property
    def _steps_between_validations(self) -> int:
        return self.steps_per_epoch * self.recipe.validate_every

    def train(
        self, minutes: float = math.inf, report: Callable[[str], None] = print, finish_in_s: float | None = None
    ) -> bool:
        """Train until the last epoch, or for ``minutes``; leave a checkpoint either way.

        Args:
            minutes: stop cleanly after that long.
            report: told of progress.
            finish_in_s: choose the number of epochs, at most those set, so that the run is done by then. It is
                chosen anew after each epoch, from how long the last ones took, for as long as the learning rate is
                level; a run that is late all the same is stopped.

        Returns:
            Whether the run is finished.

        Raises:
            ValueError: if a time to finish is given to a learning rate that is not level at first.
        """
        if finish_in_s is not None and self.recipe.anneal != "trapezoid":
            raise ValueError(f"a time to finish needs the anneal trapezoid, got {self.recipe.anneal}")
        machine = machine_class(self.where, "bf16" if self.autocast else "float32")
        if self.progress.machines[-1:] != [machine]:
            self.progress.machines.append(machine)
        started = saved = said = time.monotonic()
        finish = math.inf if finish_in_s is None else started + finish_in_s
        first = self.progress.step
        earlier = self.progress.seconds
        ends = [started]
        while self.progress.step < self.steps:
            self._step()
            now = time.monotonic()
            self.progress.seconds = earlier + now - started
            if self.progress.step % self._steps_between_validations == 0 or self.progress.step == self.steps:
                self._end_epoch(report)
                if self.where.type == "cpu" or now - saved > GPU_SAVE_SECONDS:  # a GPU's epochs may take less than that
                    saved = self._save()
            elif now - saved > CHECKPOINT_SECONDS:
                saved = self._save()
            if finish_in_s is not None and self.progress.step % self.steps_per_epoch == 0:
                ends.append(time.monotonic())
                self._choose_epochs(ends, finish)
            if now - said > LINE_SECONDS:
                said = now
                report(self._line(now - started, self.progress.step - first))
            late = finish_in_s is not None and now > finish + LATE_SHARE * finish_in_s
            if now - started > 60 * minutes or late:
                if late and self.progress.seen:
                    self._end_epoch(report)
                self._save()
                break
        if self.where.type != "cpu":
            self._save()
        return self.progress.step >= self.steps

    def _choose_epochs(self, ends: list[float], finish: float) -> None:
        """Set the number of epochs from the rate so far, unless the learning rate is falling already."""
        step, epoch = self.progress.step, self.progress.step // self.steps_per_epoch
        if len(ends) < 3 or step > self.steps * (1 - self.recipe.decay):
            return
        counted = ends[1:][-RATE_EPOCHS - 1 :]  # the first epoch also prepares the device
        seconds = (counted[-1] - counted[0]) / (len(counted) - 1)
        epochs = min(self.most_epochs, max(epoch + 1, epoch + int((finish - ends[-1]) / seconds)))
        if epochs != self.epochs:
            self.epochs = epochs
            self.progress.schedule = [*self.progress.schedule[:1], [step, epochs]]

    def _rows(self, epoch: int) -> Int[Tensor, " image"]:
        """The order of an epoch, from its own seed; drawn once and kept for the epoch."""
        if self._order is None or self._order[0] != epoch:
            generator = torch.Generator().manual_seed(_seed(self.recipe, epoch, 0))
            self._order = epoch, torch.randperm(len(self.data), generator=generator).to(self.where)
        return self._order[1]

    def _step(self) -> None:
        recipe, progress = self.recipe, self.progress
        epoch, within = divmod(progress.step, self.steps_per_epoch)
        rows = self._rows(epoch)[within * recipe.batch : (within + 1) * recipe.batch]
        generator = torch.Generator(self.where).manual_seed(_seed(recipe, progress.step, 1))
        images, labels = self.data.batch(rows, generator, self._augmentation(progress.step))
        if self.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        torch.manual_seed(_seed(recipe, progress.step, 2))
        self.network.train()
        self.network.zero_grad(set_to_none=True)
        size = recipe.micro_batch or len(rows)
        for x, y in zip(images.split(size), labels.split(size), strict=True):
            with self._precision():
                logits = self.network(x)
            wide = logits.float() if self.autocast else logits
            loss = self.loss(x, wide, y)
            (loss / len(rows)).backward()
            self.sums[0] += loss.detach()
            self.sums[1] += (logits.detach().argmax(-1) == y).sum()
        if recipe.clip:
            nn.utils.clip_grad_norm_(self.network.parameters(), recipe.clip)
        for each in self.optimisers:
            for group in each.param_groups:
                group["lr"] = self._learning_rate(progress.step)
            each.step()
        progress.step += 1
        progress.seen += len(rows)
        self.mean.update(self.network, progress.step)

    def _learning_rate(self, step: int) -> float:
        return learning_rate(self.recipe, step, self.steps, self.steps_per_epoch * self.recipe.epochs)

    def _augmentation(self, step: int) -> Augmentation:
        found = self.recipe.augmentation
        if not self.recipe.ease or step < self.steps * self.recipe.warmup:
            return found
        return found.eased(self._learning_rate(step) / self.recipe.learning_rate)

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.where.type, torch.bfloat16, enabled=self.autocast)

    def _read_sums(self) -> None:
        """Wait for the device and take its sums into the progress."""
        loss_sum, correct = self.sums.tolist()
        self.progress.loss_sum, self.progress.correct = loss_sum, int(correct)

    def _end_epoch(self, report: Callable[[str], None]) -> None:
        started = time.monotonic()
        progress = self.progress
        epoch = progress.step // self.steps_per_epoch
        self._read_sums()
        with self._precision():
            validation = accuracy(self.mean.network, self.data.validation_images, self.data.validation_labels)
        progress.seconds += time.monotonic() - started
        row = {
            "epoch": epoch,
            "learning_rate": f"{self._learning_rate(progress.step - 1):.3g}",
            "loss": f"{progress.loss_sum / progress.seen:.5f}",
            "training_accuracy": f"{progress.correct / progress.seen:.5f}",
            "validation_accuracy": f"{validation:.5f}",
            "seconds": f"{progress.seconds:.1f}",
        }
        progress.rows.append(row)
        progress.loss_sum, progress.correct, progress.seen = 0.0, 0, 0
        self.sums.zero_()
        if not validation < progress.best_accuracy:  # the last one, where nothing is held out
            progress.best_epoch, progress.best_accuracy = epoch, validation
            network = self.mean.network.state_dict()
            made_by = self.recipe.to_dict()
            machine = ", then ".join(progress.machines)
            checkpoint.save(self.folder / "best.pt", progress, network=network, machine=machine, recipe=made_by)
        self._write_log()
        report(" ".join(f"{key} {value}" for key, value in row.items()))

    def _write_log(self) -> None:
        with (self.folder / "log.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, self.progress.rows[0])
            writer.writeheader()
            writer.writerows(self.progress.rows)

    def _save(self) -> float:
        self._read_sums()
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
        self._read_sums()
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
