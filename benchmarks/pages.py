"""The pages as a reader waits for them, in Debian's Chromium: `python -m benchmarks.pages [PAGE ...]`.

Each page is opened with a stored sample, by its address in a browser that holds nothing yet and by its link on another
page, then shown a picture that nobody has seen.
The server is started once and warmed by one visit, as it is for everybody but its first reader. Other work on the
machine counts against every number: the load is printed with them.
"""

import argparse
import io
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from e2viz.data.samples import sample
from tests.conftest import CHROMIUM
from tests.serving import served

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("attention", "latents", "orbits", "equivariance_error", "positional_encodings", "steerability")
OPENS_S, NEW_PICTURE_S, PAYLOAD_MB, FRAME_RATE = 2.0, 6.0, 3.0, 50.0
LIMIT_MS = 60_000
POLL_MS, QUIET = 50, 6


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every page, print a line for each, and write all as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("pages", nargs="*", help=f"of {', '.join(PAGES)}; all when left out")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "runs" / "pages.json")
    parser.add_argument("--models", help="comma-separated names; the page's own choice when left out")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.pages) - set(PAGES):
        parser.error(f"no page is called {', '.join(sorted(unknown))}; there are {', '.join(PAGES)}")
    query = f"?models={chosen.models}" if chosen.models else ""
    results: dict[str, Any] = {"load before": os.getloadavg()[0]}
    with served(ROOT / "app.py") as address, sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        with opened(browser, f"{address}/"):
            pass
        for name in chosen.pages or PAGES:
            results[name] = found = {
                **stored(browser, f"{address}/{name}{query}"),
                "turned_to_s": turned_to(browser, f"{address}/{query}", name),
                **unseen(browser, address, name, query),
            }
            print(line(name, found), flush=True)
        browser.close()
    results["load after"] = os.getloadavg()[0]
    print(f"load {results['load before']:.1f} before, {results['load after']:.1f} after, {os.cpu_count()} cores")
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    chosen.output.write_text(json.dumps(results, indent=1) + "\n")


def line(name: str, found: dict[str, Any]) -> str:
    """One page in words, with what is beyond its budget marked."""

    def said(key: str, budget: float, unit: str, above: bool = True) -> str:
        beyond = found[key] > budget if above else found[key] < budget
        return f"{found[key]:.1f} {unit}{' (!)' if beyond else ''}"

    parts = [
        f"opens in {said('turned_to_s', OPENS_S, 's')}",
        f"in an empty browser {said('opens_s', OPENS_S, 's')}",
        f"new picture {said('new_picture_s', NEW_PICTURE_S, 's')}{', with progress' if found['progress'] else ''}",
        f"payload {said('payload_mb', PAYLOAD_MB, 'MB')}",
        f"{found['panels']} panels at {said('frame_rate', FRAME_RATE, 'frames a second', above=False)}",
    ]
    return f"{name:>20}: {'; '.join(parts)}"


def settle(page: Page) -> bool:
    """Wait until the page's script rests and a player is there; whether progress was shown meanwhile.

    Raises:
        TimeoutError: if that takes too long.
    """
    end, quiet, progress = time.monotonic() + LIMIT_MS / 1000, 0, False
    while quiet < QUIET:
        state = page.locator("[data-test-script-state]").first.get_attribute("data-test-script-state")
        filled = state == "notRunning" and page.locator(".player[data-frame]").count() > 0
        quiet = quiet + 1 if filled else 0
        progress = progress or page.locator('[data-testid="stProgress"]').count() > 0
        if time.monotonic() > end:
            raise TimeoutError(f"{page.url} was not filled within {LIMIT_MS / 1000:g} s")
        page.wait_for_timeout(POLL_MS)
    return progress


@contextmanager
def opened(browser: Browser, address: str) -> Iterator[Page]:
    """A page in a session of its own, filled and at rest."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(address, timeout=LIMIT_MS)
    settle(page)
    yield page
    context.close()


def stored(browser: Browser, address: str) -> dict[str, Any]:
    """Opening with a stored sample: seconds until the panels are there, bytes of the largest message, frame rate."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page, sizes = context.new_page(), [0]
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: sizes.append(len(frame))))
    start = time.perf_counter()
    page.goto(address, timeout=LIMIT_MS)
    page.wait_for_selector(".player[data-frame]", timeout=LIMIT_MS)
    opens_s = time.perf_counter() - start
    settle(page)
    result = {"opens_s": opens_s, "payload_mb": max(sizes) / 1e6, "panels": page.locator(".player figure").count()}
    result["frame_rate"] = frame_rate(page)
    context.close()
    return result


def turned_to(browser: Browser, address: str, name: str) -> float:
    """Seconds from a click on a page's link, on another page with a stored sample, until its player is filled."""
    with opened(browser, address) as page:
        page.locator(".player").first.evaluate("player => player.setAttribute('data-earlier', '')")
        start = time.perf_counter()
        page.locator(f'a[href*="/{name}"]').first.click()
        page.wait_for_selector(".player[data-frame]:not([data-earlier])", timeout=LIMIT_MS)
        return time.perf_counter() - start


def frame_rate(page: Page, windows: int = 3, window_ms: int = 2000) -> float:
    """Frames a second while playing, the best of some windows: what disturbs one of them is not the player."""
    player = page.locator(".player").first
    if player.get_attribute("data-playing") != "true":
        play = player.get_by_role("button", name="Play")
        if not play.count():
            return float("inf")
        play.click()
    rates = []
    for _ in range(windows):
        page.wait_for_timeout(window_ms)
        rates.append(float(player.get_attribute("data-fps") or 0))
    return max(rates)


def unseen(browser: Browser, address: str, name: str, query: str) -> dict[str, Any]:
    """Seconds from a click on the page's link to all of its panels, with a picture that was uploaded before."""
    with opened(browser, f"{address}/{query}") as page:
        page.get_by_role("radio", name="Upload").click()
        with page.expect_file_chooser() as chosen:
            page.locator('[data-testid="stFileUploader"]:visible button:visible').first.click()
        chosen.value.set_files({"name": "digit.png", "mimeType": "image/png", "buffer": picture_png()})
        page.get_by_text("How it was prepared").wait_for(timeout=LIMIT_MS)
        settle(page)
        start = time.perf_counter()
        page.locator(f'a[href*="/{name}"]').first.click()
        page.wait_for_url(f"**/{name}*", timeout=LIMIT_MS)
        progress = settle(page)
        return {"new_picture_s": time.perf_counter() - start - QUIET * POLL_MS / 1000, "progress": progress}


def picture_png() -> bytes:
    """A digit that no shipped result is of: a sample, mirrored and darkened."""
    values = sample("mnist-4").values[0].flip(-1).mul(215).byte().numpy()
    file = io.BytesIO()
    Image.fromarray(values).resize((140, 140)).save(file, "PNG")
    return file.getvalue()


if __name__ == "__main__":
    main()
