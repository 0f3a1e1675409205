"""A synthetic scene: small, exact, and with every kind of thing that a player shows."""

import numpy as np

from e2viz.render.recipe import Recipe
from e2viz.render.scene import Bars, Panel, Ring, Row, Scene

CLASS_NAMES = tuple("0123456789")


def probability(frames: int, restless: bool) -> np.ndarray:
    """One class at all angles, or another one in each quarter of the turn."""
    table = np.full((frames, 10), 0.02)
    winner = 4 + (np.arange(frames) * 4 // frames if restless else np.zeros(frames, dtype=int))
    table[np.arange(frames), winner] = 0.82
    return table


def scene(frames: int = 72, panels: int = 12, size: int = 28) -> Scene:
    angles = np.arange(frames) * (360.0 / frames)
    generator = np.random.default_rng(0)
    picture = generator.integers(0, 256, (1, 56, 56), dtype=np.uint8)
    maps = [generator.integers(0, 256, (frames, size, size), dtype=np.uint8) for _ in range(panels)]
    tables = {"GE-ViT": probability(frames, False), "ViT": probability(frames, True)}
    colors = {"GE-ViT": "#0b7f7a", "ViT": "#d2600a"}
    half = len(maps) // 2
    return Scene(
        "Turn it.",
        angles,
        Panel("picture", picture),
        tuple(Ring.from_probability(name, colors[name], table) for name, table in tables.items()),
        tuple(Bars(name, colors[name], table, CLASS_NAMES) for name, table in tables.items()),
        (
            Row("What the model sees", (Panel("28 × 28", maps[0]),)),
            Row(
                "GE-ViT",
                tuple(Panel(f"head {k}", each, "viridis", 0, 2, "blocks.0") for k, each in enumerate(maps[:half])),
            ),
            Row("ViT", tuple(Panel(f"map {k}", each, "diverging", -1, 1) for k, each in enumerate(maps[half:]))),
        ),
        caption="A synthetic scene.",
        recipe=Recipe(page="rotation", models=("ge_vit_p4.rotmnist",), picture="mnist-8"),
    )
