"""How the tensors of a file differ from those of an architecture: missing, unexpected, of another shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from e2viz.foreign.sizes import Shapes
from e2viz.models import build

MOST_NAMED = 4
RULE = "Weights must have exactly the tensors of an architecture that is known."


@dataclass(frozen=True)
class Misfit:
    """How names and shapes differ from those of an architecture.

    Args:
        name: of what they were compared with.
        missing, unexpected: keys.
        misshapen: key, shape that it must have, shape that it has.
    """

    name: str
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshapen: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]

    @property
    def count(self) -> int:
        return len(self.missing) + len(self.unexpected) + len(self.misshapen)

    def __str__(self) -> str:
        parts = [
            f"{len(keys)} {what} ({', '.join(shown)}{', …' if len(keys) > MOST_NAMED else ''})"
            for what, keys, shown in (
                ("missing", self.missing, self.missing[:MOST_NAMED]),
                ("unexpected", self.unexpected, [key[:80] for key in self.unexpected[:MOST_NAMED]]),
                (
                    "of another shape", self.misshapen,
                    [f"{key} must be {list(must)}, got {list(got)}" for key, must, got in self.misshapen[:MOST_NAMED]],
                ),
            )
            if keys
        ]  # fmt: skip
        return "; ".join(parts)


def misfit(name: str, architecture: str, config: dict[str, Any], shapes: Shapes) -> Misfit:
    """Compare names and shapes with those of an architecture, without giving it memory.

    Raises:
        ValueError: if the configuration does not fit together.
    """
    with torch.device("meta"):
        expected = {key: tuple(each.shape) for key, each in build(architecture, config).state_dict().items()}
    return Misfit(
        name,
        tuple(key for key in expected if key not in shapes),
        tuple(key for key in shapes if key not in expected),
        tuple((key, must, shapes[key]) for key, must in expected.items() if key in shapes and shapes[key] != must),
    )
