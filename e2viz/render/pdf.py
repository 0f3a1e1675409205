"""One moment as a PDF page: text is text in the shipped fonts, lines are vectors, maps keep hard pixels."""

import logging
import re
from datetime import UTC, datetime
from urllib.parse import quote, unquote

import numpy as np
from fpdf import FPDF
from PIL import Image

from e2viz import places
from e2viz.render.draw import over_picture
from e2viz.render.job import Job
from e2viz.render.layout import lay_out
from e2viz.render.marked import KEY
from e2viz.render.marks import FONT_FILES, Arcs, Box, ColorBar, Dot, Line, Mark, Pixels, Text
from e2viz.render.palette import Theme, color_table, for_theme, mix, rgb, theme_named
from e2viz.render.ring import LINE_PX, SEGMENT_GAP_PX, point, segment_edges_deg
from e2viz.render.scene import Number

POINTS_PER_PIXEL = 0.75  # a CSS pixel
logging.getLogger("fontTools").setLevel(logging.ERROR)  # it finds fault with how the shipped fonts were cut
_MADE = datetime(2000, 1, 1, tzinfo=UTC)  # the same bytes whenever it is made


def pdf(job: Job) -> bytes:
    """The moment as one page, as wide as its pixels are at the look's `dpi`, or else as CSS pixels."""
    assert job.size_px
    sheet = lay_out(job.scene, job.look.width)
    unit = POINTS_PER_PIXEL * float(job.look.scale) * job.look.css_per_px
    file = FPDF(unit="pt", format=(sheet.width * unit, sheet.height * unit))
    file.set_auto_page_break(False)
    file.set_margin(0)
    file.set_creation_date(_MADE)
    file.set_title(job.scene.title)
    if job.recipe_text:
        file.set_keywords(f"{KEY}:{quote(job.recipe_text, safe=':{}')}")
    for weight, name in FONT_FILES.items():
        file.add_font(weight, fname=str(places.FONTS / name))
    file.add_page()
    page = theme_named(job.look.theme)
    writer = PageWriter(file, page, unit)
    if page.background:
        writer.add(Box(0, 0, sheet.width, sheet.height, "background"))
    for mark in (*sheet.still, *sheet.marks(job.still_frame)):
        writer.add(mark)
    return bytes(file.output())


class PageWriter:
    """Marks on a page of a PDF."""

    def __init__(self, file: FPDF, page: Theme, unit: Number) -> None:
        self.file, self.page, self.unit = file, page, unit

    def add(self, mark: Mark) -> None:
        """Draw one mark over what is there."""
        getattr(self, f"_add_{type(mark).__name__.lower()}")(mark)

    def ink(self, color: str) -> tuple[int, int, int]:
        """A mark's colour as this page shows it; what is translucent is mixed with the page."""
        if not color.startswith("#"):
            color = getattr(self.page, color) or self.page.matte
        color = for_theme(color, self.page)
        if len(color) == 9:
            color = mix(color[:7], self.page.matte, int(color[7:], 16) / 255)
        return rgb(color)

    def _add_text(self, mark: Text) -> None:
        if not mark.text:
            return
        size = mark.size * self.unit
        self.file.set_font(mark.weight, size=size)
        self.file.set_text_color(*self.ink(mark.color))
        share = {"l": 0.0, "m": 0.5, "r": 1.0}[mark.anchor]
        left = mark.x * self.unit - share * self.file.get_string_width(mark.text)
        self.file.text(left, mark.y * self.unit, mark.text)

    def _add_box(self, mark: Box) -> None:
        if mark.width > 0 and mark.height > 0:
            self.file.set_fill_color(*self.ink(mark.color))
            self.file.rect(*self._place(mark), style="F")

    def _place(self, mark: Box | Pixels | ColorBar) -> tuple[float, float, float, float]:
        return mark.x * self.unit, mark.y * self.unit, mark.width * self.unit, mark.height * self.unit

    def _stroke(self, color: tuple[int, int, int], thickness: Number, dash: Number = 0.0) -> None:
        self.file.set_draw_color(*color)
        self.file.set_line_width(thickness * self.unit)
        self.file.set_dash_pattern(dash * self.unit, dash * self.unit) if dash else self.file.set_dash_pattern()

    def _add_line(self, mark: Line) -> None:
        self._stroke(self.ink(mark.color), mark.thickness, mark.dash)
        self.file.polyline([(x * self.unit, y * self.unit) for x, y in mark.points.tolist()])

    def _add_dot(self, mark: Dot) -> None:
        if mark.edge:
            self._disc(mark.x, mark.y, mark.radius + mark.edge_thickness, self.ink(mark.edge))
        self._disc(mark.x, mark.y, mark.radius, self.ink(mark.color))

    def _disc(self, x: Number, y: Number, radius: Number, color: tuple[int, int, int]) -> None:
        self.file.set_fill_color(*color)
        self.file.circle(x * self.unit, y * self.unit, radius * self.unit, style="F")

    def _add_arcs(self, mark: Arcs) -> None:
        middle, thickness = (mark.inner + mark.outer) / 2, mark.outer - mark.inner
        gap_deg = np.degrees(SEGMENT_GAP_PX / middle) / 2
        edges = segment_edges_deg(mark.angles_deg)
        for (start, end), color, alpha in zip(edges, mark.colors, mark.alpha, strict=True):
            around = np.linspace(start + gap_deg, end - gap_deg, max(2, int(np.ceil((end - start) / 2)) + 1))
            points = [point(mark.x, mark.y, middle, angle) for angle in around]
            self._stroke(rgb(mix(color, self.page.matte, float(alpha))), thickness)
            self.file.polyline([(x * self.unit, y * self.unit) for x, y in points])
        self._stroke(self.ink(mark.line), LINE_PX)
        self.file.circle(mark.x * self.unit, mark.y * self.unit, (mark.inner - 1 - LINE_PX / 2) * self.unit, style="D")

    def _add_pixels(self, mark: Pixels) -> None:
        colors = mark.panel.at(mark.frame) if mark.panel.is_rgb else over_picture(mark.panel, mark.frame)
        image = Image.fromarray(np.ascontiguousarray(colors))
        if mark.smooth:  # viewers disagree on how to enlarge: what is smooth is made large enough here
            larger = max(1, round(3 * mark.width / image.width))
            image = image.resize((image.width * larger, image.height * larger), Image.Resampling.BICUBIC)
        else:
            larger = max(1, 256 // max(image.size))
            image = image.resize((image.width * larger, image.height * larger), Image.Resampling.NEAREST)
        x, y, width, height = self._place(mark)
        if not mark.round_:
            self.file.image(image, x, y, width, height)
            return
        with self.file.round_clip(x, y, width):
            self.file.image(image, x, y, width, height)

    def _add_colorbar(self, mark: ColorBar) -> None:
        image = Image.fromarray(np.ascontiguousarray(color_table(mark.palette)[None]))
        self.file.image(image, *self._place(mark))


def read_pdf(content: bytes) -> str | None:
    """The recipe among the keywords."""
    if content[:5] != b"%PDF-":
        return None
    found = re.search(rb"/Keywords \(" + KEY.encode("ascii") + rb":([^)]*)\)", content)
    return None if found is None else unquote(found[1].decode("ascii", errors="replace").replace("\\", ""))
