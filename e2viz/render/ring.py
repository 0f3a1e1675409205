"""The stability ring: what each model predicts at each angle, around the turning picture.

0 degrees is at 12 o'clock and angles run counter-clockwise, so the dial's handle points where the picture's own top
points. The player draws the same geometry.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Integer

from e2viz.render.marks import SMALL_SIZE, TITLE_SIZE, Arcs, Dot, Line, Mark, Pixels, Sheet, Text, text_width
from e2viz.render.palette import class_color, mix, rgb, text_on
from e2viz.render.scene import Number, Ring, Scene, two_letters

Array = np.ndarray

# A few angles alone are shown as short segments: nothing was measured in between.
MAX_SEGMENT_DEG = 15.0
SEGMENT_GAP_PX = 1.0
MIN_FRAMES_FOR_RUNS = 24  # with fewer angles the segments stand apart
LINE_PX = 1.5
DIAL_MARGIN_PX = 34
MOST_OF_RADIUS = 0.66
"""What the rings may take of the dial, however many there are."""


def segment_edges_deg(angles_deg: Float[Array, " frame"]) -> Float[Array, "frame 2"]:
    """Start and end of each angle's segment: halfway to its neighbours on the circle, at most 7.5 degrees away."""
    turned = np.mod(angles_deg, 360.0)
    distinct = np.unique(turned)
    gaps = np.diff(np.append(distinct, distinct[0] + 360.0))
    at = np.searchsorted(distinct, turned)
    before, after = gaps[at - 1], gaps[at]
    limit = MAX_SEGMENT_DEG / 2
    return np.stack([turned - np.minimum(before / 2, limit), turned + np.minimum(after / 2, limit)], axis=1)


def point(x: Number, y: Number, radius: Number, angle_deg: Number) -> tuple[float, float]:
    """The point at a radius and an angle, counter-clockwise from 12 o'clock; y grows downwards."""
    angle = np.deg2rad(angle_deg)
    return float(x - radius * np.sin(angle)), float(y - radius * np.cos(angle))


def segment_index(
    angle_deg: Float[Array, "*pixel"], edges_deg: Float[Array, "frame 2"]
) -> tuple[Integer[Array, "*pixel"], Float[Array, "*pixel"]]:
    """The segment nearest to each angle, and how deep inside it the angle lies (negative outside), in degrees."""
    order = np.argsort(edges_deg.mean(axis=1))
    middle = edges_deg.mean(axis=1)[order]
    # One more on either side closes the circle.
    closed = np.concatenate([[middle[-1] - 360.0], middle, [middle[0] + 360.0]])
    index = np.concatenate([[order[-1]], order, [order[0]]])[np.searchsorted((closed[1:] + closed[:-1]) / 2, angle_deg)]
    half = (edges_deg[:, 1] - edges_deg[:, 0]) / 2
    away = np.abs((angle_deg - edges_deg.mean(axis=1)[index] + 180.0) % 360.0 - 180.0)
    return index, half[index] - away


def ring_pixels(arcs: Arcs, size_px: int, scale: Number, line_color: str | None, gap: Number = SEGMENT_GAP_PX) -> Array:
    """One ring as RGBA uint8 [size_px size_px 4], its centre in the middle; edges anti-aliased by their distance.

    Without a `line_color` the hairline is left out.
    """
    at = (np.arange(size_px) + 0.5 - size_px / 2) / scale
    across, down = np.meshgrid(at, at)
    radius = np.hypot(across, down)
    angle_deg = np.mod(np.degrees(np.arctan2(-across, -down)), 360.0)
    index, depth_deg = segment_index(angle_deg, segment_edges_deg(arcs.angles_deg))
    depth_px = np.deg2rad(depth_deg) * radius - gap / 2

    def coverage(distance: Array) -> Array:
        return np.clip(distance * scale + 0.5, 0.0, 1.0)

    band = coverage(np.minimum(radius - arcs.inner, arcs.outer - radius)) * coverage(depth_px)
    alpha = band * arcs.alpha[index]
    if line_color is None:
        return _rgba(np.array([rgb(color) for color in arcs.colors])[index], alpha)
    line = coverage(LINE_PX / 2 - np.abs(radius - (arcs.inner - 1.0 - LINE_PX / 2)))
    colors = np.array([rgb(color) for color in arcs.colors])[index]
    colors = np.where((line > alpha)[..., None], np.array(rgb(line_color)), colors)
    return _rgba(colors, np.maximum(alpha, line))


def _rgba(colors: Array, alpha: Array) -> Array:
    return np.concatenate([colors, np.rint(255 * alpha)[..., None]], axis=-1).astype(np.uint8)


def ring_arcs(ring: Ring, angles_deg: Array, x: Number, y: Number, inner: Number, outer: Number) -> Arcs:
    """The mark of one ring: class as colour, probability as opacity."""
    colors = tuple(class_color(int(index)) for index in ring.classes)
    return Arcs(x, y, inner, outer, angles_deg, colors, np.clip(ring.probability, 0.0, 1.0), ring.color)


def ring_radii(count: int, radius: Number) -> list[tuple[float, float]]:
    """Inner and outer radius of each of `count` rings inside `radius`, outermost first."""
    thickness = radius * (0.095 if count <= 2 else 0.075)
    pitch = thickness + radius * 0.035
    if pitch * count > MOST_OF_RADIUS * radius:  # many models: thinner rings, so that the picture keeps its place
        pitch = MOST_OF_RADIUS * radius / count
        thickness = 0.7 * pitch
    return [(radius - pitch * i - thickness, radius - pitch * i) for i in range(count)]


def add_dial(sheet: Sheet, scene: Scene, x: Number, y: Number, side: Number) -> None:
    """Lay out the rings, the turning picture, ticks and the handle in a square with its corner at x, y."""
    centre_x, centre_y = x + side / 2, y + side / 2
    outer = side / 2 - DIAL_MARGIN_PX
    radii = ring_radii(len(scene.rings), outer)
    lens = (radii[-1][0] - 10) if radii else outer
    for ring, (inner_radius, outer_radius) in zip(scene.rings, radii, strict=True):
        sheet.still.append(ring_arcs(ring, scene.angles_deg, centre_x, centre_y, inner_radius, outer_radius))
        named = next((bars.class_names for bars in scene.bars if bars.label == ring.label), ())
        names = two_letters(ring.class_names or named)
        sheet.still += _runs(ring, names, scene.angles_deg, centre_x, centre_y, inner_radius, outer_radius)
    sheet.still += _ticks(centre_x, centre_y, outer)
    picture = scene.picture

    def moving(frame: int) -> Iterator[Mark]:
        if picture is not None:
            yield Pixels(centre_x - lens, centre_y - lens, 2 * lens, 2 * lens, picture, frame, round_=True, smooth=True)
        angle_deg = float(scene.angles_deg[frame])
        if radii:
            ends = [point(centre_x, centre_y, radius, angle_deg) for radius in (lens, outer + 9)]
            yield Line(np.array(ends), "background", 5.0)
            yield Line(np.array(ends), "text", 2.0)
        yield Dot(*point(centre_x, centre_y, outer + 9, angle_deg), 6.0, "text", "background", 2.0)
        yield Text(x, y + side - 4, f"{angle_deg:.0f}°".replace("-", "−"), TITLE_SIZE, "text", "medium")

    sheet.moving.append(moving)


def runs(classes: Integer[Array, " frame"]) -> list[tuple[int, int]]:
    """First frame and length of each stretch of equal classes round the circle."""
    changes = np.flatnonzero(classes != np.roll(classes, 1))
    if not changes.size:
        return [(0, len(classes))]
    ends = np.append(changes[1:], changes[0] + len(classes))
    return [(int(start), int(end - start)) for start, end in zip(changes, ends, strict=True)]


def _runs(
    ring: Ring, names: tuple[str, ...], angles_deg: Array, x: Number, y: Number, inner: Number, outer: Number
) -> Iterator[Mark]:
    """What tells the classes apart without colour: a line at each flip, and a name in each run that has room."""
    frames = len(angles_deg)
    step_deg = 360.0 / frames
    if frames < MIN_FRAMES_FOR_RUNS or not np.allclose(np.diff(angles_deg), step_deg):
        return
    found = runs(ring.classes)
    middle = (inner + outer) / 2
    for start, length in found:
        first_deg = float(angles_deg[start]) - step_deg / 2
        if len(found) > 1:
            ends = [point(x, y, radius, first_deg) for radius in (inner - 2, outer + 2)]
            yield Line(np.array(ends), "text", 1.5)
        index = int(ring.classes[start])
        name = names[index] if index < len(names) else str(index)[:2]
        wide = text_width(name, SMALL_SIZE, "medium")
        room = np.deg2rad(length * step_deg) * middle
        if outer - inner >= SMALL_SIZE + 1 and room >= wide + 8 and wide <= outer - inner + 2:
            at_deg = first_deg + step_deg * length / 2 if len(found) > 1 else 45.0
            at = point(x, y, middle, at_deg)
            shade = mix(class_color(index), "#ffffff", float(ring.probability[(start + length // 2) % frames]))
            yield Text(at[0], at[1] + SMALL_SIZE * 0.36, name, SMALL_SIZE, text_on(shade), "medium", "m")


def _ticks(x: Number, y: Number, outer: Number) -> list[Mark]:
    marks: list[Mark] = []
    for angle_deg in range(0, 360, 15):
        quarter = angle_deg % 90 == 0
        ends = [point(x, y, outer + 4, angle_deg), point(x, y, outer + (12 if quarter else 6), angle_deg)]
        marks.append(Line(np.array(ends), "muted" if quarter else "rule", 1.5 if quarter else 1.0))
    places = ((0, "l", 12, -1), (90, "r", 2, -10), (180, "l", 12, 9), (270, "l", -2, -10))
    for angle_deg, anchor, right, below in places:
        at = point(x, y, outer + 8, angle_deg)
        label = f"{angle_deg}°"
        marks.append(Text(at[0] + right, at[1] + below, label, SMALL_SIZE, "muted", anchor=anchor))
    return marks
