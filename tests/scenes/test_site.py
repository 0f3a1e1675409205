"""The site without a server: opened from disk with the network off."""

import re

import pytest

from e2viz.scenes.site import ONCE, TITLES, build, recipes


def test_every_sample_has_its_views_and_every_view_a_page():
    wanted = recipes()
    assert {recipe.page for recipe in wanted} == set(TITLES)
    samples = {recipe.picture for recipe in wanted}
    for sample in samples:
        assert {r.page for r in wanted if r.picture == sample} >= set(TITLES) - set(ONCE)
    assert len(recipes(("mnist-6",), ("rotation",))) == 1


def test_an_empty_site_is_refused(tmp_path):
    with pytest.raises(ValueError, match="must have a page"):
        build(tmp_path, samples=("nothing",))


@pytest.mark.browser
def test_it_plays_from_disk_with_the_network_off(browser, tmp_path):
    build(tmp_path, samples=("mnist-8", "mnist-6"), pages=("rotation", "orbits"), tell=lambda line: None)
    for path in tmp_path.glob("*.html"):
        for target in re.findall(r'(?:href|src)="([^"]+)"', path.read_text(encoding="utf-8")):
            if not target.startswith("data:"):
                assert (tmp_path / target).is_file(), target
    page = browser.new_context(offline=True).new_page()
    asked, problems = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"file://{tmp_path}/index.html")
    page.locator(".player[data-frame]").wait_for(timeout=15_000)
    page.get_by_role("link", name="Orbits").click()
    page.locator(".player .plot").first.wait_for(timeout=15_000)
    assert page.url.endswith("orbits-mnist-8.html")
    page.get_by_role("navigation").get_by_role("link", name="Turn").click()
    page.locator(".player[data-frame]").wait_for(timeout=15_000)
    assert not problems and all(url.startswith(("file:", "data:", "blob:")) for url in asked)
