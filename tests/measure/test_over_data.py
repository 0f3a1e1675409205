"""Measures over a data set, on answers counted by hand."""

import numpy as np
import pytest

from e2viz.measure.over_data import BINS, OverData, TurnAnswers, columns, over_data, summary
from e2viz.zoo.card import wilson_interval

ANGLES = np.array([0.0, 90.0, 180.0, 270.0])
# Two sixes and a nine: the second six is a nine upside down, and the nine is never right.
LABELS = np.array([0, 0, 1])
WINNERS = np.array([[0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 2, 0]])
CONFIDENCE = np.array([[0.9, 0.9, 0.9, 0.9], [0.7, 0.7, 0.5, 0.7], [0.6, 0.6, 0.8, 0.6]])


@pytest.fixture
def found():
    return over_data(TurnAnswers(ANGLES, LABELS, WINNERS, CONFIDENCE), 3, model="m", data="digits")


def test_counts(found):
    assert found.correct.tolist() == [2, 2, 1, 2] and found.images == 3
    assert found.always_right == 1 and found.worst_case == (1 / 3, *wilson_interval(1, 3))
    assert found.worst_angle == (180.0, 1 / 3) and found.mean_accuracy == pytest.approx(7 / 12)
    np.testing.assert_allclose(found.bands[2], wilson_interval(1, 3))


def test_flips_are_counted_on_the_closed_loop(found):
    mean, low, high = found.flips
    assert mean == pytest.approx((0 + 0.5 + 0.5) / 3) and low <= mean <= high
    closing = TurnAnswers(ANGLES, LABELS[:1], np.array([[1, 0, 0, 0]]), CONFIDENCE[:1])
    assert over_data(closing, 2).flips[0] == 0.5, "the last angle is followed by the first"


def test_calibration_is_guo_s(found):
    def by_hand(place):
        total = 0.0
        for b in range(BINS):
            inside = [k for k in range(3) if b / BINS < CONFIDENCE[k, place] <= (b + 1) / BINS]
            if inside:
                accuracy = np.mean([WINNERS[k, place] == LABELS[k] for k in inside])
                total += len(inside) / 3 * abs(accuracy - CONFIDENCE[inside, place].mean())
        return total

    np.testing.assert_allclose(found.calibration_error, [by_hand(place) for place in range(4)])
    gap = abs(found.accuracy - CONFIDENCE.mean(0))
    assert not np.allclose(found.calibration_error, gap), "a single bin would hide that errors cancel"
    table = found.reliability()
    assert table[13].tolist() == pytest.approx([0.9, 1.0, 4 / 12]) and np.isnan(table[0, 1])
    assert found.reliability(2)[13, 2] == pytest.approx(1 / 3)


def test_a_confident_and_right_model_is_calibrated():
    sure = TurnAnswers(ANGLES, LABELS, np.repeat(LABELS[:, None], 4, 1), np.ones((3, 4)))
    assert over_data(sure, 3).mean_calibration_error == 0.0 and over_data(sure, 3).worst_case[0] == 1.0


def test_which_class_becomes_which_at_which_angle(found):
    assert found.confusion.sum() == 12 and found.confusion[2].tolist() == [[1, 1, 0], [0, 0, 1], [0, 0, 0]]
    assert found.confusions() == [(1, 0, 0.0, 1.0), (1, 2, 180.0, 1.0), (0, 1, 180.0, 0.5)]
    assert len(found.confusions(1)) == 1


def test_parts_add_up_and_their_order_does_not_matter():
    generator = np.random.default_rng(0)
    winners, labels = generator.integers(0, 4, (30, 8)), generator.integers(0, 4, 30)
    confidence, angles = generator.uniform(0.25, 1, (30, 8)), np.arange(8) * 45.0
    order = generator.permutation(30)
    one = over_data(TurnAnswers(angles, labels, winners, confidence), 4)
    other = over_data(TurnAnswers(angles, labels[order], winners[order], confidence[order]), 4)
    np.testing.assert_allclose(one.bin_confidence, other.bin_confidence)
    assert one.flips == other.flips and (one.confusion == other.confusion).all()
    half = [over_data(TurnAnswers(angles, labels[k], winners[k], confidence[k]), 4) for k in (order[:15], order[15:])]
    assert (half[0].correct + half[1].correct == one.correct).all()


def test_json_gives_it_back(found):
    text = found.to_json()
    again = OverData.from_json(text)
    assert again.to_json() == text and again.flips == pytest.approx(found.flips)
    np.testing.assert_allclose(again.calibration_error, found.calibration_error)
    np.testing.assert_array_equal(again.confusion, found.confusion)
    with pytest.raises(ValueError, match="format"):
        OverData.from_json('{"format": 0}')


def test_csv_and_summary(found):
    table = columns({"A": found, "B": found})
    assert list(table)[:3] == ["angle_deg", "A accuracy", "A accuracy, lower 95 %"] and len(table) == 9
    assert table["B accuracy"][2] == pytest.approx(1 / 3, abs=1e-6)
    rows = summary({"A": found}, ("six", "nine", "other"))
    assert rows["most confused"] == ["nine as six at 0°, 100 %"] and rows["worst angle"] == ["33.33 % at 180°"]
    other = over_data(TurnAnswers(ANGLES[:2], LABELS, WINNERS[:, :2], CONFIDENCE[:, :2]), 3)
    with pytest.raises(ValueError, match="same angles"):
        columns({"A": found, "B": other})


def test_what_does_not_fit_is_said():
    with pytest.raises(ValueError, match=r"must be \[image angle\]"):
        TurnAnswers(ANGLES, LABELS[:0], WINNERS[:0], CONFIDENCE[:0])
    with pytest.raises(ValueError, match=r"in 0\.\.1, got up to 2"):
        over_data(TurnAnswers(ANGLES, LABELS, WINNERS, CONFIDENCE), 2)
