import numpy as np
import pytest

from e2viz.data.samples import sample
from e2viz.measure.layer_errors import from_arrays, layer_errors
from e2viz.render.figures import two_digits
from e2viz.render.recipe import Recipe
from e2viz.scenes import broken, equivariance_error
from e2viz.scenes.untrained import fresh_subject

SIZES = {"width": 4, "heads": 2, "depth": 6}
PICTURE = sample("mnist-8")


@pytest.fixture(scope="module")
def model():
    return fresh_subject("c4", name="ge_vit_small", **SIZES)


@pytest.fixture(scope="module")
def errors(model):
    return layer_errors(model, PICTURE, step_deg=45.0)


def recipe(**settings):
    return Recipe(page="equivariance_error", picture="mnist-8", settings={"step": 45, **settings})


def test_the_map_shows_what_was_measured(errors):
    scene = equivariance_error.compose(recipe(), {"ge_vit_small": errors}, PICTURE)
    chart = scene.charts[1]
    panel = chart.heat
    assert panel.at(0).shape == (len(errors.probes), 8) and [name for _, name in chart.y.ticks] == list(errors.probes)
    shown = panel.low + panel.at(0) / 255 * (panel.high - panel.low)
    logits = errors.probes.index("logits")
    assert errors.error[logits, 2] < 1e-5 < 1e-4 < errors.error[logits, 1]
    np.testing.assert_allclose(shown[logits, 1:3], np.log10(errors.error[logits, 1:3]), atol=0.02)
    assert chart.cursor.tolist() == [0, 45, 90, 135, 180, 225, 270, 315], "the line stands at the angle shown"
    assert chart.verticals == (0, 90, 180, 270)
    assert scene.numbers["angle_deg"] == [0, 45, 90, 135, 180, 225, 270, 315]


def test_curves_have_floor_ceiling_and_untrained_copy(errors):
    scene = equivariance_error.compose(recipe(probe="blocks.0"), {"ge_vit_small": errors}, PICTURE)
    tracks = scene.charts[0].tracks
    assert [track.dash > 0 for track in tracks] == [False, True, True, True]
    assert scene.charts[0].title == "Error at blocks.0"
    np.testing.assert_allclose(tracks[0].y[1], errors.of("blocks.0")[1], rtol=1e-6)
    error, floor, ceiling = (errors.of("blocks.0", track)[1] for track in ("error", "floor", "ceiling"))
    assert 0 < floor < ceiling and error < ceiling


def test_kept_errors_are_the_errors(model, errors):
    again = from_arrays(model, 45.0, errors.arrays())
    np.testing.assert_allclose(again.error, errors.error, rtol=1e-6)
    assert again.kinds == errors.kinds and again.on_group.tolist() == [True, False] * 4


def test_an_unknown_step_is_refused():
    with pytest.raises(ValueError, match="step must be one of"):
        equivariance_error.step_of(Recipe(page="equivariance_error", settings={"step": 7}))


def test_the_switch_says_what_it_did(model):
    switches = broken.switches_of(["rule"])
    before, after = (broken.broken(model, PICTURE, each) for each in (broken.Switches(), switches))
    assert before.at_quarters() < 1e-5 < 1e-4 < after.at_quarters()
    assert two_digits(after.at_quarters()) in broken.sentence(before, after, switches, "GE-ViT")
    assert two_digits(after.between()) in broken.sentence(before, after, switches, "GE-ViT")
    assert after.between() == np.nanmax(after.at("logits")[:5]), "15° to 75°"
    assert len(broken.reasons(switches)) == 1
    with pytest.raises(LookupError, match="interpolate"):
        broken.switches_of(["interpolation"])


@pytest.mark.parametrize(
    ("value", "text"), [(0.0824, "0.082"), (1.26e-6, "1.3·10⁻⁶"), (9.96e-5, "1.0·10⁻⁴"), (12.3, "12"), (0.0, "0")]
)
def test_numbers_in_sentences(value, text):
    assert two_digits(value) == text
