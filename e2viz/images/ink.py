"""Find the ink in a grey picture: even out the light, separate ink from paper, leave out what is neither.

Here ink is always bright: 1 is ink, 0 is paper, whatever the picture looked like.
"""

import math

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d

Plane = Float[Tensor, "height width"]

FLATTENING_SIZE = 128
FAINT = 0.05


def is_dark_on_light(grey: Plane) -> bool:
    """Tell whether the drawing is darker than the paper: the paper, being most of the picture, is the median."""
    small = shrink(grey, 256)
    low, middle, high = torch.quantile(small.flatten(), torch.tensor([0.01, 0.5, 0.99])).tolist()
    if high - low < FAINT:
        # A thin line is less than a hundredth of the picture.
        low, high = float(small.min()), float(small.max())
    return middle - low > high - middle


def flatten(ink: Plane, part: int = 3) -> Plane:
    """Take out uneven light: paper becomes 0 everywhere, ink stays as dark against it as it was.

    The paper's own brightness is estimated by a closing over a third of the picture, which removes strokes
    and keeps slopes; dividing by it undoes shading, which multiplies.

    Args:
        ink: bright ink on dark paper.
        part: which part of the picture the closing reaches over: an eighth keeps the edges of shadows too, and loses
            strokes as wide as that.
    """
    paper = 1 - shrink(ink, FLATTENING_SIZE)
    width = max(3, min(paper.shape) // part | 1)
    paper = -dilate(-dilate(_blur(paper, 1), width), width)
    paper = _blur(paper, max(1, width // 4))
    paper = interpolate(paper[None, None], size=ink.shape, mode="bilinear", align_corners=False)[0, 0]
    return (1 - (1 - ink) / paper.clamp(min=0.05)).clamp(0, 1)


def stretch(ink: Plane) -> Plane:
    """Spread the values so that paper with its noise is 0 and the strokes' inside is 1."""
    small = shrink(ink, 256)
    threshold = otsu_threshold(small)
    strokes, paper = small[small > threshold], small[small <= threshold]
    if not len(strokes) or not len(paper):
        return ink
    high = torch.quantile(strokes, 0.6)
    middle = paper.median()
    noise = 1.5 * (paper - middle).abs().median()
    low = torch.minimum(torch.maximum(middle + 4 * noise, middle + 0.25 * (high - middle)), threshold)
    return ((ink - low) / (high - low).clamp(min=1e-3)).clamp(0, 1)


def otsu_threshold(values: Plane) -> Tensor:
    """Grey value that best separates two classes. Source: Otsu 1979: the largest variance between classes."""
    counts = torch.histc(values, 256, 0.0, 1.0).double()
    centres = (torch.arange(256).double() + 0.5) / 256
    below, mass = counts.cumsum(0), (counts * centres).cumsum(0)
    above = below[-1] - below
    between = (mass[-1] * below / below[-1] - mass) ** 2 / (below * above).clamp(min=1)
    # With two clean levels every threshold between them is as good: take the middle of the plateau.
    best = torch.nonzero(between >= between.max() * (1 - 1e-9))
    return ((best.double().mean() + 1) / 256).to(values.dtype)


def stroke_width(ink: Plane) -> float:
    """Mean width of the strokes in pixels: twice the area over the number of edge pixels."""
    mask = (ink > 0.5).float()
    edge = mask * dilate(1 - mask, 3)
    return float(2 * mask.sum() / edge.sum().clamp(min=1))


def thicken(ink: Plane, pixels: int) -> Plane:
    """Grow the strokes by that many pixels in width, alike in every direction."""
    radius = pixels / 2
    reach = math.ceil(radius)
    padded = torch.nn.functional.pad(ink, (reach,) * 4)
    height, width = ink.shape
    grown = ink
    for down in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            if math.hypot(down, right) <= radius:
                top, left = reach + down, reach + right
                grown = torch.maximum(grown, padded[top : top + height, left : left + width])
    return grown


def shrink(plane: Plane, longest: int) -> Float[Tensor, "small_height small_width"]:
    """Reduce by averaging so that the longest side has at most that many pixels."""
    factor = longest / max(plane.shape)
    if factor >= 1:
        return plane
    size = [max(1, round(side * factor)) for side in plane.shape]
    return interpolate(plane[None, None], size=size, mode="area")[0, 0]


def components(mask: Bool[Tensor, "height width"]) -> Int64[Tensor, "height width"]:
    """Number the 8-connected components from 1; 0 is outside.

    Every label learns the largest label beside it, and follows what that one has learned: the number of rounds grows
    with the logarithm of the picture, for a spiral too.
    """
    labels = torch.arange(1, mask.numel() + 1).reshape(mask.shape) * mask
    while True:
        beside = dilate(labels.float(), 3).long() * mask
        leads_to = torch.arange(mask.numel() + 1)
        leads_to.scatter_reduce_(0, labels.flatten(), beside.flatten(), "amax")
        while not torch.equal(further := leads_to[leads_to], leads_to):
            leads_to = further
        grown = leads_to[labels]
        if torch.equal(grown, labels):
            return torch.unique(torch.cat([labels.new_zeros(1), labels.flatten()]), return_inverse=True)[1][1:].reshape(
                mask.shape
            )
        labels = grown


def dilate(plane: Float[Tensor, "height width"], width: int) -> Float[Tensor, "height width"]:
    """Largest value in a square window; beyond the border nothing is seen."""
    rows = max_pool2d(plane[None, None], (width, 1), 1, (width // 2, 0))
    return max_pool2d(rows, (1, width), 1, (0, width // 2))[0, 0]


def _blur(plane: Plane, radius: int) -> Plane:
    """Two passes of a box, with the border repeated: close to a Gaussian."""
    for _ in range(2):
        padded = torch.nn.functional.pad(plane[None, None], (radius,) * 4, mode="replicate")
        plane = torch.nn.functional.avg_pool2d(padded, 2 * radius + 1, 1)[0, 0]
    return plane
