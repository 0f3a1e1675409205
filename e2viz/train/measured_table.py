"""The tables that `make tables` measures: which there are, what was found, and how that reads. Knows no torch.

A table is JSON, benchmarks/tables/<setting>.json; the Markdown beside it and the page's are made from it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2viz.models.methods import METHODS, kind_of
from e2viz.zoo.card import Accuracy

LEVELS = ("none", "last", "whole")
# Column -> its head. Upright test pictures are shown to the model with nothing trained further.
COLUMNS = {"upright": "upright pictures", "none": "nothing", "last": "last layer", "whole": "whole model"}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One table.

    Args:
        task: what the wrapped model was trained on, a tag of ``e2viz.data.tasks``.
        base: the model that is wrapped.
        words: the same for a reader.
        group: of the views.
        levels: how much of the model is trained further, at most.
        whole_epochs: passes over the training images at level "whole"; a tenth of the images is seen more often.
        test_images, training_images: at most so many, test images at even steps through the split, so that a picture
            counts once, and the first of the shuffled training images; 0 for all.
        part_images, part_training_images: the same, for the methods in ``ON_A_PART`` alone.
    """

    task: str
    base: str
    words: str
    group: str = "c16"
    levels: tuple[str, ...] = LEVELS
    whole_epochs: int = 0
    test_images: int = 0
    training_images: int = 0
    part_images: int = 0
    part_training_images: int = 0

    def images_for(self, method: str, images: int) -> int:
        """Test images that a method is measured on, out of those of the table."""
        return min(images, self.part_images) if self.part_images and method in ON_A_PART else images

    def training_for(self, method: str) -> int:
        """Training images that a method learns from; 0 for all."""
        return self.part_training_images if self.part_images and method in ON_A_PART else self.training_images


# Sixteen views of every digit take hours: these are measured on a part, which their cells say.
ON_A_PART = ("lambda_equitune", "lowest_entropy", "angle_search", "gated_search", "canonical", "canonical_upright")

_PHOTOS: dict[str, Any] = {"task": "photos", "base": "vit.photos", "levels": ("none", "last"),
                           "test_images": 9_000, "training_images": 5_000}  # fmt: skip
_DIGITS: dict[str, Any] = {"part_images": 2_000, "part_training_images": 2_000}
SETTINGS = {
    "rotmnist": Setting(
        **_DIGITS, task="rotmnist", base="vit_unbent.rotmnist", words="trained on turned digits", whole_epochs=4
    ),
    "mnist": Setting(**_DIGITS, task="mnist", base="vit.mnist", words="trained on upright digits only", whole_epochs=6),
    "rotmnist10": Setting(
        **_DIGITS, task="rotmnist10", base="vit.rotmnist10", words="trained on 10 % of the turned digits",
        whole_epochs=15,
    ),
    "photos_c4": Setting(**_PHOTOS, words="trained on upright photographs only, four views", group="c4"),
    "photos_c16": Setting(
        **{**_PHOTOS, "test_images": 2_000, "training_images": 1_500},  # sixteen views cost four times what four do
        words="trained on upright photographs only, sixteen views",
    ),
}
# Kind of method -> (levels it is measured at). Searches and canonicalisation exist to leave a model as it is.
KIND_LEVELS: dict[str, tuple[str, ...]] = {"search": ("none",), "canonicalise": ("none",)}
# The study's methods alone had the whole model trained further.
FURTHER_LEVELS: dict[str, tuple[str, ...]] = {"lambda_equitune": ("none", "last"), "lowest_entropy": ("none", "last")}
# The head of the ViT begins with a layer norm, to which a sum is a mean: training either is training the other.
SAME_WHEN_WHOLE = {"sum": "mean"}
# Figures of the study, in per cent: (setting, method, level). Its fine-tuned figures stand beside the whole model.
PUBLISHED = {
    ("rotmnist", "mean", "whole"): 98.24,
    ("rotmnist", "max", "whole"): 98.31,
    ("mnist", "mean", "whole"): 97.53,
    ("mnist", "max", "whole"): 97.28,
    ("mnist", "learned_attention", "none"): 92.43,
    ("mnist", "most_certain", "none"): 49.00,
    ("rotmnist10", "mean", "whole"): 89.73,
    ("rotmnist10", "max", "whole"): 89.41,
}
DIFFERENCES = (
    "Ours differs by definition where the published code got one wrong: *most certain* chooses one view instead of "
    "mixing views class by class; *most likely* adds logarithms without a temperature; the *learned average* weighs "
    "by a softmax over views. *Sum* and *mean* answer alike, since the head of the ViT begins with a layer norm. Test "
    "images are turned by the fair rotation, digits upright before turning."
)


@dataclass
class MeasuredTable:
    """What was found in one setting.

    Args:
        name: a key of ``SETTINGS``.
        images: test images, turned.
        base_checksum: of the wrapped model's weights.
        cells: "method/column" -> correct, total, epochs, seconds.
    """

    name: str
    images: int
    base_checksum: str = ""
    cells: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def setting(self) -> Setting:
        return SETTINGS[self.name]

    @classmethod
    def read(cls, path: Path) -> MeasuredTable:
        """The table of a JSON file, whose name is that of its setting.

        Raises:
            ValueError: if it is of no setting that is known.
        """
        name = path.stem.partition(".")[0]
        if name not in SETTINGS:
            raise ValueError(f"a table must be one of {', '.join(SETTINGS)}, got {path.name}")
        held = json.loads(path.read_text(encoding="utf-8"))
        return cls(name, held["images"], held["base_checksum"], held["cells"])

    def write(self, path: Path) -> None:
        """Put the JSON where it can be read again."""
        facts = {"base": self.setting.base, "base_checksum": self.base_checksum, "images": self.images,
                 "group": self.setting.group}  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps({**facts, "cells": self.cells}, indent=1) + "\n", encoding="utf-8")
        os.replace(partial, path)

    def add(self, method: str, column: str, correct: int, total: int, seconds: float, epochs: int = 0) -> None:
        """Keep one cell; ``epochs`` of training stand behind it."""
        self.cells[f"{method}/{column}"] = {
            "correct": correct, "total": total, "epochs": epochs, "seconds": round(seconds, 1)
        }  # fmt: skip

    def levels_of(self, method: str) -> tuple[str, ...]:
        """The levels at which a method is measured here."""
        from_method = FURTHER_LEVELS.get(method, KIND_LEVELS.get(kind_of(method), LEVELS))
        return tuple(level for level in self.setting.levels if level in from_method)

    @property
    def methods(self) -> list[str]:
        """Those of which anything was measured, in order."""
        return [method for method in METHODS if any(key.startswith(f"{method}/") for key in self.cells)]

    @property
    def about(self) -> str:
        """What is in the table, in two sentences."""
        learning = f", on {self.setting.training_images:,} images" if self.setting.training_images else ""
        return (
            f"`{self.setting.base}` wrapped under {self.setting.group.upper()}, accuracy in per cent (95 % interval) "
            f"on {self.images:,} turned test images; columns say what of the model was trained further{learning}. "
            "`make tables` measures it."
        )

    def columns(self) -> dict[str, list[str]]:
        """Head -> a cell for each row; columns in which nothing stands are left out."""
        rows = ["unwrapped", *self.methods]
        table = {
            "what is done": ["", *(kind_of(method) for method in self.methods)],
            "method": ["(not wrapped)", *(method.replace("_", " ") for method in self.methods)],
        }
        for column, head in COLUMNS.items():
            if any(key.endswith(f"/{column}") for key in self.cells):
                table[head] = [self._cell(row, column) for row in rows]
            published = [PUBLISHED.get((self.name, row, column)) for row in rows]
            if any(published):
                table[f"{head}, published"] = [f"{each:.2f}" if each else "" for each in published]
        return table

    def on_a_part(self, method: str, column: str) -> int:
        """How many images stand behind a cell that was measured on a part of them; 0 for any other."""
        found, all_ = (self.cells.get(f"{each}/{column}") for each in (method, "unwrapped"))
        whole = all_["total"] if all_ else self.images
        return found["total"] if found and found["total"] < whole else 0

    def _cell(self, method: str, column: str) -> str:
        found = self.cells.get(f"{method}/{column}")
        if found is None:
            if method == "unwrapped":
                return ""
            later = self.setting.part_images and method not in ON_A_PART
            if later if column == "upright" else column not in self.levels_of(method):
                return "–"
            same = SAME_WHEN_WHOLE.get(method) if column == "whole" else None
            return f"as {same}" if same else "not measured"
        words = str(Accuracy(correct=found["correct"], total=found["total"])).replace(" %", "", 1)
        return f"{words} \\*" if self.on_a_part(method, column) else words

    def notes(self, *, epochs: int, training_views: int) -> str:
        """How long was trained, what was not measured, and what differs from the study.

        Args:
            epochs: of what is trained on kept embeddings.
            training_views: random views that a step of level "whole" combines.
        """
        whole = sorted({each.get("epochs", 0) for key, each in self.cells.items() if key.endswith("/whole")})
        text = f"What has weights of its own, and the last layer, is trained for {epochs} epochs on kept embeddings"
        if whole:
            passes = " or ".join(str(each) for each in whole)
            text += f"; the whole model for {passes} epoch{'' if passes == '1' else 's'}, "
            text += f"on {training_views} random views a step"
        parts = sorted({each for m in self.methods for c in COLUMNS if (each := self.on_a_part(m, c))})
        if parts:
            text += f".\n\n\\* On {' or '.join(f'{each:,}' for each in parts)} test images, none of them twice"
            text += f", learned from {self.setting.part_training_images:,} training images"
        missing = [method.replace("_", " ") for method in METHODS if method not in self.methods]
        later = f"\n\nWithout a row yet: {', '.join(missing)}." if missing else ""
        return f"{text}.{later}\n\n{DIFFERENCES}"

    def markdown(self, notes: str) -> str:
        """The table in words and numbers."""
        columns = self.columns()
        rows = [f"| {' | '.join(row)} |" for row in zip(*columns.values(), strict=True)]
        rule = "|---|---|" + "---:|" * (len(columns) - 2)
        head = f"| {' | '.join(columns)} |"
        title = f"# Post-hoc methods, {self.setting.words}"
        return "\n".join([title, "", self.about, "", head, rule, *rows, "", notes, ""])


def tables_in(folder: Path) -> Mapping[str, MeasuredTable]:
    """Every table that lies in a folder, in the order of ``SETTINGS``."""
    return {name: MeasuredTable.read(path) for name in SETTINGS if (path := folder / f"{name}.json").is_file()}
