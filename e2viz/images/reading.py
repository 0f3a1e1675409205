"""Tell ink from paper: which plane of a picture holds the ink, whether it is dark, and how uneven the light is.

The usual reading is tried first: brightness, the paper being most of the picture, light that changes slowly. Only if
what it finds does not look like a drawing are other readings tried: the other polarity, narrow shadows, single colours.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from e2viz.images import ink as inks
from e2viz.images.drawings import Found, find_drawings
from e2viz.images.layers import LUMINANCE_LONGEST, compose
from e2viz.images.picture import Picture, PictureError

LEAST_CONTRAST = 0.12
TRYING_SIZE = 256
# In multiples of the paper's noise; colours are preferred where brightness stands out less, and they much more.
COLOURS = ("red", "green", "blue")
BARELY_CLEAR, CLEARLY = 15.0, 3.0
USUAL_PART, NARROW_PART = 3, 8
NO_DRAWING = (
    "No drawing was found: the picture is nearly one grey. Use a darker pen, more light, or a closer photograph."
)


@dataclass(frozen=True)
class Reading:
    """One way to see ink in a picture.

    Args:
        plane: the picture in one plane, as it is.
        dark_on_light: whether the ink is darker than the paper.
        part: see `ink.flatten`.
        words: what is unusual about it, for the record; "" for the usual reading.
    """

    plane: Float[Tensor, "height width"]
    dark_on_light: bool
    part: int = USUAL_PART
    words: str = ""

    @property
    def ink(self) -> Float[Tensor, "height width"]:
        """Bright ink, before the light is evened."""
        return 1 - self.plane if self.dark_on_light else self.plane

    def even(self) -> Float[Tensor, "height width"]:
        """Bright ink, in even light."""
        return inks.flatten(self.ink, self.part)

    def at(self, longest: int) -> "Reading":
        return Reading(inks.shrink(self.plane, longest), self.dark_on_light, self.part, self.words)


def read_ink(picture: Picture, grey: Float[Tensor, "height width"]) -> tuple[Reading, Found]:
    """The first reading whose drawing convinces, and what was found in it.

    Args:
        picture: as it was brought.
        grey: the same in grey, on white.

    Raises:
        PictureError: there is no drawing, or nothing that looks like one.
    """
    usual = Reading(grey, inks.is_dark_on_light(grey))
    found = _found(usual)
    others = _other_polarities(usual)
    if found is not None and found.convincing:
        colours = _clearer_colours(picture, usual)
        if not colours and not _is_a_hole(found, usual):
            return usual, found
        others = iter(colours) if colours else others
    else:
        # Where brightness shows nothing at all, its noise must not come before the colours.
        rest = (_colours(picture), others) if found is None else (others, _colours(picture))
        others = itertools.chain(_opacity(picture), _narrower(usual), *rest)
    for other in others:
        tried = _found(other.at(TRYING_SIZE))
        if tried is not None and tried.convincing:
            at_full_size = _found(other)
            if at_full_size is not None and at_full_size.convincing:
                return other, at_full_size
    # A drawing that runs out of the picture convinces nobody, but is better than a patch of paper.
    for other in (usual, *_other_polarities(usual)):
        tried = found if other is usual else _found(other)
        if tried is not None and tried.plausible:
            return other, tried
    if found is None:
        raise PictureError(NO_DRAWING)
    return usual, found


def _found(reading: Reading) -> Found | None:
    """The drawings of a reading; None where the contrast is that of noise."""
    even = reading.even()
    small = inks.shrink(even, 192)
    if small.max() - small.median() < LEAST_CONTRAST:
        return None
    found = find_drawings(inks.stretch(even))
    return found if found.masks else None


def _is_a_hole(found: Found, usual: Reading) -> bool:
    """Whether it lies inside a drawing of the other polarity: the inside of a 9, where most of the paper is shaded."""
    opposites = list(_other_polarities(usual))
    if _clearness(opposites[0]) < max(BARELY_CLEAR, 0.5 * _clearness(usual)):
        return False
    tried = [_found(opposite.at(TRYING_SIZE)) for opposite in opposites]
    return any(other and other.convincing and other.boxes[0].encloses(found.boxes[0]) for other in tried)


def _opacity(picture: Picture) -> Iterator[Reading]:
    """Light ink on transparency vanishes on white: then the opacity is the ink."""
    if picture.alpha is not None and float(picture.alpha.median()) < 0.5:
        yield Reading(1 - inks.shrink(picture.alpha, LUMINANCE_LONGEST), True, words="its opacity is the ink")


def _narrower(usual: Reading) -> Iterator[Reading]:
    yield Reading(usual.plane, usual.dark_on_light, NARROW_PART, "narrow shadows taken out")


def _other_polarities(usual: Reading) -> Iterator[Reading]:
    for part, words in ((USUAL_PART, "paper told in even light"), (NARROW_PART, "narrow shadows taken out")):
        yield Reading(usual.plane, not usual.dark_on_light, part, words)


def _clearer_colours(picture: Picture, usual: Reading) -> list[Reading]:
    """Colours that show clearly what brightness barely shows, as of a yellow pen; usually none."""
    if picture.channels == 1 or (clearness := _clearness(usual)) > BARELY_CLEAR:
        return []
    return [other for other in _colours(picture) if _clearness(other) > CLEARLY * clearness]


def _colours(picture: Picture) -> list[Reading]:
    """Single colours and the strength of colour, the one with most contrast first."""
    if picture.channels == 1:
        return []
    colours = compose(picture.values, picture.alpha, torch.ones(()))
    planes = {name: inks.shrink(plane, LUMINANCE_LONGEST) for name, plane in zip(COLOURS, colours, strict=True)}
    red, green, blue = planes.values()
    spread = torch.maximum(torch.maximum(red, green), blue) - torch.minimum(torch.minimum(red, green), blue)
    readings = [
        Reading(plane, dark, part, f"ink told by its {name}")
        for name, plane in planes.items()
        for part in (USUAL_PART, NARROW_PART)
        for dark in (True, False)
    ]
    readings.append(Reading(1 - spread, True, words="ink told by its strength of colour"))
    return sorted(readings, key=_clearness, reverse=True)


def _clearness(reading: Reading) -> float:
    """How far the clearest ink stands out of the paper, in multiples of the paper's noise."""
    even = reading.at(TRYING_SIZE).even()
    middle = even.median()
    noise = (even - middle).abs().median() + 0.01
    return float((torch.quantile(even.flatten(), 0.995) - middle) / noise)
