"""What models said over the turn: a ring, bars or a curve for each of them."""

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
    """

    label: str
    color: str
    classes: Integer[Array, " frame"]
    probability: Float[Array, " frame"]

    def __post_init__(self) -> None:
        if self.classes.ndim != 1 or self.classes.shape != self.probability.shape or not self.classes.size:
            raise ValueError(
                f"ring classes and probability must be [frame], got {self.classes.shape} and {self.probability.shape}"
            )
        if self.classes.min() < 0:
            raise ValueError(f"ring classes must not be negative, got {self.classes.min()}")
        _check_probability("ring", self.probability)

    @classmethod
    def from_probability(cls, label: str, color: str, probability: Float[Array, "frame class"]) -> "Ring":
        """The ring of the most probable class at each angle."""
        return cls(label, color, probability.argmax(axis=1), probability.max(axis=1))


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
