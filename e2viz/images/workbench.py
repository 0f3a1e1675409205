"""The state of a picture while it is prepared, and the record of each step."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray
from torch import Tensor

from e2viz.images.ink import shrink
from e2viz.images.picture import Step

SHOWN_LONGEST = 256


@dataclass
class Workbench:
    """Ink, bright whatever the picture looked like; where the drawing is; and how it is shown so far."""

    ink: Float[Tensor, "height width"]
    mask: Bool[Tensor, "height width"]
    dark_on_light: bool
    background: float = 0.0
    steps: list[Step] = field(default_factory=list)

    @property
    def values(self) -> Float[Tensor, "height width"]:
        """The picture as it looks now: light paper until the step that inverts it."""
        return 1 - self.ink if self.dark_on_light else self.ink

    @property
    def shown_background(self) -> float:
        """The background's value in `values`."""
        return 1 - self.background if self.dark_on_light else self.background

    def step(self, name: str, wanted: bool, change: Callable[[], None], words: str, idle: str | None = None) -> None:
        """Take one step and record it with the picture before and after.

        Args:
            name: one word, also the name of the switch.
            wanted: False when the person switched it off.
            change: alters this bench.
            words: what the step does, for the screen.
            idle: why there is nothing to do, if so.
        """
        before = as_bytes(self.values)
        if wanted and idle is None:
            change()
        why = words if wanted and idle is None else f"not needed: {idle}" if wanted else "switched off"
        taken = wanted and idle is None
        self.steps.append(Step(name=name, taken=taken, why=why, before=before, after=as_bytes(self.values)))


def as_bytes(
    values: Float[Tensor, "*channel height width"], longest: int = SHOWN_LONGEST
) -> UInt8[ndarray, "shown_height shown_width *shown_channel"]:
    """A small copy for showing: uint8, channels last where there are any."""
    planes = values if values.ndim == 3 else values[None]
    small = torch.stack([shrink(plane, longest) for plane in planes], dim=-1)
    shown = (small.clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    return shown if values.ndim == 3 else shown[..., 0]
