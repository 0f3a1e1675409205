"""What the server says with every answer: headers that keep a page to itself, and one page for what is not there."""

from __future__ import annotations

import html
import os
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse, Response
from streamlit import config

from e2viz import places
from e2viz.ui import navigation
from e2viz.ui.person import COOKIE

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

FRAMES_VARIABLE = "E2VIZ_FRAME_ANCESTORS"
"""Which other sites may show the app in an iframe: addresses with a space between them. None by default."""
METRICS_VARIABLE = "E2VIZ_METRICS"
"""Set to 1, Streamlit's metrics are answered; they say how many people are here."""
# What Streamlit itself answers, below its base path.
STREAMLIT = ("_stcore", "static", "media", "component", "app", "favicon.png", "manifest.json", "index.html")
POLICY = {
    "default-src": "'self'",
    # The frontend and components v2 put their own scripts and styles into the page; nothing is evaluated from text.
    "script-src": "'self' 'unsafe-inline' blob:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "worker-src": "'self' blob:",
    "connect-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
}


def frame_ancestors() -> str:
    """The sites that may frame the app, as the policy says them; only itself by default.

    Raises:
        ValueError: a setting that would end the policy's sentence.
    """
    sites = os.environ.get(FRAMES_VARIABLE, "").split()
    if any(set(site) & set(";,\"'") or not site.isascii() for site in sites):
        raise ValueError(f"{FRAMES_VARIABLE} must be addresses with a space between them, got {' '.join(sites)!r}")
    return " ".join(["'self'", *sites])


def headers() -> dict[str, str]:
    """The headers of every answer."""
    ancestors = frame_ancestors()
    policy = "; ".join(f"{name} {value}" for name, value in (POLICY | {"frame-ancestors": ancestors}).items())
    found = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    }
    return found | ({"X-Frame-Options": "SAMEORIGIN"} if ancestors == "'self'" else {})


class Answers:
    """ASGI middleware: the headers, the cookie of the queue, and a page that says so where nothing is.

    Args:
        app: what is asked.
    """

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self.app = app
        self._headers = headers()
        self._home, *self._pages = navigation.titles()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        known = COOKIE in Headers(scope=scope).get("cookie", "")

        async def answered(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                fields = MutableHeaders(scope=message)
                fields.update(self._headers)
                if not known and fields.get("content-type", "").startswith("text/html"):
                    word = f"{COOKIE}={secrets.token_urlsafe(12)}; Path=/; HttpOnly; SameSite=Lax"
                    fields.append("Set-Cookie", word)
            await send(message)

        await (self._missing(scope) or self.app)(scope, receive, answered)

    def _missing(self, scope: Scope) -> Response | None:
        """The answer to what is not there; None where Streamlit has one."""
        base = str(config.get_option("server.baseUrlPath") or "").strip("/")
        path = unquote(str(scope["path"])).strip("/")
        if base and path != base and not path.startswith(f"{base}/"):
            return PlainTextResponse("not found", 404)
        path = path[len(base) :].strip("/")
        first = path.partition("/")[0]
        if path.startswith("app/static/") and (font := _fonts().get(path.removeprefix("app/static/"))):
            # static/ is a link to this folder, which becomes a text file where the system knows no links.
            return FileResponse(font, headers={"Cache-Control": "public, max-age=86400"})
        if path.endswith("_stcore/metrics") and os.environ.get(METRICS_VARIABLE) != "1":
            return PlainTextResponse("not found", 404)
        if path in ("", *self._pages) or (first in STREAMLIT and ".." not in path.split("/")):
            return None
        if path == self._home:
            query = bytes(scope.get("query_string", b"")).decode("latin-1")
            return RedirectResponse(f"/{base}{base and '/'}{query and f'?{query}'}", 307)
        return HTMLResponse(_not_found(path, base), 404)


def _fonts() -> dict[str, Path]:
    """The fonts by name: what a browser asks for is looked for among them, and never becomes a path."""
    return {each.name: each for each in places.FONTS.glob("*") if each.is_file()}


def _not_found(path: str, base: str) -> str:
    """A page that says so, with a way back."""
    root = f"/{base}/" if base else "/"
    links = "".join(
        f'<li><a href="{root}{"" if at == 0 else name}">{html.escape(title)}</a></li>'
        for at, (name, title) in enumerate(navigation.titles().items())
    )
    shown = html.escape(path if len(path) <= 60 else path[:59] + "…")
    return f"""<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>No such page · e2viz</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 sans-serif; max-width: 40rem; margin: 10vh auto; padding: 0 1rem }}
h1 {{ font-size: 1.5rem }} code {{ overflow-wrap: anywhere }}
</style></head><body><main><h1>There is no such page</h1>
<p>Nothing is called <code>{shown}</code> here. These pages are:</p><ul>{links}</ul></main></body></html>"""


def middleware() -> list[Middleware]:
    """What `st.App` is given."""
    return [Middleware(Answers)]
