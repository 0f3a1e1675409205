"""Everything about group attention on an accelerator in one short run: `python -m benchmarks.on_device`.

1. Forward and gradients of every architecture with group attention equal the CPU's to 1e-4, on each path.
2. Each network with exact turns is equivariant on the device.
3. Milliseconds and peak memory of the published p4 network: forward of 1, 36 and 256 images, training steps, on each
   path and by the published formula, in turns in the same run.

The short table comes last; `--json FILE` writes everything. Exit status 1 when something is not equal; without a CUDA
device one line and status 0. `--device cpu` runs the same with tiny sizes, as a smoke test.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.published_formula import published
from e2viz.models import build
from e2viz.nn import triton_attention
from e2viz.nn.paths import PATH_VARIABLE

TOLERANCE = 1e-4
SMALL: dict[str, Any] = {"width": 8, "image_size": 12, "stages": ((1,), (1,))}
NETWORKS: dict[str, tuple[str, dict[str, Any], bool]] = {
    "published p4": ("ge_vit", {}, True),
    "p4m": ("ge_vit", {**SMALL, "group": "d4"}, True),
    "p8": ("ge_vit", {**SMALL, "group": "c8"}, True),
    "p6": ("ge_vit", {**SMALL, "group": "c6"}, False),
    "p12": ("ge_vit", {**SMALL, "group": "c12"}, True),
    "p4, window 9, depth 8": ("ge_vit", {**SMALL, "window": 9, "depth": 8}, True),
    "p4, global": ("ge_vit", {**SMALL, "window": 23, "heads": 2}, True),
    "GSA-Net": ("gsa_net", {}, False),
    "hybrid p4": ("hybrid", {}, True),
    "hybrid p4m": ("hybrid", {"group": "d4"}, True),
    "patch p4": ("patch_ge_vit", {}, True),
    "patch p4m, colour": ("patch_ge_vit", {"group": "d4", "channels": 3, "image_size": 32, "swish": True}, True),
}
"""Name: architecture, its configuration, whether quarter turns leave the logits as they are."""
COMPILED_APART = ("p6", "p12", "p4, window 9, depth 8", "p4, global")
"""Their kernels serve no other network here and take half a minute to compile: with `--all` only."""
SMOKE = ("p6", "patch p4")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", help="cuda (default), cuda:1, ..., or cpu for a smoke test")
    parser.add_argument("--json", type=Path, help="write all results to this file")
    parser.add_argument("--seconds", type=float, default=0.5, help="how long each timing repeats (default 0.5)")
    parser.add_argument("--all", action="store_true", help="also kernels that serve a single network of the check")
    options = parser.parse_args(arguments)
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print("no CUDA device")
        return 0
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    started = time.perf_counter()
    smoke = device.type == "cpu"
    triton = triton_attention.why_not(device)
    paths = ["batched"] if triton else ["triton", "batched"]
    seen: dict[str, Any] = {"device": _name(device), "torch": torch.__version__, "triton": triton or "used"}
    seen["equality"] = [
        _equality(name, path, device)
        for name in (SMOKE if smoke else NETWORKS)
        for path in paths
        if options.all or path != "triton" or name not in COMPILED_APART
    ]
    print(f"equality checked after {time.perf_counter() - started:.0f} s", flush=True)
    seen["times"] = list(_times(device, paths, 0.0 if smoke else options.seconds, smoke))
    seen["seconds"] = time.perf_counter() - started
    if options.json:
        options.json.write_text(json.dumps(seen, indent=1))
    print(_table(seen))
    return int(any(not row["right"] for row in seen["equality"]))


def _name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"


@contextmanager
def _path(name: str) -> Iterator[None]:
    """Attention takes this path: one of paths.PATHS, or "published"."""
    before = os.environ.get(PATH_VARIABLE)
    if name == "published":
        with published():
            yield
        return
    os.environ[PATH_VARIABLE] = name
    try:
        yield
    finally:
        if before is None:
            del os.environ[PATH_VARIABLE]
        else:
            os.environ[PATH_VARIABLE] = before


def _equality(name: str, path: str, device: torch.device) -> dict[str, Any]:
    """Largest relative differences from the CPU of logits and of all gradients, and from a quarter turn."""
    architecture, config, exact = NETWORKS[name]
    torch.manual_seed(0)
    network = build(architecture, config).eval()
    images = torch.randn(3, network.config.channels, *[network.config.image_size] * 2)
    labels = torch.arange(3)
    with _path("torch"):
        expected = _logits_and_gradients(network, images, labels)
    there = copy.deepcopy(network).to(device)
    result: dict[str, Any] = {"network": name, "path": path}
    try:
        with _path(path):
            found = _logits_and_gradients(there, images.to(device), labels.to(device))
            result["logits"] = _relative(found[0], expected[0])
            # Biases before a norm have no gradient but rounding: a gradient is measured against the average one.
            usual = statistics.fmean(float(each.norm()) for each in expected[1:])
            result["gradients"] = max(
                float((a.cpu() - b).norm()) / max(float(b.norm()), usual)
                for a, b in zip(found[1:], expected[1:], strict=True)
            )
            if exact:
                with torch.no_grad():
                    turned = there(torch.rot90(images, dims=(-2, -1)).to(device))
                result["turn"] = _relative(turned, found[0])
    except Exception as error:  # the other rows still say something
        result["fault"] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    errors = [result.get(key, 0.0) for key in ("logits", "gradients", "turn")]
    result["right"] = "fault" not in result and all(error < TOLERANCE for error in errors)
    return result


def _logits_and_gradients(network: nn.Module, images: Tensor, labels: Tensor) -> list[Tensor]:
    logits = network(images)
    return [logits.detach(), *torch.autograd.grad(F.cross_entropy(logits, labels), list(network.parameters()))]


def _relative(found: Tensor, expected: Tensor) -> float:
    return float((found.cpu() - expected.cpu()).norm() / expected.cpu().norm())


def _times(device: torch.device, paths: list[str], seconds: float, smoke: bool) -> Iterator[dict[str, Any]]:
    """Each work on each path, one path after the other for each work."""
    size = {"image_size": 12, "width": 4, "heads": 2, "stages": ((1,), (1,))} if smoke else {}
    torch.manual_seed(0)
    network = build("ge_vit", size).to(device)
    works = [("forward", 1), ("forward", 2)] if smoke else [("forward", 1), ("forward", 36), ("forward", 256)]
    works += [("step", 2)] if smoke else [("step", 8), ("step", 32), ("step", 64)]
    for work, batch in works:
        half = [f"{path}, bf16" for path in paths[:1]] if work == "step" else []
        graph = ["graph"] if device.type == "cuda" and work == "step" else []
        for path in [*paths, *half, *graph, "published"]:
            yield {"work": work, "batch": batch, "path": path, **_time(network, work, batch, path, paths, seconds)}


def _time(
    network: nn.Module, work: str, batch: int, path: str, paths: list[str], seconds: float
) -> dict[str, float | str]:
    device = next(network.parameters()).device
    config: Any = network.config
    images = torch.randn(batch, config.channels, config.image_size, config.image_size, device=device)
    labels = torch.randint(config.classes, (batch,), device=device)
    name, _, precision = path.partition(", ")
    try:
        with _path(paths[0] if name == "graph" else name):
            run = _forward(network, images) if work == "forward" else _step(network, images, labels, bool(precision))
            if name == "graph":
                run = _graph(run)
            return _measured(run, device, seconds)
    except (RuntimeError, torch.OutOfMemoryError) as error:
        return {"fault": f"{type(error).__name__}: {str(error).splitlines()[0][:80]}"}


def _forward(network: nn.Module, images: Tensor) -> Callable[[], object]:
    network.eval()

    def run() -> None:
        with torch.inference_mode():
            network(images)

    return run


def _step(network: nn.Module, images: Tensor, labels: Tensor, half: bool) -> Callable[[], object]:
    """Forward, loss, backward and update in place, with dropout, as in training."""
    network.train()
    parameters = list(network.parameters())

    def run() -> None:
        with torch.autocast(images.device.type, torch.bfloat16) if half else nullcontext():
            loss = F.cross_entropy(network(images).float(), labels)
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            torch._foreach_add_(parameters, list(gradients), alpha=-1e-6)

    return run


def _graph(run: Callable[[], object]) -> Callable[[], object]:
    """The same work recorded once and replayed: what is left when no kernel waits for Python."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph.replay


def _measured(run: Callable[[], object], device: torch.device, seconds: float) -> dict[str, float | str]:
    """Median milliseconds and peak memory, after two runs that are not counted."""
    if device.type != "cuda":
        run()
        started = time.perf_counter()
        run()
        return {"ms": (time.perf_counter() - started) * 1000}
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    for _ in range(2):
        run()
    torch.cuda.synchronize()
    times, until = [], time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < until and len(times) < 200:
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        run()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return {"ms": statistics.median(times), "mb": torch.cuda.max_memory_allocated() / 2**20}


def _table(seen: dict[str, Any]) -> str:
    lines = [f"{seen['device']}, torch {seen['torch']}, triton {seen['triton']}, {seen['seconds']:.0f} s", ""]
    lines.append(f"{'network':22} {'path':8} {'logits':>8} {'gradients':>9} {'turn':>8}")
    for row in seen["equality"]:
        numbers = [f"{row[key]:{width}.0e}" if key in row else " " * width for key, width in _COLUMNS.items()]
        verdict = row.get("fault", "" if row["right"] else "NOT EQUAL")
        lines.append(f"{row['network']:22} {row['path']:8} {' '.join(numbers)} {verdict}".rstrip())
    lines += ["", f"{'work':8} {'batch':>5} {'path':14} {'ms':>9} {'MB':>7} {'faster than published':>22}"]
    for row in seen["times"]:
        against = next(
            (each.get("ms") for each in seen["times"] if each["path"] == "published" and _same(each, row)), None
        )
        if "fault" in row:
            numbers = row["fault"]
        else:
            memory = f"{row['mb']:7.0f}" if "mb" in row else " " * 7
            numbers = f"{row['ms']:9.2f} {memory} " + (f"{against / row['ms']:21.1f}x" if against else "")
        lines.append(f"{row['work']:8} {row['batch']:5} {row['path']:14} {numbers}".rstrip())
    return "\n".join(lines)


_COLUMNS = {"logits": 8, "gradients": 9, "turn": 8}


def _same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return (a["work"], a["batch"]) == (b["work"], b["batch"])


if __name__ == "__main__":
    sys.exit(main())
