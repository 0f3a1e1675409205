"""Intervals against values known from the literature and against their meaning."""

import numpy as np
import pytest

from e2viz.measure.interval import bootstrap_interval, over_pictures, wilson_interval
from e2viz.measure.stability import stability


def test_wilson_interval_equals_its_published_values():
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)  # Newcombe 1998, table I
    assert wilson_interval(15, 148) == pytest.approx((0.0624, 0.1605), abs=1e-4)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)


def test_wilson_interval_stays_within_zero_and_one_and_shrinks():
    assert wilson_interval(0, 5)[0] == pytest.approx(0.0) and wilson_interval(5, 5)[1] == pytest.approx(1.0)
    wide, narrow = wilson_interval(9, 10), wilson_interval(9000, 10000)
    assert narrow[1] - narrow[0] < 0.05 * (wide[1] - wide[0])


@pytest.mark.parametrize(("successes", "trials"), [(1, 0), (-1, 5), (6, 5)])
def test_impossible_counts_are_refused(successes, trials):
    with pytest.raises(ValueError, match="0 <= correct <= total"):
        wilson_interval(successes, trials)


def test_bootstrap_interval_covers_the_mean_about_as_often_as_it_says():
    generator = np.random.default_rng(3)
    covered = 0
    for _ in range(100):
        low, high = bootstrap_interval(generator.normal(1.0, 1.0, 60).tolist(), resamples=300)
        covered += low <= 1.0 <= high
    assert 88 <= covered <= 100


def test_over_pictures_gives_an_interval_for_each_measure():
    loops = [stability(np.eye(10)[[k, k, k, (k + (k > 6)) % 10]] * 4, label=k) for k in range(10)]
    found = over_pictures(loops)
    assert found["worst_case_accuracy"] == (0.7, *wilson_interval(7, 10))
    mean, low, high = found["flip_rate"]
    assert mean == pytest.approx(0.3 * 0.5) and low < mean < high
    assert "accuracy" not in over_pictures([stability(np.eye(4))])
