"""Time and memory of one case in a process of its own: `python -m benchmarks.measure JSON`, answered in JSON.

A process for each case makes the peak memory that case's own.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from benchmarks.published_formula import published
from e2viz.models import build
from e2viz.nn.paths import PATH_VARIABLE

WARM_UP = 4  # images


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is measured: a GE-ViT with fresh weights, whose speed is that of trained ones.

    Args:
        work: "forward" or "training" (forward, backward; dropout as in training).
        path: "published", "torch" or "native".
        batch: images.
        group: of the network.
        window: of the attention.
        image_size: side of the image; divisible by 4.
        seconds: how long to repeat, at least once, after a few images that are not measured.
    """

    work: str = "forward"
    path: str = "native"
    batch: int = 1
    group: str = "c4"
    window: int = 5
    image_size: int = 28
    seconds: float = 4.0

    def text(self) -> str:
        return json.dumps(asdict(self))


def measure(case: Case) -> dict[str, float]:
    """Milliseconds an image, fastest and median, and the peak memory of this process in MB."""
    if case.path != "published":
        os.environ[PATH_VARIABLE] = case.path
    torch.manual_seed(0)
    network = build("ge_vit", {"group": case.group, "window": case.window, "image_size": case.image_size})
    images = torch.randn(case.batch, 1, case.image_size, case.image_size)
    with published() if case.path == "published" else nullcontext():
        _work(case, network, images[:WARM_UP])()
        times = _times(_work(case, network, images), case.seconds)
    return {
        "fastest_ms": min(times) / case.batch * 1e3,
        "median_ms": sorted(times)[len(times) // 2] / case.batch * 1e3,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _work(case: Case, network: torch.nn.Module, images: Tensor) -> Callable[[], object]:
    if case.work == "forward":
        network.eval()
        return torch.inference_mode()(lambda: network(images))
    network.train()
    labels = torch.zeros(len(images), dtype=torch.long)

    def step() -> None:
        network.zero_grad()
        torch.nn.functional.cross_entropy(network(images), labels).backward()

    return step


def _times(work: Callable[[], object], seconds: float) -> list[float]:
    times: list[float] = []
    while not times or sum(times) < seconds:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return times


if __name__ == "__main__":
    print(json.dumps(measure(Case(**json.loads(sys.argv[1])))))
