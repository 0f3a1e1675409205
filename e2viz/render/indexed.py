"""Frames with one colour table for the whole animation: no dithering, no table that changes from frame to frame.

A GIF has 256 colours. Maps get theirs first, as steps of their palettes; the page, the rings and the picture share
the rest. Where all maps together use no more steps than there is room for, they are exact.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from e2viz.render.chart import Track
from e2viz.render.draw import base_of, draw, nearest, over_picture, pixel_box
from e2viz.render.marks import Pixels, Sheet
from e2viz.render.palette import CLASS_COLORS, Theme, class_color, color_table, for_theme, mix, rgb, theme_named
from e2viz.render.scene import Bars, Curve, Number, Ring, Scene

PAGE_COLORS = 104
PICTURE_COLORS = 88  # beside maps; a scene without maps leaves more
RING_COLORS = 56
NEARLY_CLEAR = 72  # of 255: the tracks of the bars and the faintest segments
CLEAR = 255  # the index of a clear pixel; no opaque colour is given it
_BITS = 6


def map_steps(scene: Scene, room: int) -> dict[str, np.ndarray]:
    """For each palette in use, the steps that get a colour of their own.

    Args:
        scene: what is shown.
        room: number of colours for all palettes together, shared in proportion to the steps that occur.
    """
    used: dict[str, np.ndarray] = {}
    pictures = {id(each.picture) for each in scene.scenes}
    for panel in (*scene.panels, *scene.heats):
        if not panel.is_mixed:
            steps = np.arange(256) if id(panel) in pictures else np.flatnonzero(np.bincount(panel.values.ravel()))
            # The scale beside a row shows its whole palette, also the steps that no value reaches.
            used[panel.palette] = np.union1d(used.get(panel.palette, np.arange(0, 256, 5)), steps)
    wanted = sum(map(len, used.values()))
    if wanted <= room:
        return used
    chosen = {}
    for name, steps in used.items():
        share = max(2, room * len(steps) // wanted)
        chosen[name] = steps[np.unique(np.linspace(0, len(steps) - 1, share).round().astype(int))]
    return chosen


def ring_tints(scene: Scene, page: Theme) -> list[str]:
    """The colours of the rings' segments, in as many degrees of opacity as there is room for."""
    for levels in (32, 16, 8, 4):
        shades = {
            (int(index), round(levels * float(probability)) / levels)
            for each in scene.scenes
            for ring in each.rings
            for index, probability in zip(ring.classes, ring.probability, strict=True)
        }
        if len(shades) <= RING_COLORS:
            break
    return [mix(class_color(index), page.matte, opacity) for index, opacity in sorted(shades)]


class ColorTable:
    """255 colours for one scene, and the index of the nearest for any colour."""

    def __init__(self, scene: Scene, page: Theme, samples: list[np.ndarray], most: int = CLEAR) -> None:
        pictures = _picture_samples(scene)
        steps = map_steps(scene, (CLEAR - PAGE_COLORS - (PICTURE_COLORS if pictures else 0)) * most // CLEAR)
        fixed = [getattr(page, name) or page.matte for name in ("background", "text", "muted", "rule", "track")]
        fixed += CLASS_COLORS
        owners: list[Ring | Bars | Curve | Track] = []
        for part in scene.scenes:
            owners += [*part.rings, *part.bars, *part.curves]
            owners += [track for chart in part.charts for track in chart.tracks]
        fixed += [for_theme(each.color, page) for each in owners]
        fixed += ring_tints(scene, page)
        colors = [np.array([rgb(color) for color in dict.fromkeys(fixed)], dtype=np.uint8)]
        offset = len(colors[0])
        self._steps: dict[str, np.ndarray] = {}
        for name, chosen in steps.items():
            closest = np.abs(np.arange(256)[:, None] - chosen[None]).argmin(axis=1)
            self._steps[name] = (offset + closest).astype(np.uint8)
            colors.append(color_table(name)[chosen])
            offset += len(chosen)
        if pictures and most - offset > PICTURE_COLORS * most // CLEAR // 2:
            # Photographs have a share of their own: the page's smooth edges would else take half of their colours.
            share = max(PICTURE_COLORS * most // CLEAR, most - offset - PAGE_COLORS // 2)
            colors.append(_main_colors(pictures, min(share, most - offset)))
            offset += len(colors[-1])
        if offset < most:
            colors.append(_main_colors(samples, most - offset))
        self.colors = np.concatenate(colors)[:most]
        self._nearest = np.full(1 << 3 * _BITS, -1, dtype=np.int16)
        self._nearest[_bins(_pack(colors[0]))] = np.arange(len(colors[0]))

    def index(self, pixels: np.ndarray) -> np.ndarray:
        """The index of each packed colour (see `packed`); CLEAR where it is not opaque."""
        bins = _bins(pixels)
        index = self._nearest[bins]
        if index.size and index.min() < 0:
            self._learn(bins[index < 0])
            index = self._nearest[bins]
        return np.where(pixels >> 24 < 128, CLEAR, index).astype(np.uint8)

    def steps(self, palette: str, values: np.ndarray) -> np.ndarray:
        """The indices of palette steps."""
        return self._steps[palette][values]

    def _learn(self, bins: np.ndarray) -> None:
        missing = np.zeros(len(self._nearest), dtype=bool)
        missing[bins] = True
        bins = np.flatnonzero(missing)
        mask = (1 << _BITS) - 1
        channels = np.stack([bins >> 2 * _BITS, bins >> _BITS & mask, bins & mask], axis=1)
        middle = channels * (256 >> _BITS) + (128 >> _BITS)
        table = self.colors.astype(np.int32)
        for part in range(0, len(bins), 4096):
            away = middle[part : part + 4096, None] - table
            self._nearest[bins[part : part + 4096]] = (away**2).sum(axis=-1).argmin(axis=1)


def packed(image: Image.Image) -> np.ndarray:
    """One uint32 for each pixel, 0xAABBGGRR: the cheapest thing to compare and to index.

    A palette knows only clear and opaque: what is translucent is mixed with white, what is nearly clear is clear.
    """
    if image.mode == "RGBA":
        white = Image.new("RGBA", image.size, "#ffffff")
        opaque = Image.alpha_composite(white, image)
        opaque.putalpha(image.getchannel("A").point(lambda alpha: 255 if alpha > NEARLY_CLEAR else 0))
        image = opaque
    return np.asarray(image.convert("RGBA")).view("<u4")[..., 0]


def _pack(colors: np.ndarray) -> np.ndarray:
    return colors.astype(np.uint32) @ np.array([1, 1 << 8, 1 << 16], dtype=np.uint32)


def _bins(pixels: np.ndarray) -> np.ndarray:
    """The upper six bits of red, green and blue as one number."""
    return (pixels & 0xFC) << 10 | (pixels & 0xFC00) >> 4 | (pixels & 0xFC0000) >> 18


def _picture_samples(scene: Scene) -> list[np.ndarray]:
    """The packed colours of the scene's pictures in colour, some of them where there are very many."""
    samples = []
    for panel in scene.panels:
        if panel.is_rgb:
            every = max(1, panel.values[..., 0].size // 200_000)
            samples.append(_pack(panel.values.reshape(-1, 3)[::every]))
        elif panel.under is not None and panel.under.ndim == 4:
            frames = sorted({0, panel.frames // 3, 2 * panel.frames // 3})
            samples += [_pack(over_picture(panel, frame).reshape(-1, 3)) for frame in frames]
    return samples


def _main_colors(samples: list[np.ndarray], count: int) -> np.ndarray:
    """The colours that stand for all of the samples' pixels best, by median cut."""
    distinct, counts = np.unique(np.concatenate(samples) & 0xFFFFFF, return_counts=True)
    # A large area weighs no more than a segment of a ring: the white of the page would take every place.
    distinct = np.repeat(distinct, np.clip(counts // 8, 1, 32))
    colors = np.stack([distinct >> shift & 0xFF for shift in (0, 8, 16)], axis=-1).astype(np.uint8)
    cut = Image.fromarray(colors[None]).quantize(count, Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE)
    return np.array((cut.getpalette() or [])[: 3 * count], dtype=np.uint8).reshape(-1, 3)


def indexed_frames(
    scene: Scene, order: list[int], *, width: int, theme: str, scale: Number, colors: int = 256
) -> Iterator[Image.Image]:
    """The frames of a scene as palette images that share one colour table of at most that many colours."""
    look: dict[str, Any] = {"width": width, "theme": theme, "scale": scale}
    sheet = base_of(scene, width, theme, scale).sheet
    samples = [_without_pixels(sheet, scene.frames * part // 3, scene, look) for part in range(3)]
    table = ColorTable(scene, theme_named(theme), samples, colors - 1)
    palette = np.concatenate([table.colors, np.zeros((256 - len(table.colors), 3), np.uint8)]).tobytes()
    still = packed(base_of(scene, width, theme, scale).image)
    still_index = table.index(still)
    for frame in order:
        pixels = packed(draw(scene, frame, **look))
        index = still_index.copy()
        changed = np.flatnonzero(pixels != still)
        index.ravel()[changed] = table.index(pixels.ravel()[changed])
        for mark in (*sheet.still, *sheet.marks(frame)):
            if isinstance(mark, Pixels):
                _put_map(index, mark, table, scale)
        image = Image.frombytes("P", index.shape[::-1], index.tobytes())
        image.putpalette(palette)
        yield image


def _without_pixels(sheet: Sheet, frame: int, scene: Scene, look: dict[str, Any]) -> np.ndarray:
    """The packed colours of a frame outside of its maps and its picture, which have colours already."""
    pixels = packed(draw(scene, frame, **look))
    keep = pixels >> 24 >= 128
    for mark in (*sheet.still, *sheet.marks(frame)):
        if isinstance(mark, Pixels) and not mark.panel.is_mixed:
            left, top, right, bottom = pixel_box(mark, look["scale"])
            keep[top:bottom, left:right] = False
    return pixels[keep]


def _put_map(index: np.ndarray, mark: Pixels, table: ColorTable, scale: Number) -> None:
    """Write a map's own steps over what the nearest-colour search made of it."""
    panel = mark.panel
    if mark.smooth or panel.is_mixed or panel.marker is not None or panel.outline is not None:
        return
    left, top, right, bottom = pixel_box(mark, scale)
    values = nearest(panel.at(mark.frame), right - left, bottom - top)
    index[top:bottom, left:right] = table.steps(panel.palette, values)
