"""A picture is kept as it was brought; each preparation makes its own square of it, once."""

import numpy as np
import pytest
import torch
from photograph import photograph
from PIL import Image

from e2viz.data.samples import sample
from e2viz.images.intake import bring, prepare, read_picture, with_channels
from e2viz.images.picture import Cut, Picture, Wishes
from e2viz.images.portable import from_png, portable, to_png

GREY = (0.5, 0.4, 0.3)


def scene(width: int = 60, height: int = 40) -> Image.Image:
    """Every pixel tells where it is: red grows to the right, green downwards."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.uint8)
    return Image.fromarray(np.stack([columns, rows, np.full_like(rows, 200)], axis=-1))


def see_through() -> Image.Image:
    image = scene().convert("RGBA")
    image.putalpha(Image.fromarray(np.repeat(np.array([[0, 255]], np.uint8), (20, 40), axis=1).repeat(40, axis=0)))
    return image


def test_a_picture_is_kept_in_colour_at_its_own_size():
    picture = bring(scene(), name="scene", label=3)
    assert picture.values.shape == (3, 40, 60) and picture.preparation == "none" and picture.alpha is None
    assert torch.equal(picture.values[:, 7, 11] * 255, torch.tensor([11.0, 7.0, 200.0]))
    assert (picture.name, picture.label) == ("scene", 3) and picture.steps == ("read: image 60×40",)
    assert bring(scene().convert("L")).values.shape == (1, 40, 60)


def test_the_middle_square_is_cut_and_no_pixel_changes():
    square = prepare(bring(scene()), "crop", GREY)
    assert square.values.shape == (3, 40, 40) and square.background == GREY and square.preparation == "crop"
    assert torch.equal(square.values[:, 0, 0] * 255, torch.tensor([10.0, 0.0, 200.0]))
    assert square.original is not None and square.original.values.shape == (3, 40, 60)


@pytest.mark.parametrize(
    "cut, corner",
    [
        (Cut(x=0.5, y=0.5, side=0.5), (20, 10, 20)),
        (Cut(x=0.0, y=0.0, side=0.5), (0, 0, 20)),
        (Cut(x=1.0, y=1.0, side=0.25), (50, 30, 10)),
        (Cut(x=0.3, y=0.9, side=1e-9), (18, 36, 1)),
    ],
)
def test_the_persons_square_is_cut_inside_the_picture(cut, corner):
    picture = bring(scene(), wishes=Wishes(cut=cut))
    values = prepare(picture, "crop", GREY).values
    left, top, side = corner
    assert torch.equal(values, picture.values[:, top : top + side, left : left + side])


@pytest.mark.parametrize("shares", [{"x": -0.1}, {"y": 1.1}, {"side": 0.0}, {"side": float("nan")}])
def test_a_cut_outside_the_picture_is_refused(shares):
    with pytest.raises(ValueError, match="shares from 0 to 1"):
        Cut(**shares)


def test_transparency_is_laid_on_each_data_sets_background():
    picture = bring(see_through())
    for background in (GREY, (0.0, 1.0, 0.0), 0.25):
        values = prepare(picture, "crop", background).values
        expected = torch.tensor(background if isinstance(background, tuple) else [background] * 3)
        assert torch.equal(values[:, 0, 0], expected) and values[2, 0, -1] == 200 / 255


def test_without_cutting_background_is_added():
    for source in (scene(), see_through()):
        picture = read_picture(source, "crop", background=GREY, crop=False)
        assert picture.values.shape == (3, 60, 60) and torch.equal(picture.values[:, 0, 30], torch.tensor(GREY))
        assert not picture.history[-1].taken


def test_a_large_square_is_reduced_and_it_is_said():
    picture = read_picture(scene(240, 230).resize((700, 600)), "crop", size=96)
    assert picture.values.shape == (3, 96, 96) and "reduced to 96×96" in picture.steps[-1]


def test_one_picture_is_a_drawing_and_a_photograph_at_once():
    picture = bring(photograph(3))
    drawing, square = prepare(picture, "digit"), prepare(picture, "crop", GREY)
    assert drawing.values.shape == (1, 112, 112) and square.values.shape == (3, 256, 256)
    assert torch.equal(drawing.values, read_picture(photograph(3)).values)
    assert prepare(drawing, "crop", GREY) is square, "the picture as it was brought is known to its preparations"


def test_asked_for_again_nothing_is_computed():
    picture = bring(photograph(3))
    assert prepare(picture, "digit") is prepare(picture, "digit")
    assert prepare(picture, "crop", GREY) is prepare(picture, "crop", GREY) is not prepare(picture, "crop", 0.0)


def test_a_picture_that_is_ready_is_left_as_it_is():
    for ready in (sample("mnist-5"), Picture(values=torch.rand(3, 32, 32))):
        assert prepare(ready, "digit") is ready and prepare(ready, "crop", GREY) is ready


def test_wrong_preparations_and_sizes_are_refused():
    picture = bring(scene())
    with pytest.raises(ValueError, match="must be one of digit, crop, got .photo"):
        prepare(picture, "photo")
    with pytest.raises(ValueError, match="size must be from 1 to 512 pixels, got 4000"):
        prepare(picture, "crop", size=4000)


def test_grey_and_colour_become_each_other_and_it_is_said():
    colour = prepare(bring(scene()), "crop", GREY)
    grey = with_channels(colour, 1)
    assert grey.values.shape == (1, 40, 40) and grey.steps[-1] == "grey: made grey"
    assert abs(grey.background - 0.4) < 1e-6
    assert torch.allclose(grey.values[0, 0, 0] * 255, torch.tensor(0.299 * 10 + 0.114 * 200))
    back = with_channels(grey, 3)
    assert torch.equal(back.values[0], back.values[2]) and "all three" in back.steps[-1]
    assert with_channels(colour, 3) is colour


def test_what_decides_what_models_see_changes_the_checksum():
    pictures = [
        bring(scene()),
        bring(see_through()),
        bring(scene(), wishes=Wishes(cut=Cut(side=0.5))),
        bring(scene(), wishes=Wishes(off=frozenset({"invert"}))),
        bring(scene(), wishes=Wishes(drawing=(0.5, 0.5))),
        prepare(bring(scene()), "crop", GREY),
        prepare(bring(scene()), "crop", 0.0),
    ]
    assert len({picture.checksum for picture in pictures}) == len(pictures)


@pytest.mark.parametrize("preparations", [("digit",), ("crop",), ("digit", "crop")])
def test_a_recipe_carries_what_its_models_see(preparations):
    picture = portable(bring(photograph(4)), preparations)
    png = to_png(picture)
    stored = from_png(png)
    assert to_png(stored) == png and len(png) < 400_000
    for preparation in preparations:
        seen, meant = (prepare(each, preparation, GREY) for each in (stored, picture))
        assert seen.preparation == preparation and (seen.values - meant.values).abs().max() <= 0.5 / 255 + 1e-6
        assert seen.background == meant.background


def test_a_recipe_keeps_transparency_for_every_background():
    stored = from_png(to_png(portable(bring(see_through()), ("crop",))))
    for background in (0.0, 1.0):
        assert (prepare(stored, "crop", background).values[:, 0, 0] == background).all()


def test_a_background_of_each_channel_is_stored():
    stored = from_png(to_png(Picture(values=torch.rand(3, 8, 8), background=GREY)))
    assert stored.background == GREY and stored.preparation == "any"
