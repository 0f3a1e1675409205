"""A made-up photograph of a digit written with a pen: shaded paper, noise, slightly turned, as a JPEG."""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter


def arc(center_x: float, center_y: float, radius_x: float, radius_y: float, start_deg: float, stop_deg: float):
    """Points of an arc; 0 degrees is to the right and angles grow clockwise, as y grows downwards."""
    angles = np.deg2rad(np.linspace(start_deg, stop_deg, 24))
    return [(center_x + radius_x * np.cos(a), center_y + radius_y * np.sin(a)) for a in angles]


# Strokes in a unit square, y down.
STROKES = {
    0: [arc(0.5, 0.5, 0.3, 0.45, 0, 360)],
    1: [[(0.36, 0.25), (0.54, 0.06), (0.5, 0.95)]],
    2: [arc(0.5, 0.3, 0.28, 0.25, 190, 390) + [(0.2, 0.95), (0.82, 0.92)]],
    3: [arc(0.48, 0.28, 0.26, 0.23, 210, 440), arc(0.48, 0.72, 0.3, 0.23, 270, 510)],
    4: [[(0.6, 0.05), (0.18, 0.62), (0.85, 0.6)], [(0.64, 0.35), (0.6, 0.96)]],
    5: [[(0.78, 0.06), (0.32, 0.08), (0.28, 0.45)] + arc(0.48, 0.67, 0.3, 0.27, 225, 500)],
    6: [[(0.66, 0.04), (0.4, 0.3)] + arc(0.5, 0.7, 0.27, 0.26, 190, 550)],
    7: [[(0.18, 0.08), (0.8, 0.08), (0.42, 0.96)]],
    8: [arc(0.5, 0.28, 0.22, 0.22, 90, 450), arc(0.5, 0.73, 0.27, 0.23, -90, 270)],
    9: [arc(0.5, 0.3, 0.26, 0.25, 0, 360) + [(0.76, 0.3), (0.66, 0.96)]],
}


def photograph(
    digit: int,
    *,
    seed: int = 0,
    width: int = 640,
    height: int = 480,
    digit_height: int = 200,
    pen_width: int = 12,
    turned_deg: float = 4.0,
    shading: float = 0.45,
    noise: float = 0.025,
    table_edge: bool = False,
    ink: tuple[int, int, int] = (35, 40, 85),
) -> bytes:
    """Bytes of a JPEG with one digit, off the middle, under light that falls from the upper left.

    Args:
        digit: 0 to 9.
        seed: of the noise and of where the digit lies.
        width, height: of the photograph, pixels.
        digit_height, pen_width: pixels.
        turned_deg: how far the paper is turned, counter-clockwise.
        shading: how much darker the far corner is, 0 to 1.
        noise: standard deviation, of a range of 1.
        table_edge: a dark table shows along the right border.
        ink: colour of the pen.
    """
    random = np.random.RandomState(seed)
    paper = Image.new("RGB", (width, height), (236, 232, 222))
    draw = ImageDraw.Draw(paper)
    left = width * random.uniform(0.2, 0.45)
    top = (height - digit_height) * random.uniform(0.3, 0.7)
    for stroke in STROKES[digit]:
        points = [(left + x * 0.75 * digit_height, top + y * digit_height) for x, y in stroke]
        draw.line(points, fill=ink, width=pen_width, joint="curve")
        for x, y in points:
            radius = pen_width / 2
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ink)
    paper = paper.rotate(turned_deg, Image.Resampling.BICUBIC, fillcolor=(236, 232, 222))
    if table_edge:
        ImageDraw.Draw(paper).polygon(
            [(width * 0.93, 0), (width, 0), (width, height), (width * 0.9, height)], fill=(60, 42, 30)
        )
    values = np.asarray(paper.filter(ImageFilter.GaussianBlur(1.2)), dtype=np.float64) / 255
    rows, columns = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    light = 1 - shading * (0.35 * rows + 0.65 * columns) ** 1.3
    values = values * light[..., None] + random.normal(0, noise, values.shape)
    buffer = io.BytesIO()
    Image.fromarray((values.clip(0, 1) * 255).astype(np.uint8)).save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
