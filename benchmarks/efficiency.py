"""Time an image of every model for digits: `python -m benchmarks.efficiency` writes assets/efficiency.json.

Fresh weights are as fast as trained ones, so every recipe is measured, trained or not. The time is that of the
processor, one thread, the fastest of many repetitions: other work on the machine hardly changes it. Models that are
measured already are kept unless --force is given.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from e2viz.models import build
from e2viz.nn.paths import attention_path
from e2viz.scenes.efficiency import FILE
from e2viz.train.recipes import FURTHER, RECIPES, Recipe
from e2viz.zoo.wrapped import Wrapping

TRAINING_IMAGES = {"rotmnist10": 1_000, "photos": 45_000, "rotphotos": 45_000, "blood": 11_959, "rotblood": 11_959}
# Post-hoc: what is wrapped, by what, under which group.
WRAPPINGS = [
    Wrapping(base, method, group)
    for base in ("vit_unbent.rotmnist", "vit.mnist")
    for method, group in (("mean", "c4"), ("mean", "c16"), ("most_certain", "c16"), ("learned_attention", "c16"))
]
FORWARD_BATCH, LARGEST_BATCH = 8, 64


def fastest_ms(work: Callable[[], object], seconds: float) -> float:
    """Processor time of the fastest repetition, in milliseconds; one that warms up is not counted."""
    work()
    best, spent = float("inf"), 0.0
    while spent < seconds:
        start = time.process_time()
        work()
        took = time.process_time() - start
        best, spent = min(best, took), spent + took
    return best * 1e3


def measure(network: nn.Module, batch: int, seconds: float) -> dict[str, float]:
    """Forward and training step of one network, an image."""
    torch.manual_seed(0)
    network.eval()
    config: Any = network.config
    channels, size = getattr(config, "channels", 1), getattr(config, "image_size", 28)
    images = torch.randn(FORWARD_BATCH, channels, size, size)
    with torch.inference_mode():
        forward = fastest_ms(lambda: network(images), seconds) / FORWARD_BATCH
        one = fastest_ms(lambda: network(images[:1]), seconds)
    network.train()
    batch = min(batch, LARGEST_BATCH)
    images = torch.randn(batch, channels, size, size)

    def step() -> None:
        network.zero_grad()
        nn.functional.cross_entropy(network(images), torch.zeros(batch, dtype=torch.long)).backward()

    return {
        "forward_ms": round(forward, 3),
        "forward_one_ms": round(one, 3),
        "training_step_ms": round(fastest_ms(step, seconds) / batch, 3),
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
    }


def of_recipe(recipe: Recipe, seconds: float) -> dict[str, float]:
    """One recipe's network, with the training time that its step and its epochs give."""
    found = measure(build(recipe.architecture, recipe.config), recipe.micro_batch or recipe.batch, seconds)
    epochs = recipe.epochs + (FURTHER[recipe.name].epochs if recipe.name in FURTHER else 0)
    images = TRAINING_IMAGES.get(recipe.task, 10_000) * epochs
    return found | {"training_s": round(found["training_step_ms"] * images / 1e3)}


def of_wrapping(wrapping: Wrapping, seconds: float) -> dict[str, float]:
    """A wrapped model: its views cost time in use; nothing is trained but an aggregation that learns."""
    base = RECIPES[wrapping.base]
    config = {"method": wrapping.method, "group": wrapping.group}
    network = build("post_hoc", {**config, "architecture": base.architecture, "config": base.config})
    return measure(network, 4, seconds)


def share_times(held: dict[str, dict[str, float]]) -> None:
    """Give networks of one architecture and configuration the fastest time that any of them took."""
    for one, recipe in RECIPES.items():
        for other, twin in RECIPES.items():
            same = (recipe.architecture, recipe.config) == (twin.architecture, twin.config)
            if same and one in held and other in held:
                for key in ("forward_ms", "forward_one_ms"):
                    held[one][key] = min(held[one][key], held[other][key])


def main() -> None:
    """Measure what is missing and write the file after each model."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--force", action="store_true", help="measure all again")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each of three measurements a model")
    parser.add_argument("-o", "--output", type=Path, default=FILE)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    machine = f"{platform.machine()} CPU, one thread, torch {torch.__version__.split('+')[0]}"
    held = json.loads(chosen.output.read_text())["models"] if chosen.output.exists() and not chosen.force else {}
    digits = [recipe for recipe in RECIPES.values() if recipe.task != "pcam"]
    works = {recipe.name: lambda r=recipe: of_recipe(r, chosen.seconds) for recipe in digits}
    works |= {each.name: lambda w=each: of_wrapping(w, chosen.seconds) for each in WRAPPINGS}
    for name, work in works.items():
        if name not in held:
            held[name] = work()
            print(f"{name:36} {held[name]['forward_ms']:8.2f} ms an image", flush=True)
        share_times(held)
        kept = {each: held[each] for each in works if each in held}
        text = json.dumps({"machine": machine, "attention": attention_path(), "models": kept}, indent=1)
        chosen.output.parent.mkdir(parents=True, exist_ok=True)
        chosen.output.write_text(text + "\n")


if __name__ == "__main__":
    main()
