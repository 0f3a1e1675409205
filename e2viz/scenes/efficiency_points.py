"""What efficiency was measured of each model: time, accuracy, training; in words, as a table, for one data set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from e2viz import places
from e2viz.architectures import architecture_of, row_of
from e2viz.data import data_set
from e2viz.scenes.efficiency_charts import Point
from e2viz.scenes.turning import data_of_model
from e2viz.zoo import catalogue, names
from e2viz.zoo.card import Accuracy

FILE = places.EFFICIENCY
TABLES = places.TABLES
REFERENCE = "ge_vit_p4.rotmnist"


def measurements(file: Path = FILE) -> dict[str, Any]:
    """What `make efficiency` wrote; no models if it was never run."""
    return json.loads(file.read_text()) if file.exists() else {"machine": "", "attention": "", "models": {}}


def points(file: Path = FILE) -> list[Point]:
    """Every measured model, with the accuracy that its card, or the tables of post-hoc methods, hold."""
    trained = catalogue.list_models(wrapped=True)
    found = []
    for name, held in measurements(file)["models"].items():
        card = catalogue.card(name) if name in trained else None
        seconds = card.training_seconds if card and card.training_seconds else held.get("training_s")
        seconds = None if seconds is None else float(seconds)
        base, _, wrapped = name.partition("+")
        if wrapped and base in trained:
            seconds = catalogue.card(base).training_seconds + (seconds or 0 if card else 0)
        accuracy = card.measured.rotated if card and card.measured else _from_tables(name)
        found.append(
            Point(
                name=name,
                forward_ms=float(held["forward_ms"]),
                training_s=seconds,
                parameters=int(held["parameters"]),
                trained=card is not None or (bool(wrapped) and base in trained),
                accuracy=accuracy,
            )  # fmt: skip
        )
    return found


def _from_tables(name: str) -> Accuracy | None:
    """Accuracy of a wrapped model, from a table of post-hoc methods that was measured with these weights."""
    base, _, how = name.partition("+")
    method, _, group = how.rpartition("_")
    for path in TABLES.glob("*.json") if how else ():
        held = json.loads(path.read_text())
        cell = held["cells"].get(f"{method}/none")
        current = base in catalogue.list_models() and catalogue.card(base).weights_checksum == held["base_checksum"]
        if held["base"] == base and held["group"] == group and cell and current:
            of = f"{catalogue.card(base).data_set.test_split}, turned by the protocol's angles"
            return Accuracy(correct=cell["correct"], total=cell["total"], of=of)
    return None


def artificial(name: str) -> bool:
    """Whether a model looks at an artificial image."""
    row = row_of(name)
    return row is not None and row.artificial


def sentence(found: list[Point]) -> str:
    """What to look for, with the measured numbers."""
    by_name = {point.name: point for point in found}
    reference = by_name.get(REFERENCE) or next(
        (point for point in found if architecture_of(point.name) == "ge_vit"), None
    )
    small = [point for point in found if artificial(point.name)]
    if not small:
        return "A small artificial image makes GE-ViT cheap. `make efficiency` measures by how much."
    # Speed says little about a model that nobody trained: those with an accuracy come first.
    fastest = min(small, key=lambda point: (point.accuracy is None, point.forward_ms))
    if reference is None:
        name = names.label(fastest.name).partition(",")[0]
        text = (
            "A small artificial image stands between the picture and GE-ViT: "
            f"{name} takes {fastest.forward_ms:.1f} ms an image"
        )
        others = [(each.accuracy.share, each) for each in found if each.accuracy and not artificial(each.name)]
        if not others or not fastest.accuracy:
            return f"{text}."
        share, best = max(others, key=lambda one: one[0])
        other = names.label(best.name).partition(",")[0]
        return (
            f"{text}, {100 * fastest.accuracy.share:.1f} % right; the best of the others, {other}, takes "
            f"{best.forward_ms:.1f} ms and is right for {100 * share:.1f} %."
        )
    ratio = reference.forward_ms / fastest.forward_ms
    text = (
        f"A small artificial image makes GE-ViT cheap: {names.label(fastest.name).partition(',')[0]} takes "
        f"{fastest.forward_ms:.2f} ms an image, GE-ViT on all pixels {reference.forward_ms:.1f} ms, "
        f"{ratio:.{0 if ratio >= 10 else 1}f} times as long."
    )
    if fastest.accuracy and reference.accuracy:
        lost = 100 * (reference.accuracy.share - fastest.accuracy.share)
        text += f" It {'gives away' if lost > 0 else 'gains'} {abs(lost):.1f} points of accuracy."
    return text


def numbers(found: list[Point]) -> dict[str, list]:
    """Columns of the table and of the CSV: one row a model, the fastest first."""
    ordered = sorted(found, key=lambda point: point.forward_ms)
    return {
        "model": [point.name for point in ordered],
        "ms an image": [point.forward_ms for point in ordered],
        "accuracy turned": [str(point.accuracy) if point.accuracy else "not measured" for point in ordered],
        "training": [_minutes(point) for point in ordered],
        "parameters": [point.parameters for point in ordered],
    }


def _minutes(point: Point) -> str:
    if point.training_s is None:
        return ""
    minutes = f"{point.training_s / 60:.0f} min" if point.training_s >= 60 else f"{point.training_s:.0f} s"
    return minutes if point.trained else f"{minutes} by its recipe"


def on_data(found: list[Point], data: str) -> list[Point]:
    """Those that were tested on a data set: an accuracy on other pictures cannot stand on the same axis."""
    wanted = data_set(data)
    return [point for point in found if data_of_model(point.name) == wanted]


def untrained(found: list[Point]) -> list[str]:
    """Commands that would train what is not trained yet."""
    return [f"python -m e2viz train {point.name}" for point in found if not point.trained and "+" not in point.name]
