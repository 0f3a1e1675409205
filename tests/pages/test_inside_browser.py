"""Attention and feature maps in a real browser: a click moves the query pixel, and twelve maps play."""

import os
import re
from pathlib import Path

import pytest

from e2viz.render.recipe import Recipe
from tests.serving import served

pytestmark = [pytest.mark.browser, pytest.mark.slow]
APP = Path(__file__).resolve().parents[2] / "app.py"


def test_a_click_on_the_picture_chooses_the_query_pixel(open_page):
    with served(APP) as address:
        open_page(f"{address}/?models=vit.rotmnist&picture=mnist-4")
        page = open_page(f"{address}/attention?models=vit.rotmnist&picture=mnist-4&angles=24")
        first = page.locator(".rows .pixels canvas").first
        box = first.bounding_box()
        first.click(position={"x": 0.27 * box["width"], "y": 0.6 * box["height"]})
        for name, value in (("row", 16), ("column", 7)):
            page.wait_for_url(re.compile(rf"[?&]{name}={value}(&|$)"), timeout=60_000)  # the server forbids eval
        assert page.locator(".panels code").first.inner_text()


DROP = """([name, text]) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([text], name, { type: "application/json" }));
  const drop = (kind) => new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true });
  for (const kind of ["dragover", "drop"]) document.querySelector("[data-testid=stMain]").dispatchEvent(drop(kind));
}"""


def test_a_lesson_and_its_figure_point_at_each_other_and_a_dropped_file_opens_its_view(open_page):
    """One page load: what is dropped anywhere, here on a lesson, restores its view."""
    with served(APP) as address:
        page = open_page(f"{address}/lessons?step=1&models=vit.mnist&picture=mnist-4")
        page.get_by_role("button", name="Show me without an answer").click()
        page.locator(".plot").first.wait_for(timeout=60_000)
        page.get_by_role("link", name="The curve").hover()
        page.locator(".plot.pointed").wait_for(timeout=5_000)
        page.locator(".turntable").last.hover()
        page.locator("a.pointed-at").wait_for(timeout=5_000)
        assert page.locator("a.pointed-at").all_inner_texts() == ["The ring"]
        page.locator(".st-key-restore input[type=file]").wait_for(state="attached", timeout=30_000)
        recipe = Recipe(page="rotation", models=("cnn.rotmnist",), picture="mnist-3")
        page.evaluate(DROP, ["view.json", recipe.to_json()])
        page.wait_for_url("**/?*picture=mnist-3*", timeout=60_000)


def test_feature_maps_play_beside_the_same_turned_back(open_page):
    with served(APP) as address:
        page = open_page(f"{address}/latents?models=vit.rotmnist&picture=mnist-4&angles=36")
        halves = page.locator(".halves").first.locator("figure")
        assert halves.count() == 12 and halves.locator(".own-scale").count() == 12
        tops = {round(halves.nth(k).locator("canvas").first.bounding_box()["y"]) for k in range(12)}
        assert len(tops) == 1, "on a wide page the two halves stand side by side"
        low = max(each.bounding_box()["y"] + each.bounding_box()["height"] for each in page.locator(".rows .row").all())
        assert low <= 900, "nothing of it lies below the fold"
        page.get_by_role("button", name="Add to figure").click()
        page.get_by_role("button", name="the whole view").click()
        page.get_by_role("button", name="Add to figure (1)").wait_for(timeout=30_000)
        assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--e2viz-top')") == "60px"
        best_fps = 0.0
        for _ in range(16):
            page.wait_for_timeout(500)
            best_fps = max(best_fps, float(page.locator(".player").get_attribute("data-fps") or 0))
        if best_fps < 50 and os.getloadavg()[0] > 1.5 * os.cpu_count():
            pytest.skip(f"{best_fps:.0f} frames a second, but the machine is busy")
        assert best_fps >= 50
