"""The server's headers in a browser: every page works under its own policy, and nothing may frame it."""

import urllib.request
from pathlib import Path

import pytest

from e2viz.ui.navigation import titles
from tests.serving import served

pytestmark = [pytest.mark.browser, pytest.mark.slow]
APP = Path(__file__).resolve().parents[2] / "app.py"


def test_every_page_works_under_the_policy_and_no_request_leaves(open_page):
    """`open_page` fails on a script error, a breach of the policy, and a request that leaves this machine."""
    with served(APP) as address:
        for at, name in enumerate(titles()):
            page = open_page(f"{address}/{name if at else ''}", "[data-testid=stHeading]")
            page.get_by_test_id("stStatusWidget").first.wait_for(state="detached", timeout=90_000)
            page.wait_for_timeout(500)
            page.close()
        with urllib.request.urlopen(address) as answer:
            assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_another_site_cannot_frame_the_app(browser, tmp_path):
    with served(APP) as address:
        (tmp_path / "course.html").write_text(f'<iframe src="{address}"></iframe>')
        page = browser.new_context().new_page()
        said = []
        page.on("console", lambda message: said.append(message.text))
        page.goto((tmp_path / "course.html").as_uri())
        page.wait_for_timeout(2000)
        assert any("frame-ancestors" in text for text in said), said
        page.context.close()


def test_an_unknown_address_has_a_page_that_leads_back(open_page, browser):
    with served(APP) as address:
        page = browser.new_context().new_page()
        page.goto(f"{address}/<script>alert(1)</script>")
        assert page.locator("h1").inner_text() == "There is no such page"
        page.get_by_role("link", name="Attention").click()
        page.wait_for_selector(".player[data-frame]", timeout=90_000)
        page.context.close()
