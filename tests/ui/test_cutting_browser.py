"""The square over a picture in a real browser: by mouse, by finger, by keyboard; and a drawing that is pressed."""

import json
from pathlib import Path

import pytest

from tests.serving import served

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(browser):
    with served(Path(__file__).with_name("cut_app.py")) as address:
        yield address


@pytest.fixture
def page(browser, address):
    context = browser.new_context(viewport={"width": 600, "height": 600}, has_touch=True)
    page = context.new_page()
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(address)
    page.locator(".cut .square").wait_for(timeout=60_000)
    yield page
    context.close()
    assert not wrong


def says(page, expected, within: float = 0.02) -> None:
    """Wait until the server says that."""
    for _ in range(80):
        heard = json.loads(page.locator('[data-testid="stText"]').inner_text())
        if heard and all(abs(a - b) <= within for a, b in zip(heard, expected, strict=True)):
            return
        page.wait_for_timeout(250)
    raise AssertionError(f"{heard} is not {expected}")


def pull(page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag from and to a place in shares of the picture."""
    box = page.locator(".cut .picture").bounding_box()
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    page.mouse.move(*at[0])
    page.mouse.down()
    page.mouse.move(*at[1], steps=5)
    page.mouse.up()


def test_the_square_is_moved_and_stays_inside(page):
    says(page, [0.5, 0.5, 1.0])
    pull(page, (0.5, 0.5), (0.9, 0.2))
    says(page, [2 / 3, 0.5, 1.0])


def test_a_corner_sizes_it_and_the_opposite_one_stays(page):
    pull(page, (5 / 6 - 0.01, 0.985), (5 / 6 - 0.01 - 1 / 3, 0.485))
    says(page, [1 / 6 + 1 / 6, 0.25, 0.5])


def test_keys_move_and_size_it(page):
    page.locator(".cut .square").focus()
    for _ in range(25):
        page.keyboard.press("-")
    says(page, [0.5, 0.5, 0.5])
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("ArrowUp")
    says(page, [0.4, 0.48, 0.5])
    assert "% from the left" in page.locator(".cut [role=status]").inner_text()


def test_the_slider_sizes_it_for_fingers(page):
    page.locator(".cut input").fill("0.6")
    says(page, [0.5, 0.5, 0.6])


def test_a_drawing_is_pressed(page, address):
    page.goto(f"{address}/?drawings=1")
    pressed = page.get_by_role("button", name="Drawing 1 of 2")
    pressed.wait_for(timeout=60_000)
    assert page.get_by_role("button", name="Drawing 2 of 2").get_attribute("aria-pressed") == "true"
    pressed.click()
    says(page, [0.25, 0.5])
