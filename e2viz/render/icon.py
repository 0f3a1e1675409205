"""The icon: two stability rings and nothing else, from measured numbers."""


import numpy as np
from PIL import Image, ImageDraw

from e2viz.render.draw import OVERSAMPLING
from e2viz.render.marks import Arcs
from e2viz.render.palette import class_color, rgb, theme_named
from e2viz.render.ring import ring_pixels
from e2viz.render.scene import Ring

# Shares of the icon's side.
OUTER, THICKNESS, GAP = 0.5, 0.125, 0.045
SEGMENT_GAP = 0.5  # of 100
SMALL_PX = 64
# So small, more segments than this are a blur; every n-th angle is shown.
SMALL_SEGMENTS = 24


def icon(rings: tuple[Ring, ...], size_px: int, *, theme: str = "transparent") -> Image.Image:
    """A square RGBA icon of one to three rings, outermost first.

    Args:
        rings: classes and probabilities at equispaced angles, from a sweep.
        size_px: side; below 64 pixels fewer segments are shown and the dial's dot is left out.
        theme: what is behind the rings; "transparent" for nothing.

    Raises:
        ValueError: no ring, more than three, or a side below 16 pixels.
    """
    if not 1 <= len(rings) <= 3 or size_px < 16:
        raise ValueError(f"an icon must have 1 to 3 rings and 16 pixels, got {len(rings)} and {size_px}")
    page = theme_named(theme)
    background = (*rgb(page.matte), 255 if page.background else 0)
    image = Image.new("RGBA", (size_px, size_px), background)
    scale = size_px / 100
    for i, ring in enumerate(rings):
        outer = 100 * (OUTER - i * (THICKNESS + GAP))
        pixels = ring_pixels(_arcs(ring, outer, size_px), size_px, scale, None, SEGMENT_GAP)
        image.alpha_composite(Image.fromarray(pixels))
    if size_px >= SMALL_PX:
        radius = 100 * (OUTER - len(rings) * (THICKNESS + GAP)) - 6
        _add_dot(image, radius * scale, scale, page.text)
    return image


def _arcs(ring: Ring, outer: float, size_px: int) -> Arcs:
    every = max(1, len(ring.classes) // SMALL_SEGMENTS) if size_px < SMALL_PX else 1
    angles_deg = np.arange(0, 360, 360 * every / len(ring.classes))
    colors = tuple(class_color(int(index)) for index in ring.classes[::every])
    return Arcs(50, 50, outer - 100 * THICKNESS, outer, angles_deg, colors, ring.probability[::every], ring.color)


def _add_dot(image: Image.Image, radius: float, scale: float, color: str) -> None:
    """The handle's dot at 45 degrees, inside the rings."""
    mask = Image.new("L", (image.width * OVERSAMPLING, image.height * OVERSAMPLING))
    middle = np.array(image.size) / 2 + radius * np.array([-1, -1]) * np.sqrt(0.5)
    reach = 5 * scale
    ImageDraw.Draw(mask).ellipse([*((middle - reach) * OVERSAMPLING), *((middle + reach) * OVERSAMPLING)], fill=255)
    image.paste((*rgb(color), 255), (0, 0), mask.reduce(OVERSAMPLING))
