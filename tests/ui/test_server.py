"""What the server says with every answer, and its page for what is not there."""

import asyncio

import pytest

from e2viz.ui import server
from e2viz.ui.person import COOKIE
from e2viz.ui.server import Answers

STRANGE = [
    "/<script>alert(1)</script>", "/../../etc/passwd", "/a/b/c", "/static/../app.py", "/x" * 999, "/app\0",
    "/" + "\U0001f600" * 80,
]  # fmt: skip
HTML = [(b"content-type", b"text/html; charset=utf-8")]


def ask(path: str, query: str = "", cookie: str = "") -> tuple[int, dict[str, str], str]:
    """Status, headers and body of the answer; a page that Streamlit would answer has the body "streamlit"."""
    sent = []

    async def streamlit(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": list(HTML)})
        await send({"type": "http.response.body", "body": b"streamlit"})

    async def send(message):
        sent.append(message)

    async def receive():
        await asyncio.sleep(3600)

    headers = [(b"cookie", cookie.encode())] if cookie else []
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": headers}
    asyncio.run(Answers(streamlit)(scope, receive, send))
    fields = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], fields, b"".join(each.get("body", b"") for each in sent[1:]).decode("utf-8", "replace")


@pytest.mark.parametrize("path", ["/", "/attention", "/post_hoc/", "/_stcore/health", "/static/js/x.js", "/nothing"])
def test_every_answer_carries_the_headers(path):
    _, fields, _ = ask(path)
    policy = dict(part.split(" ", 1) for part in fields["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["connect-src"] == policy["frame-ancestors"] == "'self'"
    assert policy["object-src"] == "'none'" and "unsafe-eval" not in policy["script-src"]
    assert fields["x-content-type-options"] == "nosniff" and fields["x-frame-options"] == "SAMEORIGIN"
    assert fields["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("path", STRANGE)
def test_what_is_not_there_is_said(path):
    status, _, body = ask(path)
    assert status == 404 and "There is no such page" in body and 'href="/attention"' in body
    assert "<script>" not in body and len(body) < 3000


def test_the_first_page_has_its_name_too():
    status, fields, _ = ask("/rotation", "models=vit.mnist")
    assert status == 307 and fields["location"] == "/?models=vit.mnist"


def test_metrics_are_private_unless_somebody_opens_them(monkeypatch):
    assert ask("/_stcore/metrics")[0] == 404
    monkeypatch.setenv(server.METRICS_VARIABLE, "1")
    assert ask("/_stcore/metrics")[2] == "streamlit"


def test_fonts_come_from_their_own_folder_whatever_became_of_the_link():
    status, fields, body = ask("/app/static/FiraSans-Regular.woff2")
    assert status == 200 and body.startswith("wOF2") and fields["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["x" * 300, "\U0001f600" * 90, "\0", "/etc/passwd", "../samples/samples.json", ""])
def test_what_a_browser_asks_for_among_the_fonts_never_becomes_a_path(name):
    assert ask(f"/app/static/{name}")[2] == "streamlit" or ask(f"/app/static/{name}")[0] == 404


def test_a_browser_gets_one_word_for_the_queue_and_keeps_it():
    _, fields, _ = ask("/")
    assert fields["set-cookie"].startswith(f"{COOKIE}=") and "HttpOnly" in fields["set-cookie"]
    assert "set-cookie" not in ask("/", cookie=f"{COOKIE}=abc")[1]


def test_a_course_page_may_frame_the_app_when_it_is_named(monkeypatch):
    monkeypatch.setenv(server.FRAMES_VARIABLE, "https://courses.example.org https://*.example.edu")
    _, fields, _ = ask("/")
    ancestors = "frame-ancestors 'self' https://courses.example.org https://*.example.edu"
    assert ancestors in fields["content-security-policy"]
    assert "x-frame-options" not in fields
    monkeypatch.setenv(server.FRAMES_VARIABLE, "https://a; script-src *")
    with pytest.raises(ValueError, match="E2VIZ_FRAME_ANCESTORS must be addresses"):
        ask("/")


def test_below_a_base_path(monkeypatch):
    monkeypatch.setattr(server.config, "get_option", lambda name: "e2viz" if name == "server.baseUrlPath" else None)
    assert ask("/e2viz/attention")[2] == "streamlit" and ask("/e2viz")[2] == "streamlit"
    assert ask("/attention")[0] == 404
    assert 'href="/e2viz/attention"' in ask("/e2viz/nothing")[2]
    assert ask("/e2viz/rotation")[1]["location"] == "/e2viz/"
