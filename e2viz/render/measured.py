"""What models said over the turn: a ring, bars or a curve for each of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

Array = np.ndarray


def _check_probability(what: str, probability: Array) -> None:
    if not np.isfinite(probability).all() or probability.min() < -1e-4 or probability.max() > 1 + 1e-4:
        raise ValueError(f"{what} probabilities must lie in [0, 1], got {probability.min()} to {probability.max()}")


@dataclass(frozen=True, eq=False)
class Ring:
    """What one model predicts at each angle: the stability ring.

    Args:
        label: the model's name on screen.
        color: the model's colour, "#rrggbb".
        classes: [frame] the predicted class.
        probability: [frame] the probability of that class.
        class_names: of every class; () where the ring stands beside bars that name them.
    """

    label: str
    color: str
    classes: Integer[Array, " frame"]
    probability: Float[Array, " frame"]
    class_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.classes.ndim != 1 or self.classes.shape != self.probability.shape or not self.classes.size:
            raise ValueError(
                f"ring classes and probability must be [frame], got {self.classes.shape} and {self.probability.shape}"
            )
        if self.classes.min() < 0:
            raise ValueError(f"ring classes must not be negative, got {self.classes.min()}")
        _check_probability("ring", self.probability)

    @classmethod
    def from_probability(
        cls, label: str, color: str, probability: Float[Array, "frame class"], class_names: tuple[str, ...] = ()
    ) -> "Ring":
        """The ring of the most probable class at each angle."""
        return cls(label, color, probability.argmax(axis=1), probability.max(axis=1), class_names)

    def said(self) -> list[str]:
        """The name of the predicted class at each angle, or its number where no names are known."""
        names = self.class_names
        return [names[index] if index < len(names) else str(index) for index in self.classes.tolist()]


def two_letters(class_names: Sequence[str]) -> tuple[str, ...]:
    """What stands for each class where there is no room for its name; no two are the same while letters are left.

    The first two letters; where others begin so too the number that it ends with, the initials of its words, or its
    first letter and a later one.
    """
    short = [name[:2] for name in class_names]
    found: list[str] = []
    for name in class_names:
        number = re.findall(r"\d{1,2}$", name)
        initials = re.findall(r"\b(\w)\w* (\w)", name)[:1]
        ways = [*number, *map("".join, initials), *(name[0] + letter for letter in name[1:])]
        alone = short.count(name[:2]) == 1
        free = [way for way in ways if way not in found and way not in short and " " not in way]
        found.append(name[:2] if alone or not free else free[0])
    return tuple(found)


@dataclass(frozen=True, eq=False)
class Bars:
    """The probability of every class at each angle, for one model."""

    label: str
    color: str
    probability: Float[Array, "frame class"]
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.probability.ndim != 2 or self.probability.shape[1] != len(self.class_names):
            raise ValueError(
                f"bars must be [frame class] with a name for each class, got shape {self.probability.shape} "
                f"and {len(self.class_names)} names"
            )
        _check_probability("bar", self.probability)


@dataclass(frozen=True, eq=False)
class Curve:
    """One quantity of one model against angle, e.g. an equivariance error.

    Curves of one `quantity` share one plot. `dashed` marks a reference (a floor, a ceiling); `band` is the interval
    of each value, [frame 2], drawn as bars.
    """

    label: str
    color: str
    values: Float[Array, " frame"]
    quantity: str = ""
    dashed: bool = False
    band: Float[Array, "frame 2"] | None = None

    def __post_init__(self) -> None:
        if self.band is not None and self.band.shape != (len(self.values), 2):
            raise ValueError(f"a curve's band must be [{len(self.values)} 2], got shape {self.band.shape}")
        if self.values.ndim != 1 or not np.isfinite(self.values).all():
            raise ValueError(f"curve values must be finite and [frame], got shape {self.values.shape}")
