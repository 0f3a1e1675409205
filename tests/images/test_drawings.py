"""Only the drawing is taken: not shadows, ruled lines, holes, frames; of several, the one that is meant."""

import numpy as np
import pytest
import torch
from conftest import shared_path
from photograph import STROKES, arc
from PIL import Image, ImageDraw, ImageFilter

from e2viz.images.ink import components
from e2viz.images.intake import bring, prepare, read_picture
from e2viz.images.picture import Picture, PictureError, Wishes

WIDTH, HEIGHT, PEN = 450, 600, 14


def paper(*strokes, ink=(35, 38, 60), background=(228, 224, 214), pen: int = PEN) -> Image.Image:
    """A page with strokes; each is a digit, the left of its box, the top, and its height in pixels."""
    page = Image.new("RGB", (WIDTH, HEIGHT), background)
    for digit, left, top, height in strokes:
        _write(page, digit, left, top, height, ink, pen)
    return page


def _write(page: Image.Image, digit: int, left: int, top: int, height: int, ink, pen: int) -> None:
    draw = ImageDraw.Draw(page)
    for stroke in STROKES[digit]:
        points = [(left + x * 0.75 * height, top + y * height) for x, y in stroke]
        draw.line(points, fill=ink, width=pen, joint="curve")
        for x, y in points:
            draw.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=ink)


def shaded(page: Image.Image, light: np.ndarray) -> np.ndarray:
    noise = np.random.RandomState(0).normal(0, 0.01, (HEIGHT, WIDTH, 3))
    blurred = np.asarray(page.filter(ImageFilter.GaussianBlur(1)), dtype=np.float64) / 255
    return (blurred * light[..., None] + noise).clip(0, 1)


def grid() -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    return rows / HEIGHT, columns / WIDTH


def assert_same_drawing(picture: Picture, digit: int, least: float = 0.9) -> None:
    """The digit alone, as large as on a clean page."""
    clean = read_picture(paper((digit, 120, 150, 180))).values.flatten()
    given = picture.values.flatten()
    likeness = float(clean @ given / (clean.norm() * given.norm()))
    assert picture.background == 0 and likeness > least, f"likeness {likeness:.2f}, {picture.steps}"


def hard_shadow() -> np.ndarray:
    rows, columns = grid()
    shadow = Image.fromarray(np.where(rows > 0.4 + 0.4 * columns, 77, 255).astype(np.uint8))
    return shaded(paper((9, 150, 70, 180)), np.asarray(shadow.filter(ImageFilter.GaussianBlur(6))) / 255)


def hands_shadow() -> np.ndarray:
    rows, columns = grid()
    dark = (np.abs(columns - 0.45) < 0.2) & (rows > 0.35)
    soft = np.asarray(Image.fromarray((dark * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(12))) / 255
    return shaded(paper((9, 120, 110, 180)), 1 - 0.6 * soft)


def ruled(step_down: int = 0) -> Image.Image:
    page = paper((9, 120, 150, 180))
    for row in range(20, HEIGHT, 36):
        ImageDraw.Draw(page).line([(0, row), (WIDTH, row + step_down)], fill=(90, 110, 170), width=3)
    return page


def squared() -> Image.Image:
    page = paper((9, 120, 150, 180), pen=18)
    for place in range(15, HEIGHT, 50):
        ImageDraw.Draw(page).line([(0, place), (WIDTH, place)], fill=(60, 70, 120), width=2)
        ImageDraw.Draw(page).line([(place, 0), (place, HEIGHT)], fill=(60, 70, 120), width=2)
    return page


def spiral() -> Image.Image:
    page = paper((9, 120, 150, 180))
    for row in range(15, HEIGHT, 40):
        ImageDraw.Draw(page).ellipse((14, row, 34, row + 20), fill=(20, 20, 20))
    return page


def framed() -> Image.Image:
    page = paper((9, 120, 150, 180))
    ImageDraw.Draw(page).rectangle((60, 90, 340, 400), outline=(30, 30, 30), width=5)
    return page


def stamped() -> Image.Image:
    page = paper((9, 120, 150, 180))
    ImageDraw.Draw(page).ellipse((380, 520, 420, 560), fill=(160, 30, 30))
    return page


ODD_PAGES = {
    "a hard shadow": hard_shadow,
    "a hand's shadow": hands_shadow,
    "ruled lines": ruled,
    "ruled lines that lie askew": lambda: ruled(8),
    "squared paper": squared,
    "a spiral pad's holes": spiral,
    "a frame": framed,
    "a stamp": stamped,
    "a yellow pen": lambda: shaded(paper((9, 120, 150, 180), ink=(235, 220, 60)), np.ones((HEIGHT, WIDTH))),
    "a light blue pen": lambda: shaded(paper((9, 120, 150, 180), ink=(170, 220, 245)), np.ones((HEIGHT, WIDTH))),
    "chalk on a board": lambda: paper((9, 120, 150, 180), ink=(230, 230, 225), background=(40, 60, 50)),
    "a thin pencil": lambda: paper((9, 120, 150, 180), pen=4),
}


@pytest.mark.parametrize("page", ODD_PAGES)
def test_the_digit_alone_and_as_large_as_on_a_clean_page(page):
    source = ODD_PAGES[page]()
    least = 0.75 if page == "a thin pencil" else 0.9
    assert_same_drawing(read_picture(source if isinstance(source, np.ndarray) else np.asarray(source)), 9, least)


@pytest.mark.parametrize("ink", [(255, 255, 255), (250, 240, 200), (20, 20, 20), (200, 30, 30)])
def test_ink_on_transparency_whatever_its_colour(ink):
    mask = paper((9, 120, 150, 180), ink=(255, 255, 255), background=(0, 0, 0)).convert("L")
    image = Image.new("RGBA", mask.size, (*ink, 0))
    image.putalpha(mask)
    assert_same_drawing(read_picture(image), 9)


def two() -> Image.Image:
    return paper((0, 30, 200, 200), (4, 270, 220, 150))


def test_several_drawings_are_said_and_the_largest_is_taken():
    picture = read_picture(two())
    assert_same_drawing(picture, 0, 0.85)
    assert len(picture.drawings) == 2 and any(
        "2 drawings found, the largest is taken" in step for step in picture.steps
    )
    large, small = picture.drawings
    assert large.holds(0.22, 0.5) and small.holds(0.73, 0.49) and not large.holds(0.73, 0.49)


def test_the_person_chooses_one_in_the_picture():
    brought = bring(two(), wishes=Wishes(drawing=(0.7, 0.5)))
    picture = prepare(brought, "digit")
    assert_same_drawing(picture, 4, 0.85)
    assert any("the chosen one is taken" in step for step in picture.steps)
    assert picture.checksum == read_picture(two(), drawing=(0.7, 0.5)).checksum != read_picture(two()).checksum


def test_all_drawings_together_if_one_asks_for_it():
    picture = read_picture(two(), single=False)
    assert picture.drawings == () and any("all that was found is taken together" in step for step in picture.steps)
    ink = picture.values[0] > 0.3
    assert ink.any(0).nonzero().max() - ink.any(0).nonzero().min() > 74


@pytest.mark.parametrize("digit", STROKES)
def test_strokes_of_one_digit_that_do_not_meet_stay_together(digit):
    """A 5 whose bar is apart, a 4 of two strokes: nothing of a digit is taken for another drawing."""
    picture = read_picture(paper((digit, 120, 150, 200), pen=8))
    assert len(picture.drawings) == 1


def test_a_bar_that_is_apart_belongs_to_its_digit():
    page = Image.new("L", (300, 300), 240)
    draw = ImageDraw.Draw(page)
    draw.line([(120, 80), (118, 140), *arc(140, 180, 45, 42, 235, 500)], fill=20, width=10)
    draw.line([(140, 72), (190, 70)], fill=20, width=10)
    picture = read_picture(page)
    assert len(picture.drawings) == 1 and (picture.values[0, 17:30] > 0.5).any()


def test_a_line_that_leaves_the_picture_is_read():
    page = Image.new("L", (100, 100), 250)
    ImageDraw.Draw(page).line([(99, 40), (60, 34), (70, 15)], fill=0)
    page.putpixel((40, 31), 0)
    picture = read_picture(page)
    assert picture.values.isfinite().all() and picture.background == 0 and (picture.values > 0.5).float().mean() < 0.2


@pytest.mark.parametrize("level", [0, 10, 30])
def test_a_blank_picture_of_mnists_size_is_refused(level):
    with pytest.raises(PictureError, match="No drawing was found"):
        read_picture(np.full((28, 28), level, np.uint8))


def test_components_of_a_spiral_are_one():
    """The label must travel the whole way; how often is bounded by the logarithm, not by the way."""
    mask = torch.zeros(64, 64, dtype=torch.bool)
    row, column, down, right, length = 0, 0, 0, 1, 63
    mask[0, 0] = True
    for turn in range(60):
        for _ in range(max(0, length - 2 * (max(0, turn - 1) // 2))):
            row, column = row + down, column + right
            mask[row, column] = True
        down, right = right, -down
    assert int(components(mask).max()) == 1
    mask[:, 32] = False
    labels = components(mask)
    assert labels.max() > 1 and torch.equal(labels > 0, mask)


CASES = {
    "very_hard_shadow.jpg": 9,
    "hands_shadow.jpg": 9,
    "lined_dark.jpg": 9,
    "spiral_holes.jpg": 9,
    "yellow_highlighter.jpg": 9,
    "canvas_white_on_transparent.png": 9,
}


def test_what_was_got_wrong_once_is_one_and_the_same_nine():
    pictures = {name: read_picture(shared_path(f"cases/pictures/{name}")) for name in CASES}
    flat = torch.stack([picture.values.flatten() for picture in pictures.values()])
    likeness = (flat / flat.norm(dim=1, keepdim=True)) @ (flat / flat.norm(dim=1, keepdim=True)).T
    assert likeness.min() > 0.9, dict(zip(pictures, likeness.min(0).values.tolist(), strict=True))


def test_two_digits_once_shrunk_into_one_are_two():
    picture = read_picture(shared_path("cases/pictures/two_digits.jpg"))
    assert len(picture.drawings) == 2


@pytest.mark.parametrize("name", ["nan_centre.png", "nan_plain_drawing.png", "struct_error.webp"])
def test_what_once_raised_is_read(name):
    assert read_picture(shared_path(f"cases/pictures/{name}")).values.isfinite().all()
