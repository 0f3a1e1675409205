"""A link restores the view on every page, even as the first request that a fresh server gets."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from e2viz.ui.navigation import found
from tests.serving import served

pytestmark = [pytest.mark.browser, pytest.mark.slow]
APP = Path(__file__).resolve().parents[2] / "app.py"
# The first page of the navigation has no name in the address.
PAGES = ["", *[path.stem for section in found().values() for path in section][1:]]
ASKED = {"models": "vit.rotmnist", "picture": "mnist-3", "method": "naive", "angles": "24", "angle": "90"}
WITHOUT_PLAYER = {"your_model", "studio", "gallery", "lessons"}  # before anything is chosen there


@pytest.fixture(scope="module")
def address():
    with served(APP) as found:
        yield found


def assert_restored(page, name):
    page.get_by_text("Page not found").wait_for(state="detached", timeout=10_000)
    sidebar = page.get_by_test_id("stSidebar")
    chosen = sidebar.locator("button[data-variant=pills][aria-pressed=true]")
    chosen.first.wait_for(timeout=90_000)
    assert chosen.all_inner_texts() == ["⬤ ViT, rotMNIST"]
    settings = sidebar.locator("button[data-variant=segmented_control][aria-checked=true]")
    assert settings.all_inner_texts() == ["Samples", "24", "Naïve"]
    assert {key: value[-1] for key, value in parse_qs(urlsplit(page.url).query).items()}.items() >= ASKED.items()
    if name not in WITHOUT_PLAYER:
        page.wait_for_selector(".player[data-frame]", timeout=90_000)
        assert page.locator(".player .angle").first.inner_text().endswith("°")


def linked(address: str, name: str) -> str:
    return f"{address}/{name}?{'&'.join(f'{key}={value}' for key, value in ASKED.items())}"


@pytest.mark.parametrize("name", PAGES, ids=lambda name: name or "home")
def test_a_deep_link_restores_the_view(open_page, address, name):
    assert_restored(open_page(linked(address, name), "[data-testid=stHeading]"), name)


@pytest.mark.parametrize("name", ["", "efficiency"], ids=lambda name: name or "home")
def test_the_first_request_of_a_fresh_server_may_be_a_deep_link(open_page, name):
    with served(APP) as fresh:
        assert_restored(open_page(linked(fresh, name), "[data-testid=stHeading]"), name)
