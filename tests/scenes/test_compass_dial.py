import numpy as np
import pytest

from e2viz.groups import group
from e2viz.measure.orbit import compass
from e2viz.scenes.compass_dial import INNER, SIDE, compass_dial, middle_of, sectors

CLASSES, FRAMES = 3, 4


def dial(name, turns):
    """Votes that turn with the picture, as those of an equivariant network do, at quarter turns."""
    acting = group(name)
    upright = np.random.default_rng(0).normal(size=(CLASSES, acting.order))
    step = acting.rotations // 4 if turns else 0
    votes = np.empty((FRAMES, CLASSES, acting.order))
    for frame in range(FRAMES):
        for element in acting.elements:
            votes[frame, :, acting.compose(frame * step, element)] = upright[:, element]
    picture = np.stack([np.rot90(np.random.default_rng(1).random((112, 112)), frame) for frame in range(FRAMES)])
    reading = compass(votes, acting, of_class=1)
    return compass_dial(votes[:, 1], reading, acting, picture[:, None].copy(), "votes"), reading, acting


@pytest.mark.parametrize("name", ["c4", "c8", "d4"])
def test_a_quarter_turn_of_the_picture_turns_the_dial(name):
    panel, reading, acting = dial(name, turns=True)
    for frame in range(FRAMES):
        np.testing.assert_array_equal(panel.values[frame], np.rot90(panel.values[0], frame))
        np.testing.assert_allclose(panel.under[frame].astype(int), np.rot90(panel.under[0], frame), atol=1)
        row, column = np.rint(panel.marker[frame]).astype(int)
        assert sectors(acting)[row, column] == reading.elements[frame], "the point is on the winner"
        assert panel.values[frame][row, column] == panel.values[frame].max()
    assert np.abs(panel.values[1].astype(int) - panel.values[0]).max() > 20
    standing, *_ = dial(name, turns=False)
    assert (standing.values[1] != np.rot90(standing.values[0])).any()


@pytest.mark.parametrize("name", ["c4", "c8", "d4"])
def test_every_element_has_a_sector_of_one_size_at_its_angle(name):
    acting, place = group(name), sectors(group(name))
    sizes = np.bincount(place[place >= 0], minlength=acting.order)
    half = sizes[: acting.rotations]
    assert half.min() > 0.8 * half.max() and sizes.min() > 0
    up = np.array(middle_of(acting, 0))
    assert up[0] < (SIDE - INNER) / 2 and up[1] == (SIDE - 1) / 2
    assert place[SIDE // 2, SIDE // 2] == -1
