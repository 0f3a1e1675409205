"""The studio: what is there before the first click, parts from other pages, sizes, and the way back from a file."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from e2viz.render.figure import Cell, Figure
from e2viz.render.recipe import Recipe
from e2viz.render.timeline import moments

ROOT = Path(__file__).resolve().parents[2]
RECIPE = Recipe(page="rotation", models=("cnn.rotmnist",), picture="mnist-8")
FIGURE = Figure(cells=(Cell(recipe=RECIPE, part="dial"), Cell(recipe=RECIPE, part="bars:0")), title="Mine")


@pytest.fixture
def page():
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300)
    app.switch_page("pages/make/studio.py")
    return app


def linked(page) -> Figure:
    text = page.query_params["figure"]
    return Figure.from_link(text if isinstance(text, str) else text[0])


def title(page):
    return next(each for each in page.text_input if each.label == "Title of the figure")


def test_it_is_full_before_the_first_click(page):
    page.query_params["models"] = "cnn.rotmnist"
    page.run()
    assert not page.exception and not page.error
    assert title(page).value == "One picture, turned once round"
    assert [each.label for each in page.button if each.label == "Make the file"]


def test_a_figure_comes_from_its_link_and_is_made(page):
    page.query_params["figure"] = FIGURE.to_link()
    page.run()
    assert not page.exception and not page.error
    assert title(page).value == "Mine"
    title(page).set_value("Ours").run()
    assert linked(page).title == "Ours"
    angles = next(each for each in page.slider if each.label == "Angles")
    angles.set_value((0, 90)).run()
    assert [each.frame for each in moments(np.arange(72) * 5.0, linked(page).look)][-1] == 18, "90 degrees is shown too"
    next(button for button in page.button if button.label == "Remove").click().run()
    assert len(linked(page).cells) == 1


def test_a_link_that_is_no_figure_is_answered(page):
    page.query_params["figure"] = "nonsense"
    page.run()
    assert not page.exception and "packed JSON" in page.error[0].value
