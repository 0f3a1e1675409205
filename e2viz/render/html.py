"""One HTML file that plays without a server: the player, the fonts and the scene inside it, for any web page.

It plays, scrubs and loops offline, also inside a sandboxed iframe with `allow-scripts`; it is driven by keyboard, read
by screen readers, and stands still where the reader asks for reduced motion.
"""

import base64
import html
import io
import re
import zlib
from dataclasses import dataclass, replace

from e2viz import places
from e2viz.render.browser import player_script, player_style, source
from e2viz.render.draw import draw
from e2viz.render.job import Job
from e2viz.render.marked import KEY
from e2viz.render.palette import THEMES, Theme
from e2viz.render.payload import Options, pack
from e2viz.render.scene import Scene

FACES = (
    ("Fira Sans", 400, "FiraSans-Regular"),
    ("Fira Sans", 600, "FiraSans-SemiBold"),
    ("Fira Mono", 400, "FiraMono-Regular"),
)
ACCENTS = {"light": "#0b7f7a", "dark": "#35c4b5"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Played:
    """One player of a page: what it shows, how, and the words above and below it."""

    scene: Scene
    options: Options
    title: str = ""
    caption: str = ""
    columns: int = 1


def html_file(job: Job) -> bytes:
    """The scene as one page; of a composed figure, every cell as a player of one clock.

    Returns:
        UTF-8 HTML. It asks nothing of any server.
    """
    look = job.look
    options = Options(start_frame=job.still_frame, turn_s=job.turn_s, autoplay=True, group="page")
    players = [
        Played(
            scene=cell.scene, options=replace(options, controls=place == 0), title=cell.title, caption=cell.caption,
            columns=cell.columns,
        )
        for place, cell in enumerate(job.scene.cells)
    ] or [Played(scene=job.scene, options=options)]  # fmt: skip
    poster = io.BytesIO()
    theme = "light" if _follows(look.theme) else look.theme
    still = draw(job.scene, job.still_frame, width=min(look.width, 720), theme=theme)
    still.convert("RGB").save(poster, "JPEG", quality=70)
    return page(
        players, title=job.scene.title, theme=look.theme, width=look.width, poster=poster.getvalue(),
        recipe=job.recipe_text, footer=html.escape(job.scene.caption if job.scene.cells else ""),
        columns=job.scene.columns,
    ).encode("utf-8")  # fmt: skip


def page(
    players: list[Played],
    *,
    title: str,
    theme: str = "transparent",
    width: int = 900,
    poster: bytes = b"",
    recipe: str = "",
    heading: str = "",
    footer: str = "",
    linked: str = "",
    columns: int = 1,
) -> str:
    """A page of players that needs nothing beside it.

    Args:
        players: in reading order; those of one group show the same instant.
        title: of the page, and what a screen reader says of it.
        theme: "light" or "dark"; "transparent" leaves the page clear and follows the reader's preference.
        width: the most that the page takes, in CSS pixels.
        poster: a JPEG for readers without scripts.
        recipe: JSON that makes it again.
        heading: HTML above the players instead of the title.
        footer: HTML below them.
        columns: of the grid, where there is room for them.
        linked: folder of style and script files beside the page, where several pages share them; inside by default.
    """
    shown = [_place(each, number, poster if number == 0 else b"") for number, each in enumerate(players)]
    body = f'<div class="grid" style="--columns:{columns}">{"".join(shown)}</div>' if len(shown) > 1 else "".join(shown)
    head = heading or (f"<h1>{html.escape(title)}</h1>" if title else "")
    if linked:
        style = f'<link rel="stylesheet" href="{linked}player.css">'
        script = f'<script src="{linked}player.js" defer></script>'
    else:
        style, script = f"<style>{shared_style()}</style>", f"<script type='module'>{file_script()}</script>"
    data = "".join(_data(each.scene, each.options, number) for number, each in enumerate(players))
    kept = f'<script type="application/json" id="{KEY}">{_inert(recipe)}</script>' if recipe else ""
    below = f"<footer>{footer}</footer>" if footer else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="generator" content="e2viz">'
        f"<title>{html.escape(title or 'e2viz')}</title>{kept}{style}<style>{_colors(theme)}"
        f":root{{--sheet:{width}px}}</style></head>\n"
        f"<body>{head}<main>{body}</main>{below}\n{data}\n{script}</body></html>\n"
    )


def file_script() -> str:
    """The player and what starts it, as an inline module or, for pages that share it, a file of its own."""
    return f"{player_script()}\n{source('file.js')}".replace("</script", "<\\/script")


def shared_file_script() -> str:
    """The same for a script file that pages opened from disk may load, which modules may not."""
    return "(() => {" + file_script().replace("export default function show", "function show") + "})();"


def shared_style() -> str:
    """Fonts and styles of the player and of the page around it."""
    faces = "".join(_face(*each) for each in FACES)
    return f"{faces}\n{player_style()}\n{source('file.css')}"


def _place(played: Played, number: int, poster: bytes) -> str:
    scene = played.scene
    words = " ".join(filter(None, (scene.title, scene.caption)))
    said = html.escape(words, quote=True)
    image = ""
    if poster:
        encoded = base64.b64encode(poster).decode("ascii")
        image = f'<noscript><img alt="{said}" src="data:image/jpeg;base64,{encoded}"></noscript>'
    title = f"<h2>{html.escape(played.title)}</h2>" if played.title else ""
    caption = f"<p>{html.escape(played.caption)}</p>" if played.caption else ""
    wide = f' style="grid-column:span {played.columns}"' if played.columns > 1 else ""
    place = f'<div class="place" id="place-{number}" role="group" aria-label="{said}">{image}</div>'
    return f"<section{wide}>{title}{place}{caption}</section>"


def _data(scene: Scene, options: Options, number: int) -> str:
    packed = base64.b64encode(zlib.compress(pack(scene, options), 9)).decode("ascii")
    return f'<script type="application/x-e2viz-scene" data-place="place-{number}">{packed}</script>'


def _face(family: str, weight: int, file: str) -> str:
    content = base64.b64encode((places.FONTS / f"{file}.woff2").read_bytes()).decode("ascii")
    source_url = f"url(data:font/woff2;base64,{content}) format('woff2')"
    return f"@font-face{{font-family:'{family}';font-weight:{weight};src:{source_url}}}"


def _follows(theme: str) -> bool:
    return theme == "transparent"


def _colors(theme: str) -> str:
    """The variables that the player reads; a clear page takes the reader's preference."""
    fonts = "--st-font:'Fira Sans',system-ui,sans-serif;--st-code-font:'Fira Mono',monospace;"
    if not _follows(theme):
        return f":root{{{fonts}{_variables(THEMES[theme])}--scheme:{theme};--page:{THEMES[theme].background}}}"
    dark = f"@media (prefers-color-scheme:dark){{:root{{{_variables(THEMES['dark'])}}}}}"
    return f":root{{{fonts}{_variables(THEMES['light'])}}}{dark}"


def _variables(theme: Theme) -> str:
    return (
        f"--st-text-color:{theme.text};--st-background-color:{theme.background};"
        f"--st-secondary-background-color:{theme.track};--st-border-color:{theme.rule};"
        f"--st-primary-color:{ACCENTS[theme.name]};"
    )


def _inert(recipe: str) -> str:
    """JSON that cannot close its own script element."""
    return recipe.replace("<", "\\u003c")


def read_html(content: bytes) -> str | None:
    """The recipe in the page's head."""
    if content.lstrip()[:15].lower() != b"<!doctype html>":
        return None
    pattern = rf'<script type="application/json" id="{KEY}">(.*?)</script>'
    found = re.search(pattern, content.decode("utf-8", errors="replace"), re.DOTALL)
    return None if found is None else found[1]
