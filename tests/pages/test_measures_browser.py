"""Errors, positions, orbits and steerability in a real browser: a deep link fills each page, and it plays."""

from pathlib import Path

import pytest

from tests.serving import served

pytestmark = [pytest.mark.browser, pytest.mark.slow]
APP = Path(__file__).resolve().parents[2] / "app.py"
BEGINNINGS = {
    "equivariance_error?models=vit.rotmnist&step=45": "Where does the turn get lost?",
    "positional_encodings?models=vit.rotmnist&positions_group=C8&positions_layer=lifting": "Follow one colour",
    "orbits?models=vit.rotmnist&ground=reference": "A point or a loop?",
    "steerability?models=vit.rotmnist&sizes=28": "Four and four",
}


@pytest.fixture(scope="module")
def address():
    with served(APP) as found:
        yield found


@pytest.mark.parametrize("link", BEGINNINGS, ids=lambda link: link.partition("?")[0])
def test_a_deep_link_fills_the_page(open_page, address, link):
    page = open_page(f"{address}/{link}")
    assert page.locator("h3").first.inner_text().startswith(BEGINNINGS[link])
    assert page.locator(".player .plot canvas, .player .row canvas").count() >= 1
    player = page.locator(".player").first
    shown = int(player.get_attribute("data-frame"))
    player.get_by_role("slider").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(1000)
    assert int(player.get_attribute("data-frame")) != shown
    for setting in link.partition("?")[2].split("&")[1:]:
        assert setting in page.url, "the settings stay in the address bar"
