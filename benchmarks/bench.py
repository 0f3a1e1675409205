"""Speed and memory as ratios to the published formula, in one run: `python -m benchmarks.bench [SECTION ...]`.

Paths are measured in turn, twice, each in a process of its own, and the faster time counts: other work on the
machine can only slow a measurement down. A large batch of the published formula takes half a minute: once. Other
work still matters; the load is printed, and a quiet machine gives the numbers that count.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from benchmarks.measure import Case
from e2viz.nn import native
from e2viz.nn.paths import attention_path

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 2
LARGEST_PUBLISHED_BATCH = 4  # measured in each round
PUBLISHED_MB_AN_IMAGE = 200  # its peak memory grows with the batch
Result = dict[str, Any]


def main() -> None:
    """Run the sections asked for, print their tables, write all results as JSON."""
    parser = argparse.ArgumentParser(description="Speed and memory of GE-ViT and of what is shown.")
    parser.add_argument("sections", nargs="*", help=f"of {', '.join(SECTIONS)}; all when left out")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "runs" / "bench.json")
    parser.add_argument("--seconds", type=float, default=4.0, help="for each measurement")
    chosen = parser.parse_args()
    if unknown := set(chosen.sections) - set(SECTIONS):
        parser.error(f"no section is called {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    results: Result = {"machine": machine()}
    print(json.dumps(results["machine"], indent=1), flush=True)
    for name in chosen.sections or SECTIONS:
        print(f"\n{name}", flush=True)
        results[name] = SECTIONS[name](chosen.seconds)
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    chosen.output.write_text(json.dumps(results, indent=1) + "\n")
    print(f"\nwritten to {chosen.output}")


def machine() -> Result:
    """What the numbers depend on."""
    return {
        "threads": torch.get_num_threads(),
        "vector": torch.backends.cpu.get_cpu_capability(),
        "machine": platform.machine(),
        "torch": torch.__version__,
        "path": attention_path(),
        "load": os.getloadavg()[0],
    }


def forward(seconds: float) -> list[Result]:
    """Forward of the rotMNIST p4 network, one image and batches."""
    return [compared(Case(work="forward", batch=batch, seconds=seconds)) for batch in (1, 36, 72)]


def training(seconds: float) -> list[Result]:
    """Forward and backward with dropout."""
    return [compared(Case(work="training", batch=batch, seconds=seconds)) for batch in (1, 4, 32)]


def growth(seconds: float) -> list[Result]:
    """How the cost of an image grows with frames, image size, window and group."""
    changes: list[tuple[str, Result]] = [
        *(("frames", {"batch": batch}) for batch in (1, 4, 8, 36, 72)),
        *(("image size", {"image_size": size}) for size in (28, 56, 84)),
        *(("window", {"window": window}) for window in (3, 5, 7, 9)),
        *(("group", {"group": group}) for group in ("c1", "c4", "c8", "d4")),
    ]
    rows = []
    for what, change in changes:
        result = {path: measured(Case(path=path, seconds=seconds / 4, **change)) for path in paths()}
        rows.append({"grows": what, **change, **result})
        shown = "  ".join(f"{path} {value['fastest_ms']:7.1f} ms" for path, value in result.items())
        print(f"{what:>10} {next(iter(change.values())):>4}: {shown} an image", flush=True)
    return rows


def screen(seconds: float) -> Result:
    """Sweep of 72 angles with the probes of all panels, payload of the player, encoding of each export."""
    results = {path: ask("benchmarks.screen", path, "72") for path in ("published", *paths())}
    for path, result in results.items():
        result["ratio"] = results["published"]["sweep_s"] / result["sweep_s"]
        print(
            f"{path:>9}: sweep {result['sweep_s']:6.2f} s, {result['ratio']:5.1f}x, "
            f"first frames after {result['first_frames_s']:.2f} s",
            flush=True,
        )
    shown = results["torch"]
    print(f"{shown['panels']} panels to a payload of {shown['payload_mb']:.1f} MB in {shown['payload_s']:.2f} s")
    for name, made in shown["encode"].items():
        print(f"{name:>9}: {made['seconds']:6.2f} s, {made['mb']:.2f} MB")
    return results


SECTIONS = {"forward": forward, "training": training, "growth": growth, "screen": screen}


def paths() -> tuple[str, ...]:
    return ("torch", "native") if native.available() else ("torch",)


def compared(case: Case) -> Result:
    """One case on every path, with ratios to the published formula where memory holds it."""
    names = ("published", *paths()) if holds_published(case) else paths()
    rounds = [{path: measured(_on(case, path)) for path in names if _is_measured(path, case, i)} for i in range(ROUNDS)]
    result: Result = {path: min((each[path] for each in rounds if path in each), key=_fastest) for path in names}
    for path in names:
        made = result[path]
        made["ratio"] = result["published"]["fastest_ms"] / made["fastest_ms"] if "published" in result else None
        ratio = f"{made['ratio']:5.1f}x" if made["ratio"] else "     -"
        print(
            f"{case.work}, batch {case.batch:2}, {path:>9}: {made['fastest_ms']:7.1f} ms an image "
            f"(median {made['median_ms']:7.1f}), {ratio}, {made['peak_mb']:6.0f} MB",
            flush=True,
        )
    return {"work": case.work, "batch": case.batch, **result}


def holds_published(case: Case) -> bool:
    """Whether the published formula fits into memory; a batch in training needs about twice as much."""
    needed_mb = PUBLISHED_MB_AN_IMAGE * case.batch * (2.5 if case.work == "training" else 1)
    return needed_mb < 0.8 * available_mb()


def available_mb() -> float:
    """Memory that can be had; infinite where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return float("inf")
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("MemAvailable")), float("inf"))


def _is_measured(path: str, case: Case, round_index: int) -> bool:
    return path != "published" or round_index == 0 or case.batch <= LARGEST_PUBLISHED_BATCH


def measured(case: Case) -> Result:
    return ask("benchmarks.measure", case.text())


def ask(module: str, *arguments: str) -> Result:
    """The JSON that a benchmark module answers in a process of its own."""
    done = subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{module} {' '.join(arguments)} failed: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout)


def _on(case: Case, path: str) -> Case:
    return Case(**{**vars(case), "path": path})


def _fastest(result: Result) -> float:
    return result["fastest_ms"]


if __name__ == "__main__":
    main()
