"""Every colour of e2viz, each with one meaning: models (by their row in the catalogue), classes, maps, themes.

A scene stores the light variant of a model's colour; `for_theme` gives the variant of a dark page.
"""

import colorsys
import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, UInt8

from e2viz.architectures import ARCHITECTURES, OTHER, architecture_of, color_of

Array = np.ndarray
Rgb = tuple[int, int, int]

# Ten colours that show on white and on near-black. Under normal vision, protanopia and deuteranopia no two
# are closer than 0.12 in OKLab; digits that a turn confuses (6 and 9) are among the furthest apart.
CLASS_COLORS: tuple[str, ...] = (
    "#c37789",
    "#17a0d6",
    "#fba8a2",
    "#9da315",
    "#b02760",
    "#006a9d",
    "#e9c206",
    "#a86500",
    "#56d3f8",
    "#6969e9",
)

# Ten equispaced points of the published tables, linear in between.
_VIRIDIS = "440154 482878 3e4989 31688e 26828e 1f9e89 35b779 6ece58 b5de2b fde725"
_CIVIDIS = "00224e 123570 3b496c 575d6d 707173 8a8678 a59c74 c3b369 e1cc55 fee838"
# Symmetric in lightness about a neutral middle, blue for negative and red for positive.
_DIVERGING = "0b2f6b 1d5fa8 5a97cc a9cbe4 f4f4f2 f0bda6 d97f5f b33f2e 701a1c"


@dataclass(frozen=True, kw_only=True)
class Theme:
    """Colours of the page itself; `background` None leaves it transparent."""

    name: str
    background: str | None
    text: str
    muted: str
    rule: str
    track: str

    @property
    def is_dark(self) -> bool:
        """True where dark variants of model colours are needed."""
        return self.name == "dark"

    @property
    def matte(self) -> str:
        """The colour that translucent marks are mixed with."""
        return self.background or "#ffffff"


THEMES: dict[str, Theme] = {
    "light": Theme(
        name="light", background="#ffffff", text="#14191f", muted="#5a6570", rule="#d5dbe0", track="#edf0f2"
    ),
    "dark": Theme(name="dark", background="#0d1014", text="#e9edf1", muted="#99a4af", rule="#333b44", track="#1c2228"),
    # Mid tones: readable on a white and on a black page, which is not known when the file is written.
    "transparent": Theme(
        name="transparent",
        background=None,
        text="#68747f",
        muted="#7b8792",
        rule="#a5afb8",
        track="#a5afb840",
    ),
}


def theme_named(name: str) -> Theme:
    """The theme of that name.

    Raises:
        LookupError: an unknown name.
    """
    return _look_up("theme", name, THEMES)


def _look_up(what: str, name: str, table: dict):
    if name not in table:
        near = difflib.get_close_matches(name, table, n=3, cutoff=0.3) or list(table)
        raise LookupError(f"unknown {what} {name!r}; nearest: {', '.join(near)}")
    return table[name]


def rgb(color: str) -> Rgb:
    """ "#rrggbb" as three steps of 0..255; an alpha pair is ignored.

    Raises:
        ValueError: text that is no such colour.
    """
    try:
        red, green, blue = (int(color[start : start + 2], 16) for start in (1, 3, 5))
    except ValueError as error:
        raise ValueError(f"a colour must be #rrggbb, got {color!r}") from error
    return red, green, blue


def hex_color(color: Sequence[int]) -> str:
    """Inverse of `rgb`."""
    return "#{:02x}{:02x}{:02x}".format(*color)


def mix(color: str, other: str, share: float) -> str:
    """`share` of the first colour and the rest of the other, in sRGB as browsers blend."""
    pairs = zip(rgb(color), rgb(other), strict=True)
    return hex_color(tuple(round(share * one + (1 - share) * two) for one, two in pairs))


def model_colors(names: list[str] | tuple[str, ...]) -> dict[str, str]:
    """One light-page colour for each model name, e.g. "ge_vit_p4.rotmnist".

    A second model of one architecture gets a lighter shade of its colour, a third one a lighter shade yet.
    """
    colors: dict[str, str] = {}
    seen: dict[str, int] = {}
    for name in names:
        architecture = architecture_of(name) or OTHER
        shade = seen[architecture] = seen.get(architecture, -1) + 1
        colors[name] = _lighter(color_of(architecture), shade)
    return colors


def _lighter(color: str, shade: int) -> str:
    if not shade:
        return color
    hue, lightness, saturation = colorsys.rgb_to_hls(*(step / 255 for step in rgb(color)))
    lightness += (0.86 - lightness) * (1 - 0.6**shade)
    return hex_color(tuple(round(255 * step) for step in colorsys.hls_to_rgb(hue, lightness, saturation)))


def for_theme(color: str, page: Theme) -> str:
    """The variant of a model's colour for this page; any other colour is returned as it is."""
    if page.is_dark:
        return dark_colors().get(color.lower(), color)
    return color


def dark_colors() -> dict[str, str]:
    """The colour of each architecture on a dark page, by that on a light one."""
    return dict(row.colors for row in ARCHITECTURES.values())


def class_color(index: int) -> str:
    """The colour of a class.

    Classes beyond the tenth take the ten hues again, darker, then lighter, then both further: neighbours in the order
    of classes stay as far apart as the first ten, and thirty classes have thirty colours.
    """
    first, turn = CLASS_COLORS[index % len(CLASS_COLORS)], index // len(CLASS_COLORS)
    if not turn:
        return first
    toward = "#101418" if turn % 2 else "#ffffff"
    return mix(first, toward, 0.62 ** ((turn + 1) // 2))


def _interpolate(points: str) -> UInt8[Array, "256 3"]:
    colors = np.array([rgb(f"#{point}") for point in points.split()], dtype=np.float64)
    at = np.linspace(0, len(colors) - 1, 256)
    table = np.stack([np.interp(at, np.arange(len(colors)), channel) for channel in colors.T], axis=1)
    return np.rint(table).astype(np.uint8)


@lru_cache(maxsize=1)
def color_tables() -> dict[str, UInt8[Array, "256 3"]]:
    """viridis and cividis for magnitudes, diverging for signs, grey for pictures."""
    grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    tables = {
        "grey": grey,
        "viridis": _interpolate(_VIRIDIS),
        "cividis": _interpolate(_CIVIDIS),
        "diverging": _interpolate(_DIVERGING),
    }
    for table in tables.values():
        table.setflags(write=False)
    return tables


def color_table(name: str) -> UInt8[Array, "256 3"]:
    """One colour table, read-only.

    Raises:
        LookupError: an unknown name.
    """
    return _look_up("colour table", name, color_tables())


def class_table(classes: int = len(CLASS_COLORS)) -> UInt8[Array, "class 3"]:
    """The colours of the first so many classes as an array."""
    return np.array([rgb(class_color(index)) for index in range(classes)], dtype=np.uint8)


def relative_luminance(color: str) -> float:
    """Luminance of WCAG 2, 0 for black and 1 for white."""
    steps: Float[Array, " 3"] = np.array(rgb(color)) / 255
    linear = np.where(steps <= 0.04045, steps / 12.92, ((steps + 0.055) / 1.055) ** 2.4)
    return float(linear @ np.array([0.2126, 0.7152, 0.0722]))


def text_on(color: str) -> str:
    """Black or white, whichever is easier to read on the colour."""
    return "#000000" if relative_luminance(color) > 0.18 else "#ffffff"
