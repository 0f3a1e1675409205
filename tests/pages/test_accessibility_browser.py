"""axe finds nothing on any page, light or dark; every value that the pointer shows is there by keyboard."""

from pathlib import Path

import pytest

from e2viz.ui.navigation import titles
from tests.serving import served

pytestmark = [pytest.mark.browser, pytest.mark.slow]
# Of the library's own making: its drop zone is called presentation and can be given the focus by a script.
OTHERS = ("presentation-role-conflict", 'data-testid="stFileUploaderDropzone"')
APP = Path(__file__).resolve().parents[2] / "app.py"


@pytest.fixture(scope="module")
def address():
    with served(APP) as address:
        yield address


@pytest.mark.parametrize("name", ["", *list(titles())[1:]], ids=lambda name: name or "home")
def test_axe_finds_nothing(open_page, address, name):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    # axe's own script is put into the page by the test, which the app's policy would refuse.
    # Not every page has a player before anything was chosen.
    page = open_page(f"{address}/{name}", "[data-testid=stHeading]", color_scheme="light", bypass_csp=True)
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')", timeout=90_000)
    ground = "getComputedStyle(document.querySelector('.stApp')).backgroundColor"
    grounds = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # the app follows at once, and its player with it
        page.wait_for_timeout(2000)  # colours have faded to what they stay
        grounds.append(page.evaluate(ground))
        found = axe.run(page).response["violations"]
        nodes = [(each["id"], node["html"]) for each in found for node in each["nodes"]]
        ours = [(rule, html) for rule, html in nodes if not (rule == OTHERS[0] and OTHERS[1] in html)]
        said = [f"{scheme}: {rule}: {html[:120]}" for rule, html in ours]
        assert not said, "\n".join(said)
    assert grounds[0] != grounds[1], "both were looked at"


def test_the_values_of_a_map_are_read_by_keyboard(open_page, address):
    page = open_page(f"{address}/attention?models=ge_vit_p4.rotmnist")
    panels = page.locator(".player .row .pixels canvas")
    panels.first.focus()
    page.keyboard.press("ArrowRight")
    tip, spoken = page.locator(".player .tip"), page.locator(".player .spoken")
    first = tip.inner_text()
    assert "row 14, column 15" in first and tip.is_visible()
    assert spoken.inner_text().split() == first.split()
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowUp")
    assert tip.inner_text() != first
    place = "canvas => [...canvas.closest('.row').querySelectorAll('canvas[tabindex]')].indexOf(canvas)"
    focused = page.locator(".player .row canvas:focus")
    before = focused.evaluate(place)
    for _ in range(8):
        page.keyboard.press("Shift+ArrowRight")
    after = focused.evaluate(place)
    assert after > before, "over the edge lies the next panel"
    assert page.locator(".player").get_attribute("data-frame") == "0", "the turn stayed where it was"
