"""Which marks on a paper are drawings, not edges, ruled lines, holes, frames or specks; and which belong together.

Everything here looks at a small copy of the picture, at most 192 pixels long; what it finds is a mask.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d

from e2viz.images.ink import components, dilate, otsu_threshold, shrink
from e2viz.images.picture import Box

Mask = Bool[Tensor, "height width"]

LABELLING_SIZE = 192
LEAST_AREA = 0.001  # of the picture
MOST_MARKS = 200
SPECK = 0.03  # of the largest mark's area
# Strokes wider than this share of the drawing's longest side are no strokes: a shadow, a hole, a patch of noise.
WIDEST_STROKE = 0.42
LARGEST_SHARE = 0.4  # of the picture, for all of the ink
# Ruled lines are at most this thick at the labelling size, and run over this share of the page.
LINE_THICKNESS, LINE_LENGTH, LINE_GAP, LEAST_SIZE_FOR_LINES = 3, 0.6, 0.45, 96
# Another mark is another drawing if it is this large beside the largest, and part of it if it is this near.
COMPARABLE, NEAR = 0.4, 0.25


@dataclass(frozen=True)
class Mark:
    """One connected piece of ink: its number, its area, and its box in pixels, the ends not included."""

    number: int
    area: int
    top: int
    left: int
    bottom: int
    right: int
    stroke: float
    at_border: bool

    @property
    def longest(self) -> int:
        return max(self.bottom - self.top, self.right - self.left)

    @property
    def is_blob(self) -> bool:
        """A spot rather than a stroke."""
        return self.stroke > WIDEST_STROKE * self.longest

    def spans(self, shape: torch.Size) -> bool:
        """Whether it runs over most of the page, as ruled lines do."""
        height, width = shape
        return self.right - self.left >= LINE_LENGTH * width or self.bottom - self.top >= LINE_LENGTH * height

    def encloses(self, other: "Mark") -> bool:
        return (
            self.top < other.top and self.left < other.left and self.bottom > other.bottom and self.right > other.right
        )

    def gap(self, other: "Mark") -> float:
        """Pixels between the boxes."""
        down = max(self.top - other.bottom, other.top - self.bottom, 0)
        across = max(self.left - other.right, other.left - self.right, 0)
        return float(max(down, across))

    def stands_beside(self, other: "Mark") -> bool:
        """Whether they look like two characters of a line: as high, at the same height, next to each other."""
        heights = self.bottom - self.top, other.bottom - other.top
        shared = min(self.bottom, other.bottom) - max(self.top, other.top)
        across = min(self.right, other.right) - max(self.left, other.left)
        widths = self.right - self.left, other.right - other.left
        return min(heights) >= 0.6 * max(heights) and shared >= 0.5 * min(heights) and across <= 0.1 * min(widths)


@dataclass(frozen=True)
class Found:
    """The drawings of a picture.

    Args:
        masks: where the ink of each is, the one to be taken first.
        boxes: around each.
        everything: where any ink is that is neither a speck nor runs out of the picture: all drawings together.
        plausible: False if what was found looks like a shadow, a spot or noise.
        convincing: plausible, and it does not run out of the picture.
        left_out: what is no part of any drawing, in words; "" for nothing but specks and edges.
    """

    masks: tuple[Bool[Tensor, "full_height full_width"], ...]
    boxes: tuple[Box, ...]
    everything: Bool[Tensor, "full_height full_width"]
    plausible: bool
    convincing: bool
    left_out: str = ""


def find_drawings(ink: Float[Tensor, "full_height full_width"]) -> Found:
    """Find the drawings in ink that is evened out and stretched: 0 is paper, 1 is ink.

    A table's edge or a shadow touches the border; it is left out if a drawing remains without it.
    """
    small = shrink(ink, LABELLING_SIZE)
    mask = small > max(0.3, float(otsu_threshold(small)) * 0.7)
    kept, labels, at_border = _usual(mask)
    left_out = []
    marks = _marks(labels, kept)
    if max(mask.shape) >= LEAST_SIZE_FOR_LINES and (at_border or any(mark.spans(mask.shape) for mark in marks)):
        without = _without_lines(mask)
        again, other_labels, still_at_border = _usual(without)
        if not torch.equal(without, mask) and again.any() and not still_at_border:
            mask, kept, labels, at_border = without, again, other_labels, False
            marks = _marks(labels, kept)
            left_out.append("ruled lines")
    groups, dropped = _groups(marks)
    left_out += dropped
    whole = kept & mask
    masks = [whole & torch.isin(labels, torch.tensor([mark.number for mark in group])) for group in groups]
    alone = len(groups) == 1 and len(groups[0]) == len(marks)
    enlarged = [_enlarged(each, ink.shape) for each in ([whole] if alone else masks)]
    main = groups[0][0] if groups else None
    plausible = main is not None and not main.is_blob and float(mask.float().mean()) <= LARGEST_SHARE
    return Found(
        masks=tuple(enlarged),
        boxes=tuple(_box(group, mask.shape) for group in groups),
        everything=_enlarged(whole, ink.shape),
        plausible=plausible,
        convincing=plausible and not at_border,
        left_out=" and ".join(left_out),
    )


def _usual(mask: Mask) -> tuple[Mask, Int64[Tensor, "height width"], bool]:
    """Ink without specks and without what runs out of the picture; the labels; and whether nothing else was there."""
    labels = components(mask)
    area = torch.bincount(labels.flatten())
    area[0] = 0
    border = torch.cat([labels[0], labels[-1], labels[:, 0], labels[:, -1]]).unique()
    inside = area.clone()
    inside[border] = 0
    at_border = bool(inside.max() < LEAST_AREA * mask.numel())
    kept = area if at_border else inside
    good = kept >= max(2.0, SPECK * float(kept.max()))
    return good[labels] & mask, labels, at_border


def _marks(labels: Int64[Tensor, "height width"], kept: Mask) -> list[Mark]:
    """The connected pieces, the largest first; of a picture full of dots, those of the largest area."""
    height, width = labels.shape
    edge = kept & (dilate((~kept).float(), 3) > 0)
    found = []
    area = torch.bincount(labels[kept])
    numbers = area.argsort(descending=True, stable=True)[: min(MOST_MARKS, int((area > 0).sum()))]
    for number in numbers.sort().values.tolist():
        rows, columns = torch.nonzero(labels == number, as_tuple=True)
        top, bottom = int(rows.min()), int(rows.max()) + 1
        left, right = int(columns.min()), int(columns.max()) + 1
        stroke = 2 * len(rows) / max(1, int(edge[rows, columns].sum()))
        at_border = top == 0 or left == 0 or bottom == height or right == width
        found.append(Mark(number, len(rows), top, left, bottom, right, stroke, at_border))
    return sorted(found, key=lambda mark: (-mark.longest, -mark.area, mark.number))


def _groups(marks: list[Mark]) -> tuple[list[list[Mark]], list[str]]:
    """Which marks make one drawing each, the largest drawing first, and what is left out, in words."""
    left_out = []
    framed = [mark for mark in marks if _is_frame(mark, marks)]
    if framed:
        left_out.append("a frame")
    rest = [mark for mark in marks if mark not in framed]
    strokes = [mark for mark in rest if not mark.is_blob and mark.longest >= COMPARABLE * rest[0].longest]
    if not strokes:
        return [[mark] for mark in rest[:1]], left_out
    largest = strokes[0]
    seeds: list[Mark] = []
    for mark in rest:
        if mark.is_blob or mark.longest < COMPARABLE * largest.longest:
            continue
        if not any(_belongs(mark, seed) for seed in seeds):
            seeds.append(mark)
    groups = [[seed] for seed in seeds]
    others = [mark for mark in rest if mark not in seeds]
    for mark in others:
        near = min(groups, key=lambda group: (mark.gap(group[0]), -group[0].longest))
        if _belongs(mark, near[0]):
            near.append(mark)
    dropped = [mark for mark in others if not any(mark in group for group in groups)]
    if len([mark for mark in dropped if mark.is_blob]) >= 4:
        left_out.append("a row of holes or dots")
    elif dropped:
        left_out.append("smaller marks")
    return groups, left_out


def _belongs(mark: Mark, seed: Mark) -> bool:
    """Whether a mark is a part of the drawing whose largest mark is the seed, as the bar of a 5 is."""
    return mark.gap(seed) <= NEAR * seed.longest and not (
        mark.longest >= COMPARABLE * seed.longest and mark.stands_beside(seed)
    )


def _is_frame(mark: Mark, marks: list[Mark]) -> bool:
    """A thin mark along the sides of its box, around another mark of some size."""
    inside = [other for other in marks if mark.encloses(other) and other.longest >= 0.2 * mark.longest]
    around = 2 * (mark.bottom - mark.top + mark.right - mark.left)
    return bool(inside) and mark.stroke < 0.1 * mark.longest and mark.area >= 0.5 * around


def _without_lines(mask: Mask) -> Mask:
    """Take out what is thin and runs straight over most of the page; strokes that cross it stay."""
    removed = torch.zeros_like(mask)
    for across in (True, False):
        plane = mask if across else mask.T
        thin = plane & ~_opened(plane, (LINE_THICKNESS + 1, 1))
        # Strokes that cross make gaps, and a page that lies askew makes steps.
        joined = ~_opened(~_grown(thin, 2), (1, int(LINE_GAP * plane.shape[1]) | 1))
        length = int(LINE_LENGTH * plane.shape[1]) | 1
        line = _opened(joined, (1, length), beyond=False) & thin
        removed |= line if across else line.T
    return mask & ~removed


def _opened(mask: Mask, window: tuple[int, int], beyond: bool = True) -> Mask:
    """What a window of that height and width covers when it stays inside the mask.

    Args:
        mask: any.
        window: its height and width.
        beyond: whether all that lies beyond the border counts as mask.
    """
    height, width = window
    padding = (width // 2, (width - 1) // 2, height // 2, (height - 1) // 2)
    out = torch.nn.functional.pad((~mask).float()[None, None], padding, value=0.0 if beyond else 1.0)
    inside = 1 - max_pool2d(out, window, 1)
    back = tuple(padding[index] for index in (1, 0, 3, 2))
    return max_pool2d(torch.nn.functional.pad(inside, back), window, 1)[0, 0] > 0


def _grown(mask: Mask, rows: int) -> Mask:
    return max_pool2d(mask.float()[None, None], (2 * rows + 1, 1), 1, (rows, 0))[0, 0] > 0


def _enlarged(mask: Mask, shape: torch.Size) -> Bool[Tensor, "full_height full_width"]:
    """At the picture's size, one small pixel wider, so that the soft edges of the strokes stay."""
    return interpolate(dilate(mask.float(), 3)[None, None], size=shape, mode="nearest")[0, 0] > 0


def _box(group: list[Mark], shape: torch.Size) -> Box:
    height, width = shape
    return Box(
        left=min(mark.left for mark in group) / width,
        top=min(mark.top for mark in group) / height,
        right=max(mark.right for mark in group) / width,
        bottom=max(mark.bottom for mark in group) / height,
    )
