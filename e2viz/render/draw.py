"""Draw one frame of a scene as an image: a pure function of the scene, the frame and how it is to look."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw

from e2viz.limits import LARGEST_SHEET_PIXELS, at_most
from e2viz.render.layout import lay_out
from e2viz.render.marks import Arcs, Box, ColorBar, Dot, Line, Mark, Pixels, Sheet, Text, font
from e2viz.render.palette import Theme, color_table, for_theme, rgb, theme_named
from e2viz.render.ring import ring_pixels
from e2viz.render.scene import Number, Panel, Scene

OVERSAMPLING = 4
MAP_SHARE = 0.75  # of a map's colour where a picture shows through; payload.js says the same


@dataclass(frozen=True, eq=False)
class Base:
    """What all frames of a scene have in common: the sheet, and its still marks already drawn."""

    sheet: Sheet
    image: Image.Image


def draw(scene: Scene, frame: int, *, width: int = 900, theme: str = "light", scale: Number = 1.0) -> Image.Image:
    """One frame of a scene.

    Args:
        scene: what is shown.
        frame: index of the angle, 0 to `scene.frames - 1`.
        width: of the sheet in logical pixels; the height follows.
        theme: "light", "dark" or "transparent".
        scale: pixels of the image for each logical pixel; 2 for sharp screens and projectors.

    Returns:
        An RGB image, RGBA for the transparent theme, of width `round(width * scale)`.

    Raises:
        ValueError: a frame that the scene does not have, or a width or scale that cannot be drawn.
        LookupError: an unknown theme or palette.
    """
    if not 0 <= frame < scene.frames:
        raise ValueError(f"frame must be from 0 to {scene.frames - 1}, got {frame}")
    base = base_of(scene, width, theme, scale)
    raster = Raster(base.image.copy(), theme_named(theme), scale)
    for mark in base.sheet.marks(frame):
        raster.add(mark)
    return raster.image


@lru_cache(maxsize=2)
def base_of(scene: Scene, width: int, theme: str, scale: Number) -> Base:
    """The still marks of a scene, drawn once; the last two scenes are kept."""
    if not 0.25 <= scale <= 8:
        raise ValueError(f"scale must be from 0.25 to 8, got {scale}")
    page = theme_named(theme)
    sheet = lay_out(scene, width)
    size = (round(width * scale), round(sheet.height * scale))
    at_most("the size of a frame", size[0] * size[1], LARGEST_SHEET_PIXELS, "pixels; choose a smaller width or scale")
    if page.background is None:
        # The hidden colour of clear pixels is what smooth edges fade to.
        image = Image.new("RGBA", size, (*rgb(page.muted), 0))
    else:
        image = Image.new("RGB", size, rgb(page.background))
    raster = Raster(image, page, scale)
    for mark in sheet.still:
        raster.add(mark)
    return Base(sheet, image)


def pixel_box(mark: Box | Pixels | ColorBar, scale: Number) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a rectangle, in whole pixels of the image."""
    left, top, right, bottom = (
        round(edge * scale) for edge in (mark.x, mark.y, mark.x + mark.width, mark.y + mark.height)
    )
    return left, top, right, bottom


def panel_colors(mark: Pixels, width_px: int, height_px: int) -> Image.Image:
    """The pixels of a panel as RGB at their size on screen: nearest for maps, interpolated for pictures."""
    values = mark.panel.at(mark.frame)
    if mark.smooth or mark.panel.under is not None:
        colors = values if mark.panel.is_rgb else over_picture(mark.panel, mark.frame)
        if mark.smooth:
            return Image.fromarray(colors).resize((width_px, height_px), Image.Resampling.BICUBIC)
        return Image.fromarray(nearest(colors, width_px, height_px))
    steps = nearest(values, width_px, height_px)
    return Image.fromarray(steps if mark.panel.is_rgb else color_table(mark.panel.palette)[steps])


def over_picture(panel: Panel, frame: int) -> UInt8[np.ndarray, "height width 3"]:
    """The colours of a map, mixed with the picture under it where there is one, as the player mixes them."""
    colors = color_table(panel.palette)[panel.at(frame)]
    if panel.under is None:
        return colors
    picture = panel.under[frame if panel.frames > 1 else 0]
    picture = picture if picture.ndim == 3 else picture[..., None]
    return np.rint(MAP_SHARE * colors + (1 - MAP_SHARE) * picture).astype(np.uint8)


def nearest(values: np.ndarray, width_px: int, height_px: int) -> np.ndarray:
    """The values enlarged or thinned without interpolation."""
    rows = (np.arange(height_px) + 0.5) * values.shape[0] / height_px
    columns = (np.arange(width_px) + 0.5) * values.shape[1] / width_px
    return values[rows.astype(np.intp)[:, None], columns.astype(np.intp)]


@lru_cache(maxsize=16)
def disc_mask(width_px: int, height_px: int) -> Image.Image:
    """An anti-aliased ellipse that fills its rectangle."""
    mask = Image.new("L", (width_px * OVERSAMPLING, height_px * OVERSAMPLING), 0)
    ImageDraw.Draw(mask).ellipse((0, 0, mask.width - 1, mask.height - 1), fill=255)
    return mask.reduce(OVERSAMPLING)


class Raster:
    """Draws marks on a Pillow image."""

    def __init__(self, image: Image.Image, page: Theme, scale: Number) -> None:
        self.image, self.page, self.scale = image, page, scale
        self._pen = ImageDraw.Draw(image)

    def add(self, mark: Mark) -> None:
        """Draw one mark over what is there."""
        getattr(self, f"_add_{type(mark).__name__.lower()}")(mark)

    def ink(self, color: str) -> tuple[int, ...]:
        """A mark's colour as this page shows it."""
        if not color.startswith("#"):
            color = getattr(self.page, color) or self.page.matte
        color = for_theme(color, self.page)
        if self.image.mode == "RGB":
            return rgb(color)
        return (*rgb(color), int(color[7:9], 16) if len(color) == 9 else 255)

    def _add_text(self, mark: Text) -> None:
        self._pen.text(
            (round(mark.x * self.scale), round(mark.y * self.scale)),
            mark.text,
            fill=self.ink(mark.color),
            font=font(mark.weight, mark.size * self.scale),
            anchor=f"{mark.anchor}s",
        )

    def _add_box(self, mark: Box) -> None:
        left, top, right, bottom = pixel_box(mark, self.scale)
        if right > left and bottom > top:
            self._pen.rectangle((left, top, right - 1, bottom - 1), fill=self.ink(mark.color))

    def _add_colorbar(self, mark: ColorBar) -> None:
        left, top, right, bottom = pixel_box(mark, self.scale)
        steps = np.linspace(0, 255, right - left).round().astype(np.uint8)
        colors = np.broadcast_to(color_table(mark.palette)[steps], (bottom - top, right - left, 3))
        self.image.paste(Image.fromarray(np.ascontiguousarray(colors)), (left, top))

    def _add_pixels(self, mark: Pixels) -> None:
        left, top, right, bottom = pixel_box(mark, self.scale)
        colors = panel_colors(mark, right - left, bottom - top)
        mask = disc_mask(right - left, bottom - top) if mark.round_ else None
        self.image.paste(colors.convert(self.image.mode), (left, top), mask)

    def _add_arcs(self, mark: Arcs) -> None:
        size_px = 2 * int(np.ceil(mark.outer * self.scale) + 2)
        line = "#{:02x}{:02x}{:02x}".format(*self.ink(mark.line)[:3])
        pixels = Image.fromarray(ring_pixels(mark, size_px, self.scale, line))
        left, top = (round(at * self.scale - size_px / 2) for at in (mark.x, mark.y))
        if self.image.mode == "RGBA":
            self.image.alpha_composite(pixels, (left, top))
        else:
            self.image.paste(pixels, (left, top), pixels)

    def _add_line(self, mark: Line) -> None:
        points = mark.points * self.scale
        thickness = mark.thickness * self.scale
        for part in _dashes(points, mark.dash * self.scale) if mark.dash else [points]:
            self._paint_line(part, thickness, mark.color)

    def _paint_line(self, points: np.ndarray, thickness: Number, color: str) -> None:
        low = np.floor(points.min(axis=0) - thickness - 1).astype(int)
        high = np.ceil(points.max(axis=0) + thickness + 1).astype(int)
        across, down = ((high - low) * OVERSAMPLING).tolist()
        mask = Image.new("L", (across, down), 0)
        path = [tuple(each) for each in ((points - low) * OVERSAMPLING).tolist()]
        wide = max(1, round(thickness * OVERSAMPLING))
        ImageDraw.Draw(mask).line(path, fill=255, width=wide, joint="curve")
        self._paint(mask, low, color)

    def _add_dot(self, mark: Dot) -> None:
        centre = np.array([mark.x, mark.y]) * self.scale
        if mark.edge:
            self._paint_dot(centre, (mark.radius + mark.edge_thickness) * self.scale, mark.edge)
        self._paint_dot(centre, mark.radius * self.scale, mark.color)

    def _paint_dot(self, centre: np.ndarray, radius: Number, color: str) -> None:
        low = np.floor(centre - radius - 1).astype(int)
        side = int(np.ceil(2 * radius + 3)) * OVERSAMPLING
        mask = Image.new("L", (side, side), 0)
        at = (centre - low) * OVERSAMPLING
        reach = radius * OVERSAMPLING
        ImageDraw.Draw(mask).ellipse((*(at - reach), *(at + reach)), fill=255)
        self._paint(mask, low, color)

    def _paint(self, mask: Image.Image, corner: np.ndarray, color: str) -> None:
        mask = mask.reduce(OVERSAMPLING)
        left, top = (int(at) for at in corner)
        if color == "background" and self.page.background is None:
            # On a clear page a rim is a gap: it takes away instead of painting.
            box = (left, top, left + mask.width, top + mask.height)
            alpha = self.image.getchannel("A")
            alpha.paste(0, box, mask)
            self.image.putalpha(alpha)
            return
        self.image.paste(self.ink(color), (left, top, left + mask.width, top + mask.height), mask)


def _dashes(points: np.ndarray, length: Number) -> list[np.ndarray]:
    """Every other stretch of a polyline, each `length` long."""
    travelled = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    parts = []
    for start in np.arange(0.0, travelled[-1], 2 * length):
        end = min(start + length, travelled[-1])
        at = np.concatenate([[start], travelled[(travelled > start) & (travelled < end)], [end]])
        parts.append(np.stack([np.interp(at, travelled, axis) for axis in points.T], axis=1))
    return parts
