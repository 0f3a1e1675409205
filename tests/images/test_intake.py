"""A photograph of a digit comes out as MNIST's digits are: bright on 0, in its box, centred by mass."""

import numpy as np
import pytest
import torch
from photograph import STROKES, photograph
from PIL import Image, ImageDraw

from e2viz.data.samples import sample
from e2viz.images.intake import read_picture
from e2viz.images.picture import Picture, PictureError
from e2viz.images.rotate import views

CONDITIONS = {
    "plain": {},
    "table edge": {"table_edge": True},
    "thin pen, strong shade": {"pen_width": 5, "shading": 0.7},
    "small and noisy": {"digit_height": 90, "pen_width": 5, "noise": 0.05},
    "grey pencil": {"ink": (120, 120, 130)},
}
SWITCHES = ("flatten", "contrast", "crop", "invert", "thicken", "center")


def middle_of_mass(values: torch.Tensor) -> tuple[float, float]:
    place = torch.arange(len(values)) + 0.5 - len(values) / 2
    return tuple(float((values.sum(axis) * place).sum() / values.sum()) for axis in (1, 0))


def box(values: torch.Tensor) -> tuple[int, int]:
    ink = values > 0.3
    return int(ink.any(1).sum()), int(ink.any(0).sum())


def assert_as_mnist(picture: Picture) -> None:
    values = picture.values[0]
    assert picture.values.shape == (1, 112, 112) and picture.background == 0
    edge = torch.cat([values[:4], values[-4:], values[:, :4].T, values[:, -4:].T])
    assert edge.max() == 0
    assert (values == 0).float().mean() > 0.6 and values.max() > 0.95
    assert max(map(abs, middle_of_mass(values))) <= 0.75
    assert 74 <= max(box(values)) <= 82
    small = views(picture, torch.tensor([0.0]), 28)[0, 0]
    assert small.max() > 0.8 and 30 < small.sum() < 200


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_photograph_becomes_the_digit_that_was_written(condition):
    """Read by the nearest of the ten clean drawings, which knows nothing of the preparation."""
    clean = torch.stack([read_picture(drawing(digit)).values.flatten() for digit in STROKES])
    clean = clean / clean.norm(dim=1, keepdim=True)
    for digit in STROKES:
        picture = read_picture(photograph(digit, seed=digit, turned_deg=2, **CONDITIONS[condition]))
        assert_as_mnist(picture)
        assert (clean @ picture.values.flatten()).argmax() == digit


def drawing(digit: int, ink: int = 0, paper: int = 255, size: int = 280) -> np.ndarray:
    canvas = Image.new("L", (size, size), paper)
    for stroke in STROKES[digit]:
        points = [(x * size * 0.6 + 20, y * size * 0.7 + 30) for x, y in stroke]
        ImageDraw.Draw(canvas).line(points, fill=ink, width=18, joint="curve")
    return np.asarray(canvas)


def test_polarity_does_not_matter():
    dark, bright = read_picture(drawing(5)), read_picture(drawing(5, ink=255, paper=0))
    assert_as_mnist(dark)
    assert (dark.values - bright.values).abs().max() < 0.02
    assert "dark on light" in dark.steps[0] and "light on dark" in bright.steps[0]
    assert any("the ink is bright already" in step for step in bright.steps)


def test_a_drawing_pad_with_transparent_paper():
    rgba = np.zeros((200, 200, 4), dtype=np.uint8)
    rgba[60:140, 90:110, 3] = 255
    assert_as_mnist(read_picture(rgba))


def test_a_sample_enlarged_and_inverted_comes_back():
    upright = sample("mnist-5").values[0]
    paper = Image.fromarray(((1 - upright) * 255).byte().numpy()).resize((280, 280), Image.Resampling.BICUBIC)
    small = views(read_picture(paper), torch.tensor([0.0]), 28)[0, 0]
    shifted = [small.roll((down, right), (0, 1)) for down in (0, 1) for right in (0, 1)]
    assert min(float((image - upright).square().mean().sqrt()) for image in shifted) < 0.16


def test_every_step_is_recorded_with_its_pictures():
    picture = read_picture(photograph(3))
    assert [step.name for step in picture.history] == ["read", "grey", *SWITCHES]
    assert picture.steps == tuple(f"{step.name}: {step.why}" for step in picture.history)
    for step in picture.history:
        assert step.before.dtype == step.after.dtype == np.uint8 and max(step.after.shape) <= 256
    for step in picture.history[2:]:
        assert step.taken and (step.before.shape != step.after.shape or not np.array_equal(step.before, step.after))


@pytest.mark.parametrize("switch", SWITCHES)
def test_each_step_can_be_switched_off(switch):
    source = photograph(4, pen_width=6, digit_height=160)
    picture, whole = read_picture(source, **{switch: False}), read_picture(source)
    step = next(step for step in picture.history if step.name == switch)
    assert not step.taken and step.why == "switched off" and np.array_equal(step.before, step.after)
    assert picture.values.shape == (1, 112, 112)
    assert (picture.values - whole.values).abs().max() > 0.1


def test_without_inverting_the_background_is_the_paper():
    picture = read_picture(photograph(4), invert=False)
    assert picture.background == 1.0 and picture.values[0, 0, 0] == 1.0
    assert views(picture, torch.tensor([45.0]), 28)[0, 0, 0, 0] == 1.0


def test_everything_off_is_the_whole_photograph_made_square():
    off = dict.fromkeys(SWITCHES, False)
    picture = read_picture(photograph(4), **off)
    assert picture.values.min() < 0.3 and 0.3 < picture.background < 1


def test_a_picture_with_no_drawing_says_so():
    paper = np.random.RandomState(0).normal(0.8, 0.02, (300, 300)).clip(0, 1)
    for blank in (np.full((200, 200), 255, np.uint8), np.zeros((200, 200), np.uint8), paper):
        with pytest.raises(PictureError, match="No drawing was found"):
            read_picture(blank)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (300, 2), (2, 2), (28, 28), (29, 28)])
def test_odd_sizes_give_a_picture_or_a_reason(shape):
    random = np.random.RandomState(1).uniform(size=shape)
    try:
        assert read_picture(random).values.isfinite().all()
    except PictureError as error:
        assert "No drawing" in str(error)


def test_name_label_and_checksum():
    source = photograph(2)
    one, two = read_picture(source, name="two", label=2), read_picture(source)
    assert (one.name, one.label, two.name, two.label) == ("two", 2, "picture", None)
    assert one.checksum == two.checksum != read_picture(source, crop=False).checksum
    assert len(one.checksum) == 16
