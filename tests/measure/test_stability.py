"""Each definition of the stability table, on logits whose answer can be worked out by hand."""

import numpy as np
import pytest

from e2viz.data import data_set
from e2viz.measure.stability import ambiguity_note, entropy, softmax, stability


def logits_of(probability):
    return np.log(np.asarray(probability, dtype=np.float64))


def winners(*classes, count=10, confidence=5.0):
    """Logits at which the given classes win, one a frame."""
    return confidence * np.eye(count)[list(classes)]


FOUR = logits_of([[0.7, 0.2, 0.1], [0.4, 0.5, 0.1], [0.6, 0.3, 0.1], [0.1, 0.1, 0.8]])


def test_flips_are_counted_on_the_closed_loop():
    found = stability(winners(3, 3, 5, 5, 3, 8))
    assert found.flips == (0, 2, 4, 5)
    assert found.flip_rate == pytest.approx(4 / 6)
    assert found.flips_deg == (0.0, 120.0, 240.0, 300.0)


def test_one_wrong_frame_is_two_flips():
    assert stability(winners(1, 1, 7, 1)).flips == (2, 3)


def test_a_constant_answer_is_perfectly_stable_even_if_it_is_wrong():
    found = stability(winners(*[4] * 8), label=2)
    assert (found.flip_rate, found.agreement, found.pairwise_consistency) == (0.0, 1.0, 1.0)
    assert found.mean_total_variation == found.worst_total_variation == found.jensen_shannon == 0.0
    assert (found.accuracy, found.worst_case_accuracy) == (0.0, 0.0)
    assert found.worst_margin < -0.9


def test_agreement_refers_to_the_upright_prediction_not_to_the_most_common():
    found = stability(winners(1, 2, 2, 2))
    assert found.agreement == 0.25
    assert (found.most_common, found.most_common_count, found.distinct_classes) == (2, 3, 2)
    assert found.says() == "says 2 at 3 of 4 angles"
    assert found.says(tuple("abcdefghij")) == "says c at 3 of 4 angles"


def test_pairwise_consistency_is_the_share_of_ordered_pairs_that_agree():
    classes = [0, 0, 0, 1, 1, 2]
    pairs = [(a, b) for i, a in enumerate(classes) for j, b in enumerate(classes) if i != j]
    expected = sum(a == b for a, b in pairs) / len(pairs)
    assert stability(winners(*classes)).pairwise_consistency == pytest.approx(expected)
    assert stability(winners(0, 1, 2, 3)).pairwise_consistency == 0.0


def test_total_variation_is_half_the_l1_distance_to_upright():
    found = stability(FOUR)
    assert found.mean_total_variation == pytest.approx((0 + 0.3 + 0.1 + 0.7) / 4)
    assert found.worst_total_variation == pytest.approx(0.7)
    assert (found.worst_total_variation_frame, found.worst_total_variation_deg) == (3, 270.0)


def test_jensen_shannon_is_entropy_of_the_mean_minus_mean_entropy():
    one_hot = 1000.0 * np.eye(4)
    assert stability(one_hot).jensen_shannon == pytest.approx(np.log(4))
    rows = np.exp(FOUR)
    mean = np.array([0.45, 0.275, 0.275])
    expected = -(mean * np.log(mean)).sum() + (rows * FOUR).sum(axis=1).mean()
    assert stability(FOUR).jensen_shannon == pytest.approx(expected)


def test_mean_rotation_error_is_the_population_deviation_of_the_labels_probability():
    assert stability(FOUR, label=2).mean_rotation_error == pytest.approx(np.std([0.1, 0.1, 0.1, 0.8]))


def test_worst_margin_and_its_angle():
    found = stability(FOUR, label=0)
    assert found.worst_margin == pytest.approx(0.1 - 0.8)
    assert (found.worst_margin_frame, found.worst_margin_deg) == (3, 270.0)
    assert stability(FOUR[:3], label=0).worst_margin_deg == 120.0
    assert stability(FOUR[[0, 2]], label=0).worst_margin == pytest.approx(0.6 - 0.3)


def test_without_a_label_margins_refer_to_the_upright_prediction_and_there_is_no_accuracy():
    found = stability(FOUR)
    assert (found.reference, found.reference_is_label) == (0, False)
    assert found.accuracy is None and found.worst_case_accuracy is None
    assert stability(FOUR, label=1).reference_is_label


def test_accuracies():
    found = stability(FOUR, label=0)
    assert (found.accuracy, found.worst_case_accuracy) == (0.5, 0.0)
    assert stability(winners(7, 7, 7), label=7).worst_case_accuracy == 1.0


def test_a_six_read_as_nine_is_ambiguous_near_the_half_turn_only():
    found = stability(winners(6, 9, 9, 9, 9, 9, 6, 6), label=6, data=data_set("digits"))
    assert found.ambiguous == (3, 4, 5)
    assert "180" in found.ambiguity and "9" in found.ambiguity
    assert found.accuracy == 3 / 8
    assert stability(winners(6, 9, 9), label=6).ambiguity == ""
    digits = data_set("digits")
    assert ambiguity_note(3, digits) == ambiguity_note(None, digits) == ambiguity_note(6, data_set("clothes")) == ""


def test_the_upright_frame_may_be_anywhere_on_the_loop():
    found = stability(winners(1, 1, 2, 1), angles_deg=np.array([-180.0, -90.0, 0.0, 90.0]))
    assert found.upright == 2
    assert found.agreement == 0.25


def test_large_logits_neither_overflow_nor_lose_their_order():
    found = stability(np.array([[1e5, 0.0], [0.0, -1e5]], dtype=np.float32))
    assert np.isfinite(found.probability).all()
    assert found.winners.tolist() == [0, 0]
    assert entropy(softmax(np.array([[1e5, 0.0]])))[0] == 0.0


@pytest.mark.parametrize(
    ("logits", "arguments", "rule"),
    [
        (np.zeros((1, 3)), {}, "at least 2 frames"),
        (np.array([[0.0, np.nan], [0.0, 1.0]]), {}, "finite"),
        (np.zeros((4, 3)), {"label": 3}, "label must be in 0..2, got 3"),
        (np.zeros((4, 3)), {"angles_deg": np.array([0.0, 30.0, 60.0, 90.0])}, "equispaced"),
        (np.zeros((4, 3)), {"angles_deg": np.array([10.0, 100.0, 190.0, 280.0])}, "contain 0"),
    ],
)
def test_what_makes_no_sense_is_refused(logits, arguments, rule):
    with pytest.raises(ValueError, match=rule):
        stability(logits, **arguments)
