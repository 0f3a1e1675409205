"""The offline file: one page, no request, playing, scrubbed, by keyboard, still where motion is unwanted, small."""

import io

import numpy as np
import pytest
from sample_scene import sample_scene

from e2viz.render.encode import encode
from e2viz.render.scene import Panel, Row, Scene


def twelve_panels() -> Scene:
    """Twelve panels of 72 frames that hardly compress: noise, as feature maps are."""
    noise = np.random.default_rng(0)
    maps = [noise.normal(size=(72, 28, 28)) for _ in range(12)]
    panels = tuple(Panel.from_values(f"map {k}", each) for k, each in enumerate(maps))
    scene = sample_scene(72)
    return Scene("t", scene.angles_deg, scene.picture, scene.rings, scene.bars, (Row("maps", panels),), "c",
                 recipe=scene.recipe, curves=scene.curves)  # fmt: skip


def test_twelve_panels_of_72_frames_are_below_3_megabytes():
    assert len(encode(twelve_panels(), "html")) < 3_000_000


def test_a_noisy_photograph_in_colour_is_below_5_megabytes():
    across = np.linspace(0, 1, 112)
    picture = np.stack([np.broadcast_to(np.sin(across * k) ** 2, (3, 112, 112)) for k in range(1, 73)])
    picture = np.clip(picture + np.random.default_rng(0).normal(size=picture.shape) / 30, 0, 1)
    scene = sample_scene(72)
    shown = Scene("t", scene.angles_deg, Panel.from_picture("", picture), scene.rings, scene.bars)
    assert len(encode(shown, "html")) < 5_000_000


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "transparent"])
def test_it_plays_offline_in_a_sandboxed_frame(browser, tmp_path, theme):
    (tmp_path / "scene.html").write_bytes(encode(sample_scene(24), "html", theme=theme, frame=3, fps=12))
    (tmp_path / "post.html").write_text(
        '<iframe sandbox="allow-scripts" src="scene.html" style="width:800px;height:900px"></iframe>'
    )
    page = browser.new_context(offline=True, viewport={"width": 900, "height": 950}).new_page()
    asked, problems = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"file://{tmp_path}/post.html")
    frame = page.frame_locator("iframe")
    player = frame.locator(".player")
    player.wait_for(timeout=10_000)
    page.wait_for_timeout(300)
    assert player.get_attribute("data-playing") == "true"
    shown = {player.get_attribute("data-frame") for _ in range(12) if page.wait_for_timeout(60) is None}
    assert len(shown) > 2
    slider = frame.get_by_role("slider", name="Angle")
    slider.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert player.get_attribute("data-frame") == "1" and player.get_attribute("data-playing") == "false"
    assert frame.get_by_role("group").first.get_attribute("aria-label").startswith("A sentence that says")
    assert not problems and all(each.startswith(("file:", "data:", "blob:")) for each in asked)


@pytest.mark.browser
def test_it_stands_still_where_motion_is_unwanted(browser, tmp_path):
    path = tmp_path / "scene.html"
    path.write_bytes(encode(sample_scene(24), "html", frame=3))
    page = browser.new_context(offline=True, reduced_motion="reduce").new_page()
    page.goto(f"file://{path}")
    page.locator(".player").wait_for(timeout=10_000)
    page.wait_for_timeout(300)
    assert page.locator(".player").get_attribute("data-playing") == "false"
    assert page.locator(".player").get_attribute("data-frame") == "3"


def test_a_recipe_cannot_close_its_script():
    scene = sample_scene(2, rows=False)
    object.__setattr__(scene, "title", "</script><script>alert(1)</script>")
    text = encode(scene, "html").decode()
    assert "<script>alert" not in text and io.StringIO(text).readline().startswith("<!doctype html>")
