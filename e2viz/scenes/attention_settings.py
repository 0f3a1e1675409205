"""What the attention page lets one choose. Values are what the page's widgets show and write into its link."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from e2viz.scenes.planes import SIZE

VIEWS = ("turning", "figure 6")
SPREADS = {"output element v": "v", "query element g": "g", "key element m": "m", "head": "head"}
TOKEN_SPREADS = ("heads", "layers")
SUM, FIRST, LAST, AUTO = "sum", "0°", "last", "auto"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the page lets one choose.

    Args:
        view: "turning", or "figure 6": the quarter turns below each other.
        layer: probe of the group models; "auto" for the first layer whose pixels are larger than the picture's.
        spread: which axis has a panel for each of its entries, a key of `SPREADS`.
        head: counted from 1; 0 for the mean of the heads.
        v: name of the output element.
        g: name of the query element, or "sum".
        m: name of the key element, or "sum".
        row: of the query pixel on the upright 28 × 28 picture; -1 for the strongest edge near its middle.
        column: of the query pixel.
        token_layer: attention probe of a ViT, or "last".
        token_spread: "heads" of one layer, or "layers" with heads averaged.

    Raises:
        ValueError: for a choice that there is not.
    """

    view: str = "turning"
    layer: str = AUTO
    spread: str = "output element v"
    head: int = 0
    v: str = FIRST
    g: str = SUM
    m: str = SUM
    row: int = -1
    column: int = -1
    token_layer: str = LAST
    token_spread: str = "heads"

    def __post_init__(self) -> None:
        for name, choices in (("view", VIEWS), ("spread", tuple(SPREADS)), ("token_spread", TOKEN_SPREADS)):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, got {getattr(self, name)!r}")
        if max(self.row, self.column) >= SIZE:
            raise ValueError(f"row and column must be below {SIZE}, got {self.row} and {self.column}")

    @property
    def axis(self) -> str:
        """The spread axis: "v", "g", "m" or "head"."""
        return SPREADS[self.spread]

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> Settings:
        """The settings of a recipe.

        Raises:
            ValueError: for one that the page does not have.
        """
        if unknown := set(settings) - {each.name for each in fields(cls)}:
            raise ValueError(f"the attention page has no setting {', '.join(sorted(unknown))}")
        return cls(**settings)

    def changed(self) -> dict[str, Any]:
        """Those that are not as at first; a recipe holds no others."""
        return {
            each.name: getattr(self, each.name) for each in fields(self) if getattr(self, each.name) != each.default
        }
