"""Two replicas behind the proxy of deploy/: a browser stays with its own; when that dies, it goes on at the other."""

import contextlib
import hashlib
import hmac
import io
import re
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.serving import served, wait_for

CADDY = shutil.which("caddy")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CADDY is None, reason="needs Debian's caddy (apt-get install caddy)"),
]
ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "app.py"


@contextlib.contextmanager
def proxied(replicas: list[str], folder: Path) -> Iterator[str]:
    """The address of the proxy, as it is shipped but for where it listens and who is behind it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    text = (ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8")
    text, listening = re.subn(r"^:80 ", f"http://127.0.0.1:{port} ", text, flags=re.M)
    text, behind = re.subn(r"dynamic a app 8501 \{[^}]*\}", f"to {' '.join(replicas)}", text)
    assert (listening, behind) == (1, 1)
    (folder / "Caddyfile").write_text("{\n\tadmin off\n}\n" + text, encoding="utf-8")
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    command = [str(CADDY), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
    proxy = subprocess.Popen(command, env=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health", 30)
        yield f"http://127.0.0.1:{port}"
    finally:
        proxy.terminate()
        proxy.wait(10)


def of_cookie(replica: str) -> str:
    """The cookie by which the proxy knows a replica."""
    return hmac.new(b"", replica.encode(), hashlib.sha256).hexdigest()


def photograph() -> dict:
    """One that fits into no link, so that it is only where it was uploaded."""
    file, noise = io.BytesIO(), np.random.default_rng(0).integers(0, 256, (90, 90, 3), dtype=np.uint8)
    Image.fromarray(noise).save(file, "PNG")
    return {"name": "photograph.png", "mimeType": "image/png", "buffer": file.getvalue()}


def test_a_browser_stays_with_its_replica_and_goes_on_at_the_other_when_that_is_gone(open_page, tmp_path):
    with contextlib.ExitStack() as running, served(APP) as other:
        own, other = (each.removeprefix("http://") for each in (running.enter_context(served(APP)), other))
        with proxied([own, other], tmp_path) as address:
            shared_out = set()
            for _ in range(30):
                with urllib.request.urlopen(address) as answer:
                    shared_out.add(re.search("e2viz_replica=(\\w+)", answer.headers["Set-Cookie"])[1])
            assert shared_out == {of_cookie(own), of_cookie(other)}, "new browsers go to both"

            page = open_page(f"{address}/?models=vit.photos&angles=24")
            page.context.add_cookies([{"name": "e2viz_replica", "value": of_cookie(own), "url": address}])
            page.reload()
            page.wait_for_selector(".player[data-frame]", timeout=90_000)
            sidebar = page.get_by_test_id("stSidebar")
            sidebar.get_by_role("radio", name="Upload").click()
            page.locator(".st-key-upload input[type=file]").set_input_files(photograph())
            page.wait_for_url("**/?*picture=brought*", timeout=60_000)
            page.wait_for_selector(".player[data-frame]", timeout=90_000)
            page.wait_for_selector("[data-test-script-state=notRunning]", timeout=90_000)
            page.get_by_role("button", name="Export").first.click()
            for _ in range(4):
                with page.expect_download(timeout=60_000) as download:
                    page.get_by_role("button", name="CSV").first.click()
                assert Path(download.value.path()).stat().st_size > 500

            page.keyboard.press("Escape")
            with page.expect_event("websocket", timeout=60_000):
                running.close()
            sidebar.get_by_role("radio", name="36", exact=True).click()
            page.get_by_text("bring it again").first.wait_for(timeout=60_000)
            page.wait_for_selector(".player[data-frame]", timeout=90_000)
