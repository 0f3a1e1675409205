"""What all tests share: one Chromium, and where agreements and data lie that are not part of the project."""

import os
import shutil
from pathlib import Path

import pytest

# Tests that run side by side get a core each: with two threads each, both would mostly wait for one another.
if (worker := os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")) and hasattr(os, "sched_setaffinity"):
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[int(worker) % len(cores)]})

import e2viz.foreign  # noqa: E402, F401  before any test opens ONNX Runtime: it is told to report nothing

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
CHROMIUM = shutil.which("chromium")


def shared_path(relative: str) -> Path:
    path = SHARED / relative
    if not path.exists():
        pytest.skip(f"needs ../shared/{relative}, which is not part of the project")
    return path


@pytest.fixture(scope="session")
def reference() -> Path:
    """The published checkpoints and what the published code computed with them."""
    return shared_path("reference")


@pytest.fixture(scope="session")
def mnist() -> Path:
    """The MNIST IDX files."""
    return shared_path("data/mnist")


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium; tests that need it are skipped where it is not installed."""
    if CHROMIUM is None:
        pytest.skip("needs Debian's chromium (apt-get install chromium)")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser, request):
    """Open an address and fail on a script error or a request that leaves this machine."""
    # Playwright keeps an event loop running in its process, where tests that start one of their own then fail.
    assert request.node.get_closest_marker("browser"), "a test that drives Chromium must be marked browser"
    contexts, wrong = [], []

    def open_(address: str, ready: str = ".player[data-frame]", **context_options):
        context = browser.new_context(**({"viewport": {"width": 1440, "height": 900}} | context_options))
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(f"script error: {error}"))
        page.on("request", lambda request: _check(request.url, wrong))
        page.on("console", lambda message: _check_policy(message.text, wrong))
        page.goto(address, timeout=90_000)
        page.wait_for_selector(ready, timeout=90_000)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []


def _check_policy(text: str, wrong: list[str]) -> None:
    """The server's own content-security policy must not stop anything that a page needs."""
    if "Content Security Policy" in text:
        wrong.append(text)


def _check(url: str, wrong: list[str]) -> None:
    if not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")):
        wrong.append(f"outside: {url}")


@pytest.fixture(scope="session")
def cifar_and_blood() -> Path:
    """The folder of the photographs and the blood cells."""
    shared_path("data/cifar10.tar.xz")
    return shared_path("data/blood_cells.zip").parent
