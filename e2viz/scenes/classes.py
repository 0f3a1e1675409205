"""Which classes are drawn: all of a few, and of many those that a model says, with the likeliest other one beside."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float

# As many bars as stand beside the dial, and as many colours as can be told apart.
MOST = 12
ANOTHER = "another class"

Probabilities = Mapping[str, Float[np.ndarray, "frame class"]]
Names = Mapping[str, tuple[str, ...]]


def drawn(probability: Probabilities, classes: Names) -> tuple[dict[str, np.ndarray], dict[str, tuple[str, ...]]]:
    """The probabilities and class names that rings and bars show.

    Models with the same classes keep the same ones, so that one colour means one class. The last of them stands for the
    likeliest of all that are not drawn by themselves, so that the largest is the model's answer at every angle. Files
    of numbers hold every class.

    Args:
        probability: by model.
        classes: names of each model's classes.
    """
    chosen: dict[tuple[str, ...], list[int]] = {}
    for names in set(classes.values()):
        if len(names) > MOST:
            together = [probability[model] for model, each in classes.items() if each == names]
            chosen[names] = _most_said(together)
    found, shown = {}, {}
    for model, values in probability.items():
        names = classes[model]
        if names not in chosen:
            found[model], shown[model] = values, names
            continue
        kept = chosen[names]
        rest = np.delete(values, kept, axis=1).max(axis=1, keepdims=True)
        found[model] = np.concatenate([values[:, kept], rest], axis=1)
        shown[model] = (*(names[index] for index in kept), ANOTHER)
    return found, shown


def _most_said(together: list[np.ndarray]) -> list[int]:
    """Places of the classes that win most often, then of those that come nearest to it; in their own order."""
    classes = together[0].shape[1]
    wins = np.sum([np.bincount(values.argmax(1), minlength=classes) for values in together], axis=0)
    nearest = np.max([values.max(0) for values in together], axis=0)
    order = np.lexsort((-nearest, -wins))
    return sorted(int(index) for index in order[: MOST - 1])
