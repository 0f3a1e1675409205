"""Every palette keeps what it promises: distinct classes, even steps, a neutral zero, readable text."""

import itertools

import numpy as np
import pytest

from e2viz.architectures import color_of
from e2viz.render import palette

# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB.
PROTANOPIA = [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
DEUTERANOPIA = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
VISIONS = {"normal": np.eye(3), "protanopia": np.array(PROTANOPIA), "deuteranopia": np.array(DEUTERANOPIA)}
# Ottosson 2020.
TO_LMS = [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
          [0.0883024619, 0.2817188376, 0.6299787005]]  # fmt: skip
TO_LAB = [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
          [0.0259040371, 0.7827717662, -0.8086757660]]  # fmt: skip


def oklab(colors: np.ndarray, vision: np.ndarray) -> np.ndarray:
    steps = colors / 255
    linear = np.where(steps <= 0.04045, steps / 12.92, ((steps + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ vision.T, 0, 1)
    return np.cbrt(seen @ np.array(TO_LMS).T) @ np.array(TO_LAB).T


def contrast(one: str, other: str) -> float:
    light, dark = sorted((palette.relative_luminance(one), palette.relative_luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("vision", VISIONS)
def test_classes_are_distinct(vision):
    lab = oklab(palette.class_table(), VISIONS[vision])
    nearest = min(np.linalg.norm(one - other) for one, other in itertools.combinations(lab, 2))
    assert nearest > 0.105


def test_classes_are_no_model_colors():
    classes = oklab(palette.class_table(), np.eye(3))
    for name in ("ge_vit", "gsa_net", "vit", "post_hoc"):
        model = oklab(np.array([palette.rgb(color_of(name))]), np.eye(3))
        assert np.linalg.norm(classes - model, axis=1).min() > 0.06, name


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_classes_and_models_show_on_the_page(theme):
    page = palette.theme_named(theme)
    for color in palette.CLASS_COLORS:
        assert contrast(color, page.background) > 1.6, color
    for light in palette.dark_colors():
        assert contrast(palette.for_theme(light, page), page.background) >= 3, light


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_is_readable(theme):
    page = palette.theme_named(theme)
    assert contrast(page.text, page.background) > 12
    assert contrast(page.muted, page.background) > 4.5


@pytest.mark.parametrize("name", ["viridis", "cividis", "grey"])
def test_magnitudes_grow_lighter(name):
    lightness = oklab(palette.color_table(name), np.eye(3))[:, 0]
    assert np.diff(lightness).min() > -0.002  # 8-bit rounding
    assert np.diff(lightness[::8]).min() > 0.005


def test_tables_start_and_end_where_published():
    assert palette.hex_color(tuple(palette.color_table("viridis")[0].tolist())) == "#440154"
    assert palette.hex_color(tuple(palette.color_table("viridis")[255].tolist())) == "#fde725"


def test_diverging_is_neutral_and_lightest_at_zero():
    lab = oklab(palette.color_table("diverging"), np.eye(3))
    assert np.argmax(lab[:, 0]) in (127, 128)
    assert np.hypot(*lab[127, 1:]) < 0.01
    assert np.abs(lab[:, 0] - lab[::-1, 0]).max() < 0.06
    assert lab[0, 2] < 0 < lab[255, 2]


def test_one_architecture_twice_gets_two_shades():
    colors = palette.model_colors(["vit.mnist", "vit.rotmnist", "ge_vit_p4.rotmnist"])
    assert colors["vit.mnist"] == color_of("vit")
    assert colors["ge_vit_p4.rotmnist"] == color_of("ge_vit")
    assert len(set(colors.values())) == 3


def test_unknown_names_list_the_nearest():
    with pytest.raises(LookupError, match="viridis"):
        palette.color_table("virdis")
    with pytest.raises(ValueError, match="#rrggbb"):
        palette.rgb("teal")
