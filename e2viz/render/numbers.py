"""The numbers of a scene: CSV for any reader of tables, JSON with all that is known about them."""

import csv
import io
import json
from collections.abc import Mapping
from urllib.parse import quote, unquote

import numpy as np

from e2viz.render.job import Job
from e2viz.render.scene import Column, Scene

# The last column of a CSV; its first cell holds the recipe, percent-encoded: no commas, quotes or line breaks.
RECIPE_COLUMN = "e2viz_recipe"


def numbers_of(scene: Scene) -> Mapping[str, Column]:
    """The scene's own table, or else what its rings, bars and curves show at each angle."""
    if scene.numbers:
        return scene.numbers
    table: dict[str, Column] = {"angle_deg": scene.angles_deg}
    for ring in scene.rings:
        table |= {f"{ring.label}: class": ring.said(), f"{ring.label}: probability": ring.probability}
    for bars in scene.bars:
        for i, name in enumerate(bars.class_names):
            table[f"{bars.label}: p({name})"] = bars.probability[:, i]
    for curve in scene.curves:
        table[f"{curve.label}: {curve.quantity}"] = curve.values
    return table


def csv_file(job: Job) -> bytes:
    """The numbers as UTF-8 CSV: a line of names, then one line for each row."""
    table = numbers_of(job.scene)
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    recipe = quote(job.recipe_text, safe=":{}[]")
    writer.writerow([*table, *([RECIPE_COLUMN] if recipe else [])])
    for place, values in enumerate(zip(*table.values(), strict=True)):
        cells = [f"{value:.6g}" if isinstance(value, float | np.floating) else value for value in values]
        writer.writerow([*cells, *([recipe if place == 0 else ""] if recipe else [])])
    return file.getvalue().encode("utf-8")


def read_csv(content: bytes) -> str | None:
    """The recipe in the first cell of the last column; of older files, in the comment at the top."""
    if content.startswith(b"# e2viz-recipe: "):
        return content.split(b"\n", 1)[0].decode("utf-8", errors="replace").removeprefix("# e2viz-recipe: ")
    head, _, rest = content.partition(b"\n")
    if not head.endswith(RECIPE_COLUMN.encode("ascii")):
        return None
    return unquote(rest.partition(b"\n")[0].rpartition(b",")[2].decode("ascii", errors="replace"))


def json_file(job: Job) -> bytes:
    """The numbers as JSON: the title, the recipe, and each column as a list."""
    columns = {name: [_plain(value) for value in column] for name, column in numbers_of(job.scene).items()}
    recipe = None if job.recipe is None else job.recipe.to_dict()
    content = {"title": job.scene.title, "caption": job.scene.caption, "recipe": recipe, "numbers": columns}
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode("utf-8")


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value
