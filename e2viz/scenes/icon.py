"""The icon from what was measured: `e2viz make icon` draws the stored sweep of one digit."""

from __future__ import annotations

from pathlib import Path

from e2viz import places
from e2viz.data.samples import sample
from e2viz.kept.sweeps import load, path_of
from e2viz.render.icon import icon
from e2viz.render.palette import model_colors
from e2viz.render.scene import Ring

DIGIT, MODELS = "mnist-8", ("ge_vit_p4.rotmnist", "vit.mnist")
SIZES = {"icon.png": 512, "favicon.png": 48}


def write(folder: Path = places.ASSETS) -> None:
    """Write icon.png and favicon.png."""
    swept = load(path_of(sample(DIGIT)), MODELS, probes=())
    colors = model_colors(list(MODELS))
    rings = tuple(Ring.from_probability(name, colors[name], swept.probability(name)) for name in MODELS)
    for name, side in SIZES.items():
        icon(rings, side).save(folder / name, optimize=True)
