"""Cards: nothing is lost on the way to JSON and back; intervals are Wilson's."""

import json
from dataclasses import replace

import pytest

from e2viz.data.table import DATA_SETS
from e2viz.zoo.card import Accuracy, Card, Measured, wilson_interval


def full_card():
    half = Accuracy(correct=81, total=263, of="t10k, upright")
    measured = Measured(
        upright=half, rotated=half, worst_case=half, flip_rate=0.125, stability_images=263, stability_angles=36
    )
    return Card(
        name="vit.test",
        architecture="vit",
        config={"width": 8, "heads": 2},
        recipe={"epochs": 3, "config": {"width": 8}},
        measured=measured,
        golden=((0.5, -1.0), (2.0, 3.0)),
        weights_checksum="ab",
    )


def test_round_trip():
    card = full_card()
    assert Card.from_json(card.to_json()) == card
    assert Card.from_json(Card(name="a", architecture="vit").to_json()) == Card(name="a", architecture="vit")


def test_a_card_names_its_data_set_and_keeps_no_facts_of_it():
    fields = json.loads(full_card().to_json())
    assert fields["data_set"] == "digits" and not {"class_names", "channels", "image_size", "mean", "std"} & set(fields)
    own = replace(DATA_SETS["photos"], name="mine", class_names=("cat", "dog"))
    card = replace(full_card(), data_set=own)
    assert json.loads(card.to_json())["data_set"]["class_names"] == ["cat", "dog"]
    assert Card.from_json(card.to_json()) == card
    with pytest.raises(ValueError, match="no data set is called 'unheard'"):
        Card.from_json(json.dumps({**fields, "data_set": "unheard"}))


def test_a_card_of_version_0_1_is_read():
    fields = json.loads(full_card().to_json())
    del fields["data_set"]
    former = {"channels": 1, "image_size": 28, "mean": [0.286], "std": [0.353], "class_names": ["x"] * 10}
    card = Card.from_json(json.dumps({**fields, **former, "recipe": {"task": "fashion"}}))
    assert card.data_set == DATA_SETS["clothes"] and card.tag == "fashion"
    assert Card.from_json(json.dumps({**fields, **former, "class_names": ["3", "8"]})).class_names == ("3", "8")


def test_wilson_against_a_published_example():
    # Newcombe 1998, table I, method 3: 81 of 263 gives 0.2553 to 0.3662, 0 of 20 gives 0 to 0.1611.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson_interval(20, 20)[1] == 1.0


def test_impossible_counts_are_refused():
    for correct, total in ((3, 2), (-1, 2), (0, 0)):
        with pytest.raises(ValueError, match="counts must be"):
            wilson_interval(correct, total)


def test_accuracy_in_words():
    assert str(Accuracy(correct=81, total=263)) == "30.80 % (25.53 to 36.62)"


def test_bad_cards_are_refused():
    with pytest.raises(ValueError, match="orientation must be"):
        Card(name="a", architecture="vit", orientation="sideways")
    fields = json.loads(full_card().to_json())
    with pytest.raises(ValueError, match="no field wings"):
        Card.from_json(json.dumps({**fields, "wings": 2}))
    with pytest.raises(ValueError, match="needs the field name"):
        Card.from_json(json.dumps({"architecture": "vit"}))
