"""From a picture to the screen and to a file: sweep, payload of the player, every export. One JSON answer."""

import json
import os
import sys
import time
from typing import Any

import numpy as np
import torch

from benchmarks.published_formula import published
from e2viz.data.samples import sample, sample_names
from e2viz.measure.subject import Subject
from e2viz.measure.sweep import Sweep, sweep
from e2viz.models import build
from e2viz.nn.paths import PATH_VARIABLE
from e2viz.nn.probe import probes
from e2viz.render.encode import encode
from e2viz.render.formats import FORMATS
from e2viz.render.palette import dark_colors
from e2viz.render.scene import Bars, Panel, Ring, Row, Scene
from e2viz.ui.player import pack

SHOWN = ("feature_map", "plane_map", "group_vector", "vector", "logits", "image")


def measure(path: str, frames: int) -> dict[str, Any]:
    """Seconds of each step for GE-ViT p4 and ViT, with fresh weights, and the sizes of what comes out.

    Of the published formula only the sweep: what follows does not depend on the path.
    """
    if path == "published":
        with published():
            return _sweep(frames)[1]
    os.environ[PATH_VARIABLE] = path
    swept, result = _sweep(frames)
    start = time.perf_counter()
    scene = _scene(swept)
    payload = pack(scene)
    result |= {"payload_s": time.perf_counter() - start, "payload_mb": len(payload) / 1e6}
    return result | {"panels": len(scene.panels), "encode": {name: _encode(scene, name) for name in FORMATS}}


def _sweep(frames: int) -> tuple[Sweep, dict[str, Any]]:
    torch.manual_seed(0)
    networks = {"GE-ViT p4": build("ge_vit", {}).eval(), "ViT": build("vit", {}).eval()}
    models = [Subject(name=name, network=network) for name, network in networks.items()]
    wanted = {
        name: tuple(probe for probe, held in probes(network).items() if held.kind in SHOWN)
        for name, network in networks.items()
    }
    picture, angles = sample(sample_names()[0]), np.arange(frames) * 360.0 / frames
    first: list[float] = []
    start = time.perf_counter()
    swept = sweep(models, picture, angles, wanted, progress=lambda *_: first.append(time.perf_counter() - start))
    return swept, {"sweep_s": time.perf_counter() - start, "first_frames_s": first[0]}


def _encode(scene: Scene, format: str) -> dict[str, float]:
    start = time.perf_counter()
    data = encode(scene, format)
    return {"seconds": time.perf_counter() - start, "mb": len(data) / 1e6}


def _scene(swept: Sweep) -> Scene:
    """Every feature map that was recorded, one panel for each group element, averaged over channels."""
    rings, bars, rows = [], [], []
    names = tuple(str(digit) for digit in range(10))
    for model, color in zip(swept.models, dark_colors(), strict=False):
        rings.append(Ring.from_probability(model, color, swept.probability(model)))
        bars.append(Bars(model, color, swept.probability(model), names))
        panels = [
            Panel.from_values(f"{probe} {element}", values[:, :, element].mean(1), probe=probe)
            for probe, values in swept.records[model].items()
            if swept.kinds[model][probe] == "feature_map" and values.ndim == 5
            for element in range(values.shape[2])
        ]
        if panels:
            rows.append(Row(model, tuple(panels), color))
    numbers = {"angle_deg": swept.angles_deg, **{name: swept.probability(name)[:, 0] for name in swept.models}}
    picture = Panel.from_values("picture", swept.images.mean(1), "grey")
    return Scene("Benchmark", swept.angles_deg, picture, tuple(rings), tuple(bars), tuple(rows), numbers=numbers)


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
