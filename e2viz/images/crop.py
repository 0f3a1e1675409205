"""Prepare a photograph: a square cut, in colour, that the person moves and sizes."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from e2viz.images.layers import compose
from e2viz.images.picture import Background, Picture, Step, Wishes
from e2viz.images.workbench import as_bytes

# Of a square that is turned: sharp on screen, and twice what most models see.
LARGEST_SIDE = 256


def prepare_crop(picture: Picture, background: Background, size: int | None = None) -> Picture:
    """Cut the square that the person chose, reduce it, and lay what is transparent on the background.

    A picture that is square already keeps its pixels, bit for bit, up to 256 pixels.

    Args:
        picture: as it was brought.
        background: of the data set: what lies under transparency, and outside when the picture is turned.
        size: largest side of the result in pixels; 256 when not given.
    """
    # On a coloured background a grey picture is one of three channels.
    colourful = picture.channels == 1 and isinstance(background, tuple) and len(background) == 3
    coloured = replace(picture, values=picture.values.expand(3, -1, -1)) if colourful else picture
    shown = as_bytes(compose(coloured.values, coloured.alpha, levels(background, coloured.channels)))
    cut, why = cut_out(coloured, background, size)
    values = compose(cut.values, cut.alpha, levels(background, cut.channels)).contiguous()
    if cut.alpha is not None:
        why += ", transparency laid on the background"
    if colourful:
        why += ", its grey in all three channels"
    taken = "crop" not in picture.wishes.off
    step = Step(name="crop", taken=taken, why=why, before=shown, after=as_bytes(values))
    history = (*picture.history, step)
    return replace(
        cut,
        values=values,
        background=background,
        steps=(*picture.steps, f"crop: {why}"),
        history=history,
        preparation="crop",
        alpha=None,
        original=picture,
    )


def cut_out(picture: Picture, background: Background = 0.0, size: int | None = None) -> tuple[Picture, str]:
    """The square of the person's wish, as it was brought but for its size, transparency kept; and what was done.

    Args:
        picture: as it was brought.
        background: what is added where the person does not want it cut.
        size: largest side of the result in pixels; 256 when not given.
    """
    height, width = picture.values.shape[1:]
    planes = picture.values if picture.alpha is None else torch.cat([picture.values, picture.alpha[None]])
    if "crop" in picture.wishes.off:
        square, why = _padded(planes, levels(background, picture.channels)), "background added to make it square"
    else:
        top, left, side = picture.wishes.cut.pixels(height, width)
        square = planes[:, top : top + side, left : left + side]
        why = f"a square of {side}×{side} pixels, {left} from the left and {top} from the top"
        why = "square already" if height == width == side else why
    small = _reduced(square, size or LARGEST_SIDE)
    if small.shape != square.shape:
        why += f", reduced to {small.shape[1]}×{small.shape[2]}"
    values, alpha = (small, None) if picture.alpha is None else (small[:-1].contiguous(), small[-1].clone())
    return replace(picture, values=values.contiguous(), alpha=alpha, luminance=None, wishes=Wishes()), why


def levels(background: Background, channels: int) -> Float[Tensor, "channel"]:
    """The background of each channel; of a grey picture the mean, of a grey background the same for all."""
    given = torch.as_tensor(background, dtype=torch.float32).reshape(-1)
    return given if len(given) == channels else given.mean().expand(channels)


def _padded(
    image: Float[Tensor, "plane height width"], fill: Float[Tensor, "channel"]
) -> Float[Tensor, "plane side side"]:
    """The fill on both sides of the shorter one; opaque, if the last plane is opacity."""
    planes, height, width = image.shape
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    fill = fill if len(fill) == planes else torch.cat([fill, torch.ones(1)])
    square = fill[:, None, None].repeat(1, side, side)
    square[:, top : top + height, left : left + width] = image
    return square


def _reduced(square: Float[Tensor, "channel side side"], largest: int) -> Float[Tensor, "channel small small"]:
    if square.shape[1] <= largest:
        return square
    return interpolate(square[None], size=(largest, largest), mode="bicubic", antialias=True)[0].clamp(0, 1)
