"""Where the names of marks stand on a chart, so that none covers another."""

from __future__ import annotations

from collections.abc import Sequence

# Plotly's word -> where the name's box begins, in multiples of its own width and height, from the mark.
PLACES = {
    "middle right": (0.0, -0.5),
    "middle left": (-1.0, -0.5),
    "top center": (-0.5, 0.5),
    "bottom center": (-0.5, -1.5),
    "top right": (0.0, 0.5),
    "bottom left": (-1.0, -1.5),
}
Box = tuple[float, float, float, float]


def places(
    marks: Sequence[tuple[float, float]], texts: Sequence[str], letter: float = 0.0155, line: float = 0.05
) -> list[str | None]:
    """For each mark the first place where its name covers no mark, no other name and no edge; None where there is none.

    Marks that come first are named first.

    Args:
        marks: across and up, as shares of the chart.
        texts: their names.
        letter: width of a letter as a share of the chart's width.
        line: height of a name as a share of the chart's height.
    """
    taken: list[Box] = [(x - 0.015, x + 0.015, y - 0.02, y + 0.02) for x, y in marks]
    found: list[str | None] = []
    for index, (mark, text) in enumerate(zip(marks, texts, strict=True)):
        others = [box for each, box in enumerate(taken) if each != index]
        boxes = {place: _box(mark, len(text) * letter, line, place) for place in PLACES}
        free = [place for place, box in boxes.items() if _inside(box) and not any(_meet(box, each) for each in others)]
        found.append(free[0] if free else None)
        if free:
            taken.append(boxes[free[0]])
    return found


def _box(mark: tuple[float, float], width: float, height: float, place: str) -> Box:
    across, up = PLACES[place]
    left, low = mark[0] + across * width, mark[1] + up * height
    return left, left + width, low, low + height


def _inside(box: Box) -> bool:
    return min(box[0], box[2]) >= 0 and max(box[1], box[3]) <= 1


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]
