"""Which frames a file plays, and for how long."""

import numpy as np
import pytest

from e2viz.render.look import EASINGS, Look
from e2viz.render.timeline import durations_ms, even_rate, frame_order, moments


def played(frames, **look):
    return moments(np.arange(frames) * 360.0 / frames, Look(**look))


def test_durations_do_not_drift():
    assert durations_ms(played(4, fps=20), 10) == [50] * 4
    assert sum(durations_ms(played(30, fps=30), 10)) == 1000
    assert set(durations_ms(played(30, fps=30), 10)) == {30, 40}


def test_there_and_back_rests_and_ranges():
    back = [each.frame for each in played(4, loop="back")]
    assert back == [0, 1, 2, 3, 2, 1]
    resting = played(8, fps=10, hold_s=1.0)
    assert [each.duration_s for each in resting] == pytest.approx([1.1, 0.1] * 4)
    assert [each.frame for each in played(8, start_deg=90, end_deg=180)] == [2, 3]
    assert [each.frame for each in played(8, every=2)] == [0, 2, 4, 6]
    assert sum(each.duration_s for each in played(8, every=2)) == pytest.approx(sum(e.duration_s for e in played(8)))
    with pytest.raises(ValueError, match="range must hold"):
        played(8, start_deg=91, end_deg=92)


@pytest.mark.parametrize("fps", [0.1, 0.67, 1, 9, 20, 60])
def test_a_video_has_a_rate_that_players_keep(fps):
    rate, repeats = even_rate(played(4, fps=fps))
    assert 10 <= rate <= 60 and sum(repeats) / rate == pytest.approx(4 / fps, rel=0.01)


@pytest.mark.parametrize("easing", EASINGS)
def test_easings_go_forward_once_around(easing):
    order = frame_order(72, easing)
    assert len(order) == 72 and order[0] == 0 and order[-1] >= 70
    assert (np.diff(order) >= 0).all()
