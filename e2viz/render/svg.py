"""One frame of a scene as SVG: text, rings, bars and curves are vectors, maps are embedded with hard pixels."""

import base64
import html
import io
import re

import numpy as np
from PIL import Image

from e2viz.render.draw import over_picture
from e2viz.render.job import Job
from e2viz.render.layout import lay_out
from e2viz.render.marked import KEY
from e2viz.render.marks import Arcs, Box, ColorBar, Dot, Line, Mark, Pixels, Text
from e2viz.render.palette import Theme, color_table, for_theme, theme_named
from e2viz.render.ring import LINE_PX, SEGMENT_GAP_PX, point, segment_edges_deg
from e2viz.render.scene import Number, Scene

FAMILIES = {"mono": "'Fira Mono', ui-monospace, monospace"}
SANS = "'Fira Sans', 'Segoe UI', 'Helvetica Neue', sans-serif"
WEIGHTS = {"regular": 400, "medium": 500, "semibold": 600, "mono": 400}
ANCHORS = {"l": "start", "m": "middle", "r": "end"}


def svg_file(job: Job) -> bytes:
    """One moment as an SVG file, as wide as the look says, in CSS pixels."""
    assert job.size_px
    look = job.look
    scale = look.scale * look.css_per_px
    return svg(
        job.scene, job.still_frame, width=look.width, theme=look.theme, scale=scale, recipe=job.recipe_text
    ).encode("utf-8")


def read_svg(content: bytes) -> str | None:
    """The recipe among the metadata."""
    if content.lstrip()[:5] not in (b"<svg ", b"<?xml"):
        return None
    found = re.search(rf'<metadata id="{KEY}">(.*?)</metadata>', content.decode("utf-8", "replace"), re.DOTALL)
    return html.unescape(found[1]) if found else None


def svg(
    scene: Scene, frame: int = 0, *, width: int = 900, theme: str = "light", scale: Number = 1, recipe: str = ""
) -> str:
    """One frame as an SVG document, with a recipe's JSON among its metadata.

    Raises:
        ValueError: a frame that the scene does not have.
        LookupError: an unknown theme.
    """
    if not 0 <= frame < scene.frames:
        raise ValueError(f"frame must be from 0 to {scene.frames - 1}, got {frame}")
    page = theme_named(theme)
    sheet = lay_out(scene, width)
    shown = f'width="{_n(width * scale)}" height="{_n(sheet.height * scale)}"'
    size = f'{shown} viewBox="0 0 {width} {sheet.height}" role="img"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{SANS}">']
    parts.append(f"<title>{html.escape(scene.title)}</title>")
    if recipe:
        parts.append(f'<metadata id="{KEY}">{html.escape(recipe)}</metadata>')
    if page.background:
        parts.append(f'<rect width="100%" height="100%" fill="{page.background}"/>')
    writer = Writer(page)
    parts += [writer.element(mark) for mark in (*sheet.still, *sheet.marks(frame))]
    return "\n".join([*parts, "</svg>", ""])


def _n(value: Number) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


class Writer:
    """Marks as SVG elements."""

    def __init__(self, page: Theme) -> None:
        self.page = page
        self._clips = 0

    def element(self, mark: Mark) -> str:
        """One mark as text."""
        return getattr(self, f"_{type(mark).__name__.lower()}")(mark)

    def ink(self, color: str) -> str:
        """A mark's colour as this page shows it."""
        if not color.startswith("#"):
            color = getattr(self.page, color) or self.page.matte
        return for_theme(color, self.page)

    def _text(self, mark: Text) -> str:
        family = f' font-family="{FAMILIES[mark.weight]}"' if mark.weight in FAMILIES else ""
        return (
            f'<text x="{_n(mark.x)}" y="{_n(mark.y)}" font-size="{mark.size}" '
            f'font-weight="{WEIGHTS[mark.weight]}" text-anchor="{ANCHORS[mark.anchor]}" '
            f'fill="{self.ink(mark.color)}"{family} style="font-variant-numeric:tabular-nums">'
            f"{html.escape(mark.text)}</text>"
        )

    def _box(self, mark: Box) -> str:
        place = f'x="{_n(mark.x)}" y="{_n(mark.y)}" width="{_n(mark.width)}" height="{_n(mark.height)}"'
        return f'<rect {place} fill="{self.ink(mark.color)}"/>'

    def _line(self, mark: Line) -> str:
        points = " ".join(f"{_n(x)},{_n(y)}" for x, y in mark.points.tolist())
        dash = f' stroke-dasharray="{_n(mark.dash)}"' if mark.dash else ""
        return (
            f'<polyline points="{points}" fill="none" stroke="{self.ink(mark.color)}" '
            f'stroke-width="{_n(mark.thickness)}" stroke-linejoin="round"{dash}/>'
        )

    def _dot(self, mark: Dot) -> str:
        edge = ""
        if mark.edge:
            # SVG centres a stroke on the edge: half of it is covered by painting the fill last.
            edge = f' stroke="{self.ink(mark.edge)}" stroke-width="{_n(2 * mark.edge_thickness)}" paint-order="stroke"'
        place = f'cx="{_n(mark.x)}" cy="{_n(mark.y)}" r="{_n(mark.radius)}"'
        return f'<circle {place} fill="{self.ink(mark.color)}"{edge}/>'

    def _arcs(self, mark: Arcs) -> str:
        middle, thickness = (mark.inner + mark.outer) / 2, mark.outer - mark.inner
        gap_deg = np.degrees(SEGMENT_GAP_PX / middle) / 2
        parts = [f'<g fill="none" stroke-width="{_n(thickness)}">']
        edges = segment_edges_deg(mark.angles_deg)
        for (start, end), color, alpha in zip(edges, mark.colors, mark.alpha, strict=True):
            x0, y0 = point(mark.x, mark.y, middle, start + gap_deg)
            x1, y1 = point(mark.x, mark.y, middle, end - gap_deg)
            arc = f"M{_n(x0)} {_n(y0)}A{_n(middle)} {_n(middle)} 0 0 0 {_n(x1)} {_n(y1)}"
            parts.append(f'<path d="{arc}" stroke="{color}" stroke-opacity="{_n(float(alpha))}"/>')
        radius = mark.inner - 1 - LINE_PX / 2
        parts.append(
            f'<circle cx="{_n(mark.x)}" cy="{_n(mark.y)}" r="{_n(radius)}" '
            f'stroke="{self.ink(mark.line)}" stroke-width="{LINE_PX}"/></g>'
        )
        return "".join(parts)

    def _pixels(self, mark: Pixels) -> str:
        colors = mark.panel.at(mark.frame) if mark.panel.is_rgb else over_picture(mark.panel, mark.frame)
        clip = define = ""
        if mark.round_:
            self._clips += 1
            define = (
                f'<clipPath id="disc{self._clips}"><circle cx="{_n(mark.x + mark.width / 2)}" '
                f'cy="{_n(mark.y + mark.height / 2)}" r="{_n(mark.width / 2)}"/></clipPath>'
            )
            clip = f' clip-path="url(#disc{self._clips})"'
        return define + self._image(colors, mark, clip + ("" if mark.smooth else ' style="image-rendering:pixelated"'))

    def _colorbar(self, mark: ColorBar) -> str:
        return self._image(color_table(mark.palette)[None], mark, ' preserveAspectRatio="none"')

    def _image(self, colors: np.ndarray, mark: Pixels | ColorBar, more: str) -> str:
        file = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(colors)).save(file, "PNG")
        data = base64.b64encode(file.getvalue()).decode("ascii")
        place = f'x="{_n(mark.x)}" y="{_n(mark.y)}" width="{_n(mark.width)}" height="{_n(mark.height)}"'
        return f'<image {place}{more} href="data:image/png;base64,{data}"/>'
