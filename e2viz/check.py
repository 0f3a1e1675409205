"""Is a trained model, here and now, what its card says? Checksum, golden output, and the symmetry it claims."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from e2viz.architectures import ARCHITECTURES
from e2viz.measure.equivariance import equivariance_error
from e2viz.nn.paths import attention_path
from e2viz.zoo.catalogue import load
from e2viz.zoo.golden import golden_images
from e2viz.zoo.weights import Model, WeightsError

GOLDEN_TOLERANCE = 1e-3
EQUIVARIANCE_TOLERANCE = 1e-4


@dataclass(frozen=True, kw_only=True)
class Check:
    """What was found out about one model.

    Args:
        checksum: of the weights file; "" when it could not be opened.
        golden_difference: largest distance of the logits from those on the card.
        equivariance_error: largest relative error of the logits over the exact elements of its group; of D4 for a
            model that claims no symmetry.
        claims_symmetry: whether that error must be small.
        attention: which implementation of attention is in use, and why.
        problem: what is wrong, or "".
    """

    name: str
    checksum: str = ""
    golden_difference: float = 0.0
    equivariance_error: float = 0.0
    claims_symmetry: bool = False
    attention: str = ""
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        if not self.checksum:
            return f"{self.name}: {self.problem}"
        symmetry = "must be below" if self.claims_symmetry else "claims none, so may exceed"
        golden = f"golden output within {self.golden_difference:.1e}"
        if math.isnan(self.golden_difference):
            golden = "no golden output"
        return (
            f"{self.name}: {self.problem or 'ok'}\n"
            f"  checksum {self.checksum[:16]} as on the card, {golden}\n"
            f"  equivariance error of the logits {self.equivariance_error:.1e} ({symmetry} {EQUIVARIANCE_TOLERANCE:g})"
        )


def check(name: str) -> Check:
    """Check one trained model of the catalogue.

    Raises:
        LookupError: if there is no such model.
    """
    try:
        model = load(name)
        return check_model(model)
    except WeightsError as error:
        return Check(name=name, problem=str(error))
    except (ValueError, TypeError, RuntimeError, ArithmeticError) as error:  # a card that fits its weights by chance
        return Check(name=name, problem=f"it cannot be run: {error}")


def check_model(model: Model) -> Check:
    """Check a model that is already open."""
    card = model.card
    golden = model.golden_difference()
    found = equivariance_error(model, golden_images(card.channels, card.image_size), probes=["logits"])
    error = found.probes["logits"].worst_exact
    promised = getattr(model.network, "invariant", True)  # which a wrapped model may say of itself
    architecture = ARCHITECTURES.get(card.architecture)
    claims = bool(card.group) and promised and (architecture is None or architecture.equivariant)
    problems = []
    if card.golden and not golden <= GOLDEN_TOLERANCE:
        problems.append(f"golden output must be within {GOLDEN_TOLERANCE:g}, got {golden:.3g}")
    if claims and not error <= EQUIVARIANCE_TOLERANCE:
        problems.append(f"equivariance error must be at most {EQUIVARIANCE_TOLERANCE:g}, got {error:.3g}")
    return Check(
        name=model.name,
        checksum=model.checksum,
        golden_difference=golden,
        equivariance_error=error,
        claims_symmetry=claims,
        attention=attention_path(),
        problem="; ".join(problems),
    )
