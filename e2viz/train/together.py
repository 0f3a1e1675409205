"""Train many recipes side by side on one machine until a time that is set, and bring home whatever was reached.

``python -m e2viz train-all NAME ... --data DIR --out DIR --seconds 360`` starts one process for each recipe, in
the order given, as many at once as asked for; NAME@0.5 is to be done by half of the time. Each trains, chooses its
number of epochs so that it is done in time, evaluates its best epoch on the device and writes weights and card. What
was reached so far is written to the output folder every minute and at the end, in a few tar files; the last lines of
the output are a table.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from e2viz import places

LARGEST_TAR = 15_000_000
MOST_TARS = 6
SNAPSHOT_SECONDS = 60.0
WAIT_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where the data lie, where results go, and when it ends.

    Args:
        data, runs, weights: folders of the data sets, of the runs' state, and of packed weights.
        out: where results are packed into tar files; None for not at all.
        device: "auto", "cpu" or "cuda".
        threads: of the processor, for each process.
        started: when, in seconds since 1970.
        seconds: from start to end, evaluation included.
        evaluation_seconds: kept free for it at the end.
        at_once: processes side by side.
        epochs: at most, instead of the recipes'.
        limit: only so many images of each split, for a trial; 0 for all.
        further: begin from the weights that are there, where the recipe has some.
    """

    data: Path
    runs: Path
    weights: Path
    out: Path | None = None
    device: str = "auto"
    threads: int = 1
    started: float = field(default_factory=time.time)
    seconds: float = 3600.0
    evaluation_seconds: float = 45.0
    at_once: int = 1
    epochs: int | None = None
    limit: int = 0
    further: bool = False

    @property
    def end_at(self) -> float:
        return self.started + self.seconds

    @property
    def finish_at(self) -> float:
        """When training must be done."""
        return self.end_at - self.evaluation_seconds


@dataclass
class Child:
    """A recipe's process and where it writes."""

    name: str
    process: subprocess.Popen
    log: Path

    def last_line(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        return lines[-1][-160:] if lines else "said nothing"


def train_one(name: str, chosen: Settings) -> None:
    """Train, evaluate and pack one recipe: what each child process does."""
    import torch

    from e2viz.data.reading import read_splits
    from e2viz.data.tasks import task
    from e2viz.train.data import TrainingData
    from e2viz.train.device import device
    from e2viz.train.loop import Run
    from e2viz.train.pack import pack
    from e2viz.train.recipes import further_recipe, recipe
    from e2viz.zoo import catalogue

    torch.set_num_threads(chosen.threads)
    where = device(chosen.device)
    goes_on = chosen.further and name in catalogue.list_models()
    found = (further_recipe if goes_on else recipe)(name, where)
    torch.backends.cudnn.benchmark = where.type == "cuda"
    splits = read_splits(task(found.task), chosen.data)
    if chosen.limit:
        splits = _first(splits, chosen.limit)
    data_set = task(found.task).data_set
    data = TrainingData(
        splits.train, splits.validation, data_set.mean, data_set.std, turned=task(found.task).turned, where=where
    )
    run = Run(found, data, chosen.runs / name, resume=True, epochs=chosen.epochs)
    seconds = max(1.0, chosen.finish_at - time.time())
    in_time = {"finish_in_s": seconds} if found.anneal == "trapezoid" else {"minutes": seconds / 60}
    run.train(report=lambda line: print(line, flush=True), **in_time)  # type: ignore[arg-type]
    del data, run
    print(f"trained; {time.time() - chosen.finish_at:+.1f} s from the time set; evaluating", flush=True)
    card = pack(found, chosen.runs / name, splits, chosen.weights, where=where)
    print(f"packed; validation {_percent(card.validation_accuracy)}", flush=True)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.2f}"


def _first(splits, count: int):
    parts = {field.name: getattr(splits, field.name) for field in dataclasses.fields(splits)}
    return type(splits)(**{name: split and split.first(count) for name, split in parts.items()})


def prepare(names: Sequence[str], chosen: Settings) -> None:
    """Read each data set once, side by side, so that its decoded pictures are kept for all children."""
    from e2viz.data.tasks import task
    from e2viz.train.recipes import recipe

    by_data = {task(recipe(name).task).data: recipe(name).task for name in names}
    code = "import sys; from pathlib import Path; from e2viz.data import task; "
    code += "from e2viz.data.reading import read_splits; read_splits(task(sys.argv[1]), Path(sys.argv[2]))"
    readers = [
        subprocess.Popen([sys.executable, "-c", code, tag, str(chosen.data)], cwd=places.ROOT)
        for tag in by_data.values()
    ]
    for reader in readers:
        reader.wait()


def plain(name: str) -> str:
    """The recipe's name without "+" and "@SHARE"."""
    return name.removeprefix("+").partition("@")[0]


def start(name: str, chosen: Settings) -> Child:
    """A child process for one recipe: "+NAME" trains further what is there, "NAME@0.5" is done by half of the time."""
    further = chosen.further or name.startswith("+")
    name, _, share = plain(name), *name.partition("@")[1:]
    seconds = chosen.evaluation_seconds + float(share or 1) * (chosen.seconds - chosen.evaluation_seconds)
    log = chosen.runs / f"{name}.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [sys.executable, "-m", "e2viz", "train-all", name, "--one", "--data", str(chosen.data)]
    words += ["--runs", str(chosen.runs), "--weights", str(chosen.weights), "--device", chosen.device]
    words += ["--threads", str(chosen.threads)]
    words += ["--started", str(chosen.started), "--seconds", str(seconds), "--limit", str(chosen.limit)]
    words += ["--evaluation-seconds", str(chosen.evaluation_seconds)]
    words += ["--epochs", str(chosen.epochs)] if chosen.epochs else []
    words += ["--further"] if further else []
    with log.open("w") as file:
        process = subprocess.Popen(words, stdout=file, stderr=subprocess.STDOUT, cwd=places.ROOT)
    return Child(name, process, log)


def run_all(names: Sequence[str], chosen: Settings) -> list[Child]:
    """All children, at most so many at once; those that outlast the end are stopped."""
    waiting = list(names)
    running: list[Child] = []
    done: list[Child] = []
    snapshot = time.time()
    while waiting or running:
        while waiting and len(running) < chosen.at_once:
            running.append(start(waiting.pop(0), chosen))
        for child in [child for child in running if child.process.poll() is not None]:
            running.remove(child)
            done.append(child)
        if time.time() > chosen.end_at:
            for child in running:
                child.process.kill()
                child.process.wait()
            return done + running
        if chosen.out and time.time() - snapshot > SNAPSHOT_SECONDS:
            snapshot = time.time()
            write_tars(chosen.out, snapshot_files(list(map(plain, names)), chosen))
            print(f"{time.time() - chosen.started:.0f} s: {len(running)} running, {len(done)} done", flush=True)
        time.sleep(WAIT_SECONDS)
    return done


def snapshot_files(names: Sequence[str], chosen: Settings) -> list[Path]:
    """What is worth bringing home: packed weights, the best epoch of a run that is not packed, and all logs."""
    files: list[Path] = []
    for name in names:
        packed = [chosen.weights / f"{name}{suffix}" for suffix in (".safetensors", ".json")]
        files += packed if packed[1].exists() else [chosen.runs / name / "best.pt"]
        files += [chosen.runs / name / "log.csv", chosen.runs / f"{name}.txt"]
    return [file for file in files if file.exists()]


def write_tars(folder: Path, files: Iterable[Path]) -> None:
    """Pack files into results-0.tar, results-1.tar, ..., each of a size that travels; replaced at once."""
    folder.mkdir(parents=True, exist_ok=True)
    parts: list[list[Path]] = [[]]
    size = 0
    for file in sorted(files, key=lambda file: (file.suffix not in (".csv", ".txt", ".json"), file.name)):
        size += file.stat().st_size + 2048
        if size > LARGEST_TAR and parts[-1]:
            parts.append([])
            size = file.stat().st_size + 2048
        parts[-1].append(file)
    for number, part in enumerate(parts[:MOST_TARS]):
        partial = folder / f".results-{number}.partial"
        with tarfile.open(partial, "w") as archive:
            for file in part:
                in_run = file.name in ("best.pt", "log.csv")
                archive.add(file, f"{file.parent.name}/{file.name}" if in_run else file.name)
        os.replace(partial, folder / f"results-{number}.tar")


def pack_unmeasured(names: Sequence[str], chosen: Settings) -> None:
    """Weights and card, without figures, of each run that reached an epoch but was not packed."""
    from e2viz.data.reading import read_splits
    from e2viz.data.tasks import task
    from e2viz.train.pack import pack
    from e2viz.train.recipes import recipe

    for name in names:
        if not (chosen.weights / f"{name}.json").exists() and (chosen.runs / name / "best.pt").exists():
            splits = read_splits(task(recipe(name).task), chosen.data)
            try:
                pack(recipe(name), chosen.runs / name, splits, chosen.weights, measure=False)
            except (OSError, ValueError, RuntimeError) as error:
                print(f"{name}: not packed ({error})")


def table(children: Sequence[Child], chosen: Settings) -> str:
    """One line for each recipe: epochs, seconds, and accuracy on the test split."""
    lines = [f"{'model':32}{'epochs':>8}{'best':>6}{'s':>6}{'val':>8}{'upright':>9}{'90':>8}{'turned':>8}{'worst':>8}"]
    for child in sorted(children, key=lambda child: child.name):
        path = chosen.weights / f"{child.name}.json"
        if not path.exists():
            lines.append(f"{child.name:32} rc {child.process.returncode}: {child.last_line()}")
            continue
        card = json.loads(path.read_text(encoding="utf-8"))
        measured = card["measured"] or {}
        shares = [measured.get(key) for key in ("upright", "quarter", "rotated", "worst_case")]
        figures = [f"{100 * share['correct'] / share['total']:.2f}" if share else "-" for share in shares]
        line = f"{child.name:32}{card['epochs']:>8}{card['best_epoch']:>6}{card['training_seconds']:>6.0f}"
        line += f"{_percent(card['validation_accuracy']):>8}"
        line += f"{figures[0]:>9}{figures[1]:>8}{figures[2]:>8}{figures[3]:>8}"
        lines.append(line if child.process.returncode == 0 else f"{line} rc {child.process.returncode}")
    return "\n".join(lines)


def train_together(names: Sequence[str], chosen: Settings) -> bool:
    """Train all of them; whether each was trained, evaluated and packed.

    Args:
        names: of recipes, those that take longest first; "NAME@0.5" is to be trained by half of the time, "+NAME" is
            trained further from the weights that are there.
        chosen: where and until when.
    """
    shares, names = names, list(map(plain, names))
    prepare(names, chosen)
    print(f"{time.time() - chosen.started:.0f} s: data read", flush=True)
    children = run_all(shares, chosen)
    pack_unmeasured(names, chosen)
    if chosen.out:
        write_tars(chosen.out, snapshot_files(names, chosen))
    print(table(children, chosen), flush=True)
    return all(child.process.returncode == 0 for child in children)
