"""The player in a real browser: dial, keys, pace, hover, reports, groups, narrow screens, reduced motion."""

import math
import os
from pathlib import Path

import pytest

from tests.serving import served

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(browser):
    with served(Path(__file__).with_name("player_app.py")) as address:
        yield address


def frame(page, which: int = 0) -> int:
    return int(page.locator(".player").nth(which).get_attribute("data-frame"))


def on_dial(page, angle_deg: float, radius: float) -> tuple[float, float]:
    """A point of the dial; 1 is half its side, 0° is at the top, counter-clockwise."""
    box = page.locator(".dial").first.bounding_box()
    turned, length = math.radians(angle_deg), radius * box["width"] / 2
    return (
        box["x"] + box["width"] / 2 - math.sin(turned) * length,
        box["y"] + box["height"] / 2 - math.cos(turned) * length,
    )


def test_starts_at_the_frame_asked_for_and_stands_still(address, open_page) -> None:
    page = open_page(address)
    page.wait_for_timeout(500)
    assert frame(page) == 7
    assert page.locator(".player").get_attribute("data-playing") == "false"


def test_dial_follows_the_hand(address, open_page) -> None:
    page = open_page(address)
    page.mouse.move(*on_dial(page, 35, 0.8))
    page.mouse.down()
    for angle in range(35, 136, 5):
        page.mouse.move(*on_dial(page, angle, 0.8))
    assert frame(page) == 27  # 135 degrees
    assert page.locator(".bars .says").all_inner_texts() == ["4", "5"]
    page.mouse.move(*on_dial(page, 300, 0.8))
    page.mouse.up()
    assert frame(page) == 60
    page.get_by_text("reported 60").wait_for(timeout=5_000)


def test_picture_turns_by_what_the_hand_moves(address, open_page) -> None:
    page = open_page(address)
    page.mouse.move(*on_dial(page, 200, 0.3))
    page.mouse.down()
    page.mouse.move(*on_dial(page, 220, 0.3))
    page.mouse.move(*on_dial(page, 240, 0.3))
    page.mouse.up()
    assert frame(page) == 7 + 8  # 40 degrees further than where it was


def test_keys(address, open_page) -> None:
    page = open_page(address)
    page.get_by_role("slider", name="Angle").focus()
    for key, expected in [
        ("ArrowRight", 8), ("Shift+ArrowRight", 14), ("ArrowLeft", 13), ("Home", 0), ("ArrowLeft", 71), ("End", 71),
    ]:  # fmt: skip
        page.keyboard.press(key)
        assert (key, frame(page)) == (key, expected)
    page.get_by_text("reported 71").wait_for(timeout=5_000)
    page.keyboard.press("Space")
    assert page.locator(".player").get_attribute("data-playing") == "true"
    page.keyboard.press("Space")
    assert page.locator(".player").get_attribute("data-playing") == "false"


@pytest.mark.alone
def test_plays_at_the_rate_of_the_display_without_asking_the_server(address, open_page) -> None:
    page = open_page(address)
    page.wait_for_timeout(500)
    sent = []
    page.on("request", lambda request: sent.append(request.url))
    page.get_by_role("button", name="Play").click()
    page.wait_for_timeout(1_500)
    assert frame(page) != 7
    best_fps = 0.0
    for _ in range(20):
        best_fps = max(best_fps, float(page.locator(".player").get_attribute("data-fps")))
        page.wait_for_timeout(500)
        if best_fps >= 50:
            break
    assert sent == []
    if best_fps < 50 and os.getloadavg()[0] > 1.5 * os.cpu_count():
        pytest.skip(f"{best_fps:.0f} frames a second, but the machine is busy: load {os.getloadavg()[0]:.1f}")
    assert best_fps >= 50


@pytest.mark.alone
def test_a_frame_is_drawn_in_less_than_two_milliseconds(address, open_page) -> None:
    page = open_page(address)
    rounds_ms = page.evaluate("""() => {
      const host = document.querySelector('[data-testid="stBidiComponentIsolated"]');
      const { player } = host.shadowRoot.e2viz;
      return Array.from({ length: 100 }, () => {
        const start = performance.now();
        for (let k = 0; k < 6; k++) { player.clock.turn = k / 6; player.paint(); }
        return (performance.now() - start) / 6;
      });
    }""")
    assert min(rounds_ms) < 2  # the best round is the one that nothing else interrupted


def test_hover_says_the_value_and_the_segment(address, open_page) -> None:
    from tests.ui.scenes import scene

    page = open_page(address)
    canvas = page.locator(".rows .pixels canvas").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 3.5 / 28, box["y"] + box["height"] * 1.5 / 28)
    shown = page.locator(".tip").inner_text()
    panel = scene().rows[1].panels[0]
    assert float(shown.split("\n")[0]) == pytest.approx(panel.values[7, 1, 3] / 255 * 2, rel=0.006)
    assert shown.endswith("row 1, column 3")
    page.locator(".dial").scroll_into_view_if_needed()
    page.mouse.move(*on_dial(page, 180, 0.77))
    assert page.locator(".tip").inner_text() == "GE-ViT\n180°: 4, 0.82"


def test_a_clicked_pixel_is_reported(address, open_page) -> None:
    page = open_page(address)
    box = page.locator(".rows .pixels canvas").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 3.5 / 28, box["y"] + box["height"] * 1.5 / 28)
    page.get_by_text("Pixel(panel=1, row=1, col=3, frame=7)").wait_for(timeout=5_000)


def test_players_of_a_group_show_the_same_instant(address, open_page) -> None:
    page = open_page(f"{address}/?group=both")
    page.locator(".player").nth(1).wait_for()
    page.get_by_role("slider", name="Angle").first.focus()
    page.keyboard.press("Home")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")  # 90 degrees
    assert (frame(page, 0), frame(page, 1)) == (18, 6)


def test_reduced_motion_is_respected(address, open_page) -> None:
    still = open_page(f"{address}/?autoplay=1", reduced_motion="reduce")
    still.wait_for_timeout(700)
    assert still.locator(".player").get_attribute("data-playing") == "false"
    moving = open_page(f"{address}/?autoplay=1", reduced_motion="no-preference")
    moving.wait_for_timeout(700)
    assert moving.locator(".player").get_attribute("data-playing") == "true"


def test_fits_a_telephone(address, open_page) -> None:
    page = open_page(address, viewport={"width": 390, "height": 844}, device_scale_factor=2, has_touch=True)
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    order = [page.locator(name).first.bounding_box()["y"] for name in (".dial", ".scrub", ".bars", ".rows")]
    assert order == sorted(order)
    bars = [bars.bounding_box()["y"] for bars in page.locator(".bars").all()]
    assert bars[0] == bars[1]  # side by side
    canvas = page.locator(".dial").evaluate("canvas => canvas.width / canvas.clientWidth")
    assert canvas == pytest.approx(2, abs=0.01)


def test_long_names_of_classes_collide_with_nothing(address, open_page) -> None:
    page = open_page(f"{address}/?words=1", viewport={"width": 390, "height": 844})
    card = page.locator(".bars").first
    model, says = (card.locator(name).bounding_box() for name in (".model", ".says"))
    assert says["y"] >= model["y"] + model["height"] - 1, "the answer stands below the model's name"
    assert says["x"] + says["width"] <= card.bounding_box()["x"] + card.bounding_box()["width"] + 1
    pitch = card.locator("canvas").bounding_box()["height"] / 10
    assert pitch > 26, "a line for the name and one for the bar"
