"""Composed figures: round trips, parts, the grid, sizes that are met and said."""

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from sample_scene import sample_scene

from e2viz.render.budget import BUDGETS, Budget, fitted
from e2viz.render.draw import draw
from e2viz.render.embed import read_recipe, recipe_from_json
from e2viz.render.encode import encode
from e2viz.render.figure import Cell, Figure
from e2viz.render.formats import FORMATS
from e2viz.render.layout import lay_out
from e2viz.render.look import Look
from e2viz.render.marks import ColorBar, Text
from e2viz.render.parts import compose, part_of, parts_of
from e2viz.render.recipe import Recipe, png_data_url
from e2viz.render.scene import Panel, Row

RECIPE = Recipe(page="rotation", models=("ge_vit_p4.rotmnist",), picture="mnist-8")
OTHER = Recipe(page="steerability", picture="mnist-8")
FIGURE = Figure(
    title="A figure", caption="Its caption.", columns=2, look=Look(theme="dark", fps=25),
    cells=(
        Cell(recipe=RECIPE, part="dial"), Cell(recipe=RECIPE, part="row:0", title="Maps"),
        Cell(recipe=OTHER, part="bars:1", caption="Words.", columns=2),
    ),
)  # fmt: skip


def make(recipe: Recipe):
    return sample_scene(24 if recipe == RECIPE else 8)


def test_it_comes_back_from_json_and_from_a_link():
    assert recipe_from_json(FIGURE.to_json()) == FIGURE
    assert Figure.from_link(FIGURE.to_link()) == FIGURE


def test_colour_bars_can_be_left_out_and_that_comes_back():
    bare = replace(FIGURE, color_bars=False)
    assert recipe_from_json(bare.to_json()) == bare and "color_bars" not in FIGURE.to_json()
    maps = Row("maps", tuple(Panel.from_values(f"m{k}", np.arange(16.0).reshape(1, 4, 4)) for k in range(2)))
    scene = replace(sample_scene(24), rows=(maps,))
    drawn = {figure.color_bars: lay_out(compose(figure, lambda recipe: scene), 900).still for figure in (FIGURE, bare)}
    assert [sum(isinstance(mark, ColorBar) for mark in drawn[shown]) for shown in (True, False)] == [1, 0]
    assert all(not row.scale for cell in compose(bare, make).cells for row in cell.scene.rows)


def test_a_picture_of_many_cells_is_written_once():
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)).save(file, "PNG")
    recipe = replace(RECIPE, picture=png_data_url(file.getvalue()))
    figure = Figure(cells=tuple(Cell(recipe=recipe, part=f"panel:0.{k}") for k in range(8)))
    assert len(figure.to_json()) < 2 * len(recipe.to_json())
    assert recipe_from_json(figure.to_json()) == figure


@pytest.mark.parametrize("format", FORMATS)
def test_every_file_of_a_figure_brings_it_back(format):
    scene = compose(FIGURE, make)
    assert read_recipe(encode(scene, format, width=500)) == replace(FIGURE, look=replace(FIGURE.look, width=500))


def test_every_part_is_drawn_alone():
    scene = sample_scene(6)
    parts = parts_of(scene)
    assert {"all", "dial", "bars", "bars:1", "curves:0", "row:0", "panel:0.1"} <= set(parts)
    for part in parts:
        assert draw(part_of(scene, part), 3, width=400).width == 400
    with pytest.raises(LookupError, match="no part 'row:9'"):
        part_of(scene, "row:9")


def test_the_grid_keeps_its_places_and_its_words():
    sheet = lay_out(compose(FIGURE, make), 900)
    texts = {mark.text: mark for mark in (*sheet.still, *sheet.marks(5)) if isinstance(mark, Text)}
    assert {"A figure", "Its caption.", "Maps", "Words."} <= set(texts)
    assert texts["Maps"].x > 400 and texts["Words."].x < 100 and texts["Words."].y > texts["Maps"].y + 200


def test_views_of_other_angles_show_the_same_angle():
    scene = compose(FIGURE, make)
    assert scene.frames == 24 and scene.cells[2].frames[::3] == tuple(range(8))


def test_what_is_previewed_is_what_is_exported():
    scene = compose(FIGURE, make)
    image = Image.open(io.BytesIO(encode(scene, "png", look=Look(width=600, angle_deg=90))))
    assert image.tobytes() == draw(scene, 6, width=600).tobytes()


@pytest.mark.parametrize("name", [name for name, each in BUDGETS.items() if each.width])
def test_a_size_is_met_to_the_pixel(name):
    made = fitted(compose(FIGURE, make), "png", Look(), BUDGETS[name])
    image = Image.open(io.BytesIO(made.content))
    if name == "slide":
        assert image.size == (1920, 1080)
    else:
        assert image.width == round(8.5 / 2.54 * 300)
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_a_column_is_as_wide_on_paper_as_it_says():
    """A page of 8.5 cm, not of as many CSS pixels as the picture has."""
    scene = compose(FIGURE, make)
    page, drawing = (fitted(scene, kind, Look(), BUDGETS["column"]).content for kind in ("pdf", "svg"))
    width_pt = float(re.search(rb"/MediaBox \[0 0 ([\d.]+) ", page)[1])
    width_px = float(re.search(rb'width="([\d.]+)"', drawing)[1])
    assert width_pt / 72 * 2.54 == pytest.approx(8.5, abs=0.01) == width_px / 96 * 2.54


def test_a_budget_is_met_by_choices_that_are_said():
    scene = compose(replace(FIGURE, cells=FIGURE.cells[:2]), make)
    whole = encode(scene, "gif", width=500)
    made = fitted(scene, "gif", Look(width=500), Budget(title="small", most_bytes=int(0.6 * len(whole))))
    assert len(made.content) <= 0.6 * len(whole)
    assert "As wished it was" in made.words and made.look != Look(width=500)
    with pytest.raises(ValueError, match="must be at most"):
        fitted(scene, "png", Look(width=500), Budget(title="tiny", most_bytes=1000))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"cells": 3}, "list of objects"),
        ({"cells": [{"recipe": 3}]}, "must have a recipe"),
        ({"cells": [{"recipe": {"page": "rotation", "picture": "#7"}}]}, "must be one of 0"),
        ({"cells": [], "columns": 9}, "columns must be"),
        ({"cells": [{"recipe": {"page": "rotation"}}] * 40}, "at most 24 cells"),
        ({"cells": [], "color": "red"}, "a figure has"),
    ],
)
def test_refusals(values, words):
    with pytest.raises(ValueError, match=words):
        Figure.from_dict({"page": "figure", **values})
