"""Of many classes those that are said are drawn, and the largest bar is the answer at every angle."""

import numpy as np

from e2viz.measure.stability import softmax
from e2viz.scenes.classes import ANOTHER, MOST, drawn

NAMES = tuple(f"class {k}" for k in range(1000))


def test_a_few_classes_are_left_as_they_are():
    few = softmax(np.random.default_rng(0).normal(size=(5, MOST)))
    said, named = drawn({"a": few}, {"a": NAMES[:MOST]})
    assert said["a"] is few and named["a"] == NAMES[:MOST]


def test_the_largest_is_the_answer_at_every_angle():
    chance = np.random.default_rng(1)
    logits = {name: 3 * chance.normal(size=(72, 1000)) for name in ("one", "other")}
    probability = {name: softmax(values) for name, values in logits.items()}
    said, named = drawn(probability, {"one": NAMES, "other": NAMES})
    assert named["one"] == named["other"] and len(named["one"]) == MOST and named["one"][-1] == ANOTHER
    for name, values in probability.items():
        for frame, winner in enumerate(values.argmax(1)):
            told = named[name][int(said[name][frame].argmax())]
            assert told == NAMES[winner] or (told == ANOTHER and NAMES[winner] not in named[name])
            assert said[name][frame].max() == values[frame].max()


def test_classes_that_win_come_before_those_that_only_come_near():
    values = np.full((4, 50), 0.001)
    values[:3, 7], values[3, 40], values[:, 20] = 0.6, 0.7, 0.35
    _, named = drawn({"a": values}, {"a": NAMES[:50]})
    assert {"class 7", "class 40", "class 20"} <= set(named["a"])
