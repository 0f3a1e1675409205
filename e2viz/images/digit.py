"""Prepare a picture of a drawing the way MNIST was made, every step visible and able to be switched off.

MNIST's digits are bright on black, scaled to 20×20 with their proportions kept, and placed in 28×28 by their
centre of mass. The same is done here at four times that resolution, so that turning loses nothing.
"""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from e2viz.images import ink as inks
from e2viz.images.drawings import Found
from e2viz.images.layers import LUMINANCE_LONGEST, brightness, compose
from e2viz.images.picture import Box, Picture, PictureError, Step
from e2viz.images.reading import LEAST_CONTRAST, NO_DRAWING, Reading, read_ink
from e2viz.images.workbench import Workbench, as_bytes

SWITCHES = ("flatten", "contrast", "single", "crop", "invert", "center", "thicken")
SIZE = 112
MNIST_SIZE, MNIST_BOX = 28, 20
THINNEST_STROKE, USUAL_STROKE = 2.0, 2.4  # in pixels of 28×28; the usual one is MNIST's median


def prepare_digit(picture: Picture, size: int | None = None) -> Picture:
    """Find the drawing and make of it what a model of digits knows; `Picture.history` shows every step.

    A grey 28×28 picture with a dark border is taken for a picture of MNIST's kind and left as it is. The steps,
    each of which `picture.wishes.off` can name:

    - flatten: even out shading and uneven light.
    - contrast: paper with its noise to 0, ink to 1; specks and table edges removed.
    - single: of several drawings only one, the largest or the one that `picture.wishes.drawing` points at; ruled
      lines, holes and frames are left out.
    - crop: cut to the ink, which then fills 20/28 of the picture.
    - invert: dark ink on light paper becomes bright ink on black.
    - thicken: grow strokes thinner than MNIST's, which would fade at 28×28.
    - center: place by the centre of mass, not by the middle of the box.

    Args:
        picture: as it was brought.
        size: side of the result in pixels; 112 when not given.

    Raises:
        PictureError: no drawing was found.
    """
    size = size or SIZE
    wanted = {name: name not in picture.wishes.off for name in SWITCHES}
    grey, note = luminance(picture).clamp(0, 1), _note(picture)
    if grey.shape == (MNIST_SIZE, MNIST_SIZE) and picture.channels == 1 and _border(grey).median() < 0.2:
        why = f"{note}: already as MNIST is, left as it is"
        if float(grey.max() - grey.median()) < LEAST_CONTRAST:
            raise PictureError(NO_DRAWING)
        step = Step(name="read", taken=True, why=why, before=as_bytes(grey), after=as_bytes(grey))
        return _finished(picture, grey, 0.0, [step])

    reading, found = read_ink(picture, grey)
    bench = _start(picture, reading, note)
    even = reading.even()
    boxes = _choose(bench, found, picture, wanted["single"])
    bright = None if bench.dark_on_light else "the ink is bright already"
    bench.step("flatten", wanted["flatten"], lambda: _replace(bench, even), "uneven light taken out")
    bench.step("contrast", wanted["contrast"], lambda: _clean(bench), "paper to 0, ink to 1, specks removed")
    bench.background = float(_border(bench.ink).median())
    crop = wanted["crop"]
    bench.step("crop", crop, lambda: _cut(bench), "cut to the ink")
    bench.step("invert", wanted["invert"], lambda: _invert(bench), "bright ink on black", bright)
    _place(bench, size, size * MNIST_BOX / MNIST_SIZE if crop else float(size))
    missing, idle = _missing_width(bench, size, crop)
    grow = f"strokes widened by {missing * MNIST_SIZE / size:.1f} pixels of 28×28"
    bench.step("thicken", wanted["thicken"], lambda: _thicken(bench, size, missing), grow, idle)
    bench.step("center", wanted["center"], lambda: _center(bench), "centre of mass moved to the middle")
    return _finished(picture, bench.values, bench.shown_background, bench.steps, boxes)


def luminance(picture: Picture) -> Float[Tensor, "height width"]:
    """The picture in grey, on white, at most 768 pixels long."""
    if picture.luminance is not None:
        return picture.luminance
    colours = compose(picture.values, picture.alpha, torch.ones(()))
    is_grey = len(colours) == 1 or bool((colours == colours[:1]).all())
    # A grey picture keeps its exact values; the weighted sum would round them.
    grey = colours[0] if is_grey else brightness(*colours)
    return inks.shrink(grey, LUMINANCE_LONGEST)


def _note(picture: Picture) -> str:
    read = picture.history[0].why if picture.history else f"picture {picture.values.shape[2]}×{picture.values.shape[1]}"
    return read if picture.alpha is None else f"{read}, transparency laid on white"


def _start(picture: Picture, reading: Reading, note: str) -> Workbench:
    """Record how the picture was read and made grey."""
    colours = as_bytes(compose(picture.values, picture.alpha, torch.ones(())))
    dark = reading.dark_on_light
    bench = Workbench(reading.ink, torch.ones_like(reading.plane, dtype=torch.bool), dark)
    words = f"{note}, {'dark on light' if dark else 'light on dark'}"
    bench.steps.append(Step(name="read", taken=True, why=words, before=colours, after=colours))
    why = f"made grey, {reading.words}" if reading.words else "made grey"
    bench.steps.append(Step(name="grey", taken=True, why=why, before=colours, after=as_bytes(reading.plane)))
    return bench


def _choose(bench: Workbench, found: Found, picture: Picture, single: bool) -> tuple[Box, ...]:
    """Take the drawing that is meant: the one at the person's point, otherwise the largest; and say what there is.

    Returns:
        All drawings that were found, the one that was taken first; none where all were taken together.
    """
    bench.mask = found.masks[0] if single else found.everything
    if not single:
        bench.steps.append(_said(bench, False, "switched off: all that was found is taken together"))
        return ()
    order = list(range(len(found.boxes)))
    if (pointed := picture.wishes.drawing) is not None:
        order.sort(key=lambda place: found.boxes[place].distance(*pointed))
    bench.mask = found.masks[order[0]]
    words = [f"left out: {found.left_out}"] if found.left_out else []
    if len(order) > 1:
        whose = "the largest" if picture.wishes.drawing is None else "the chosen one"
        words.append(f"{len(order)} drawings found, {whose} is taken")
    if words:
        bench.steps.append(_said(bench, True, "; ".join(words)))
    return tuple(found.boxes[place] for place in order)


def _said(bench: Workbench, taken: bool, why: str) -> Step:
    shown = as_bytes(bench.values * bench.mask)
    return Step(name="single", taken=taken, why=why, before=as_bytes(bench.values), after=shown)


def _replace(bench: Workbench, ink: Float[Tensor, "height width"]) -> None:
    bench.ink = ink


def _clean(bench: Workbench) -> None:
    bench.ink = inks.stretch(bench.ink) * bench.mask


def _invert(bench: Workbench) -> None:
    bench.dark_on_light = False


def _cut(bench: Workbench) -> None:
    """Cut ink and mask to the drawing's bounding box."""
    strokes = bench.mask & (bench.ink - bench.background > 0.2 * (bench.ink.max() - bench.background))
    strokes = strokes if strokes.any() else bench.mask
    rows, columns = torch.nonzero(strokes.any(1))[:, 0], torch.nonzero(strokes.any(0))[:, 0]
    box = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    bench.ink, bench.mask = bench.ink[box], bench.mask[box]


def _place(bench: Workbench, size: int, longest: float) -> None:
    """Scale so that the longest side has that many pixels, in the middle of a square of the background."""
    factor = longest / max(bench.ink.shape)
    scaled = [max(1, round(side * factor)) for side in bench.ink.shape]
    top, left = (size - scaled[0]) // 2, (size - scaled[1]) // 2
    inside = slice(top, top + scaled[0]), slice(left, left + scaled[1])
    small = interpolate(bench.ink[None, None], size=scaled, mode="bicubic", antialias=True)[0, 0]
    ink = torch.full((size, size), bench.background)
    ink[inside] = small.clamp(0, 1)
    mask = torch.zeros(size, size, dtype=torch.bool)
    mask[inside] = interpolate(bench.mask[None, None].float(), size=scaled, mode="nearest")[0, 0] > 0
    bench.ink, bench.mask = ink, mask


def _center(bench: Workbench) -> None:
    """Shift by whole pixels until the ink's centre of mass is the exact centre, about which it will turn.

    MNIST's own centre of mass lies half a pixel of 28 to the lower right of that; here it does not.
    """
    mass = (bench.ink - bench.background).clamp(min=0) * bench.mask
    if float(mass.sum()) == 0:
        return
    middle = (torch.arange(len(mass)) + 0.5) - len(mass) / 2
    down, right = (float((mass.sum(axis) * middle).sum() / mass.sum()) for axis in (1, 0))
    bench.ink = _shifted(bench.ink, -round(down), -round(right), bench.background)
    bench.mask = _shifted(bench.mask.float(), -round(down), -round(right), 0.0) > 0


def _shifted(plane: Float[Tensor, "height width"], down: int, right: int, fill: float) -> Float[Tensor, "height width"]:
    height, width = plane.shape
    result = torch.full_like(plane, fill)
    source = plane[max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)]
    result[max(0, down) : height - max(0, -down), max(0, right) : width - max(0, -right)] = source
    return result


def _missing_width(bench: Workbench, size: int, crop: bool) -> tuple[int, str | None]:
    """By how many pixels the strokes are to grow, and if none, why."""
    if not crop:
        return 0, "without cropping the size of the digit is not known"
    width = inks.stroke_width(bench.ink * bench.mask) * MNIST_SIZE / size
    if width >= THINNEST_STROKE:
        return 0, f"strokes are {width:.1f} pixels of 28×28 wide"
    return max(2, round((USUAL_STROKE - width) * size / MNIST_SIZE)), None


def _thicken(bench: Workbench, size: int, pixels: int) -> None:
    """Widen the strokes, then fit the drawing into its box again."""
    bench.ink = inks.thicken(bench.ink, pixels)
    bench.mask = inks.thicken(bench.mask.float(), pixels) > 0
    _cut(bench)
    _place(bench, size, size * MNIST_BOX / MNIST_SIZE)


def _border(grey: Float[Tensor, "height width"]) -> Float[Tensor, "pixel"]:
    """The outermost pixels."""
    return torch.cat([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])


def _finished(
    picture: Picture,
    values: Float[Tensor, "size size"],
    background: float,
    history: list[Step],
    drawings: tuple[Box, ...] = (),
) -> Picture:
    return replace(
        picture,
        values=values[None].float().contiguous(),
        background=background,
        steps=tuple(f"{step.name}: {step.why}" for step in history),
        history=tuple(history),
        preparation="digit",
        drawings=drawings,
        alpha=None,
        ready=(),
        luminance=None,
        original=picture,
    )
