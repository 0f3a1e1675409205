"""Prepare what somebody brought the way MNIST was made, every step visible and able to be switched off.

MNIST's digits are bright on black, scaled to 20×20 with their proportions kept, and placed in 28×28 by their
centre of mass. The same is done here at four times that resolution, so that turning loses nothing.
"""

from pathlib import Path

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import interpolate

from e2viz.images import ink as inks
from e2viz.images.decode import Pixels, Source, decode
from e2viz.images.picture import Picture, PictureError, Step
from e2viz.images.workbench import Workbench, as_bytes

WORKING_LONGEST = 768
MNIST_SIZE, MNIST_BOX = 28, 20
THINNEST_STROKE, USUAL_STROKE = 2.0, 2.4  # in pixels of 28×28; the usual one is MNIST's median
LEAST_CONTRAST = 0.12
LUMINANCE = torch.tensor([0.299, 0.587, 0.114])


def read_picture(
    source: Source,
    *,
    colour: bool = False,
    flatten: bool = True,
    contrast: bool = True,
    crop: bool = True,
    invert: bool = True,
    center: bool = True,
    thicken: bool = True,
    size: int = 112,
    name: str | None = None,
    label: int | None = None,
) -> Picture:
    """Read a picture and prepare it for the models; `Picture.history` shows every step.

    A grey 28×28 picture with a dark border is taken for a picture of MNIST's kind and left as it is.

    Args:
        source: a path, a file's bytes, a PIL image, or an array as a drawing pad gives it.
        colour: keep three channels and do nothing but make it square; the switches below, except `crop`,
            are for digits.
        flatten: even out shading and uneven light.
        contrast: paper with its noise to 0, ink to 1; specks and table edges removed.
        crop: cut to the ink, which then fills 20/28 of the picture; in colour, cut to the middle square.
        invert: dark ink on light paper becomes bright ink on black.
        center: place by the centre of mass, not by the middle of the box.
        thicken: grow strokes thinner than MNIST's, which would fade at 28×28.
        size: side of the prepared picture in pixels.
        name: shown on screen; the file's name when not given.
        label: the true class, if known.

    Raises:
        PictureError: the picture cannot be used; the message says what to do.
    """
    pixels, note = decode(source)
    name = name or (Path(source).stem if isinstance(source, str | Path) else "picture")
    if colour:
        return _finished(*_squared(pixels, note, crop, size), name, label)
    grey = _grey(pixels)
    if grey.shape == (MNIST_SIZE, MNIST_SIZE) and _border(grey).median() < 0.2:
        why = f"{note}: already as MNIST is, left as it is"
        step = Step(name="read", taken=True, why=why, before=as_bytes(grey), after=as_bytes(grey))
        return _finished(grey[None], 0.0, [step], name, label)

    bench = _start(pixels, grey, note)
    even = inks.flatten(bench.ink)
    bench.mask = _find_drawing(even)
    bright = None if bench.dark_on_light else "the ink is bright already"
    bench.step("flatten", flatten, lambda: _replace(bench, even), "uneven light taken out")
    bench.step("contrast", contrast, lambda: _clean(bench), "paper to 0, ink to 1, specks removed")
    bench.background = float(_border(bench.ink).median())
    bench.step("crop", crop, lambda: _cut(bench), "cut to the ink")
    bench.step("invert", invert, lambda: _invert(bench), "bright ink on black", bright)
    _place(bench, size, size * MNIST_BOX / MNIST_SIZE if crop else float(size))
    missing, idle = _missing_width(bench, size, crop)
    grow = f"strokes widened by {missing * MNIST_SIZE / size:.1f} pixels of 28×28"
    bench.step("thicken", thicken, lambda: _thicken(bench, size, missing), grow, idle)
    bench.step("center", center, lambda: _center(bench), "centre of mass moved to the middle")
    return _finished(bench.values[None], bench.shown_background, bench.steps, name, label)


def _grey(pixels: Pixels) -> Float[Tensor, "height width"]:
    colours = torch.from_numpy(np.ascontiguousarray(pixels))
    # A grey picture keeps its exact values; the weighted sum would round them.
    is_grey = bool((colours == colours[..., :1]).all())
    return colours[..., 0].clone() if is_grey else colours @ LUMINANCE


def _start(pixels: Pixels, grey: Float[Tensor, "height width"], note: str) -> Workbench:
    """Bring the picture to working size and record how it was read and made grey."""
    colours = as_bytes(rearrange(torch.from_numpy(pixels), "height width channel -> channel height width"))
    grey = inks.shrink(grey, WORKING_LONGEST).clamp(0, 1)
    dark = inks.is_dark_on_light(grey)
    bench = Workbench(1 - grey if dark else grey, torch.ones_like(grey, dtype=torch.bool), dark)
    words = f"{note}, {'dark on light' if dark else 'light on dark'}"
    bench.steps.append(Step(name="read", taken=True, why=words, before=colours, after=colours))
    after = as_bytes(grey)
    bench.steps.append(Step(name="grey", taken=True, why="made grey", before=colours, after=after))
    return bench


def _find_drawing(even: Float[Tensor, "height width"]) -> Bool[Tensor, "height width"]:
    """Where the ink is, or a refusal that says what to do."""
    small = inks.shrink(even, 192)
    if small.max() - small.median() >= LEAST_CONTRAST:
        mask = inks.drawing_mask(inks.stretch(even))
        if mask.any():
            return mask
    raise PictureError(
        "No drawing was found: the picture is nearly one grey. Use a darker pen, more light, or a closer photograph."
    )


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


def _squared(
    pixels: Pixels, note: str, crop: bool, size: int
) -> tuple[Float[Tensor, "3 {size} {size}"], float, list[Step]]:
    """Make a colour picture square, by cutting to its middle or by adding background."""
    image = rearrange(torch.from_numpy(pixels), "height width channel -> channel height width")
    height, width = image.shape[1:]
    background = float(_border(_grey(pixels)).median())
    side = min(height, width) if crop else max(height, width)
    top, left = abs(height - side) // 2, abs(width - side) // 2
    if crop:
        square = image[:, top : top + side, left : left + side]
    else:
        square = torch.full((3, side, side), background)
        square[:, top : top + height, left : left + width] = image
    scaled = interpolate(square[None], size=(size, size), mode="bicubic", antialias=True)[0].clamp(0, 1)
    read = Step(name="read", taken=True, why=note, before=as_bytes(image), after=as_bytes(image))
    why = "cut to the middle square" if crop else "background added to make it square"
    cut = Step(name="crop", taken=crop, why=why, before=as_bytes(image), after=as_bytes(scaled))
    return scaled, background, [read, cut]


def _border(grey: Float[Tensor, "height width"]) -> Float[Tensor, "pixel"]:
    """The outermost pixels."""
    return torch.cat([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])


def _finished(
    values: Float[Tensor, "channel size size"],
    background: float,
    history: list[Step],
    name: str,
    label: int | None,
) -> Picture:
    steps = tuple(f"{step.name}: {step.why}" for step in history)
    values = values.float().contiguous()
    return Picture(values=values, background=background, steps=steps, label=label, name=name, history=tuple(history))
