"""The card of a model that has just arrived: measured on the spot, on samples that anybody can look at."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from xml.sax.saxutils import escape

import numpy as np
import torch

from e2viz.data import DataSet, data_set, list_data
from e2viz.data.class_folders import folder_name
from e2viz.data.samples import sample, sample_names
from e2viz.images.picture import Picture
from e2viz.measure.equivariance import equivariance_error, untrained_copy
from e2viz.measure.subject import subject
from e2viz.measure.sweep import sweep
from e2viz.zoo.weights import Model

ANGLES_DEG = np.arange(12) * 30.0
MOST_SAMPLES = 4
TIMED = 5
# Quarter turns and mirror images, without the picture as it is.
SQUARE = tuple(range(1, 8))


@dataclass(frozen=True, kw_only=True)
class SelfTest:
    """What was measured when a model arrived.

    Args:
        parameters: numbers in the weights.
        size_bytes: of the file.
        image_ms: milliseconds an image, the median of a few single ones.
        turned, mirrored: largest relative change of the logits under quarter turns, and under mirror images.
        control: the same of the largest, for the model with shuffled or fresh weights; None where there is none.
        flip_rate: share of neighbouring angles of a turn between which the answer changes, mean of the samples.
        angles: of a turn.
        samples: what was turned, by name.
        of: what the samples are.
    """

    parameters: int
    size_bytes: int
    image_ms: float
    turned: float
    mirrored: float
    control: float | None
    flip_rate: float
    angles: int
    samples: tuple[str, ...]
    of: str

    @property
    def sentence(self) -> str:
        """What it comes to, in words."""
        if self.turned < 1e-4:
            return "Quarter turns do not change its answer."
        ratio = self.turned / self.control if self.control else 1.0
        share = "about as much as" if 0.8 <= ratio <= 1.25 else "less than" if ratio < 1 else "more than"
        beside = (
            "" if self.control is None else f", {share} the same network with shuffled weights ({self.control:.2g})"
        )
        return (
            f"A quarter turn moves its logits by {self.turned:.2g} of their size{beside}; in a turn of "
            f"{self.angles} angles its answer changes {100 * self.flip_rate:.0f} % of the time."
        )  # fmt: skip

    @property
    def rows(self) -> dict[str, str]:
        """The card, line by line."""
        return {
            "parameters": f"{self.parameters:,}",
            "file": f"{self.size_bytes / 1e6:.1f} MB",
            "time an image": f"{self.image_ms:.1f} ms",
            "error at quarter turns": f"{self.turned:.2g}",
            "error at mirror images": f"{self.mirrored:.2g}",
            "error of the shuffled control": "not possible" if self.control is None else f"{self.control:.2g}",
            "flip rate": f"{100 * self.flip_rate:.1f} % over {len(self.samples)} {self.of}, {self.angles} angles",
        }

    def badge(self) -> str:
        """An SVG badge that says how far quarter turns move the answer."""
        still = self.turned < 1e-4
        said = "does not move" if still else f"moves {self.turned:.2g} · flips {100 * self.flip_rate:.0f} %"
        return badge("quarter turn", said, "#1d7a4f" if still else "#b3541e")


def badge(left: str, right: str, color: str) -> str:
    """A flat badge of two halves, as SVG; it needs no font and no server."""
    widths = [10 + 6.6 * len(words) for words in (left, right)]
    whole = sum(widths)
    halves = "".join(
        f'<rect x="{x:.0f}" width="{width:.0f}" height="20" fill="{fill}"/>'
        f'<text x="{x + width / 2:.0f}" y="14" fill="#fff" text-anchor="middle">{escape(words)}</text>'
        for x, width, fill, words in ((0, widths[0], "#444", left), (widths[0], widths[1], color, right))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole:.0f}" height="20" role="img" '
        f'aria-label="{escape(left)}: {escape(right)}" font-family="Verdana,sans-serif" font-size="11">{halves}</svg>'
    )


def fitting_data(model: Model) -> DataSet:
    """The data set whose samples fit a model best: of the same classes, else of the same channels, with samples."""
    own = {folder_name(name) for name in model.card.class_names}
    offered = [found for name in list_data() if sample_names(name) for found in [data_set(name)]]

    def place(found: DataSet) -> tuple[int, int]:
        shared = len(own & {folder_name(name) for name in found.class_names})
        return shared, found.channels == model.card.channels

    return max(offered, key=place)


def self_test(
    model: Model,
    size_bytes: int,
    pictures: Sequence[Picture] = (),
    progress: Callable[[int, int], None] | None = None,
) -> SelfTest:
    """Measure a model that has just arrived.

    Args:
        model: any.
        size_bytes: of its file.
        pictures: what is turned; by default samples of the data set that fits.
        progress: called with (pictures done, all); it cancels by raising.
    """
    fits = fitting_data(model)
    chosen = list(pictures) or [sample(name) for name in sample_names(fits.name)[:MOST_SAMPLES]]
    steps = 2 + len(chosen)
    told = progress or (lambda done, total: None)
    size, channels = model.card.image_size, model.card.channels
    noise = torch.rand(1, channels, size, size, generator=torch.Generator().manual_seed(0))
    times = []
    model.logits(noise)
    for _ in range(TIMED):
        started_s = time.perf_counter()
        model.logits(noise)
        times.append(time.perf_counter() - started_s)
    told(1, steps)
    seen = replace(subject(model), group=None)  # every model is asked about the symmetries of the square
    errors = equivariance_error(seen, chosen[0], elements=SQUARE, probes=_logits(model), floor=False)
    by_element = errors.probes[_logits(model)[0]].error[:, 0]
    mirrors = np.array([transform.mirrors for transform in errors.transforms])
    control = None
    if hasattr(model.network, "shuffled"):
        fresh = replace(seen, network=untrained_copy(model.network))
        found = equivariance_error(fresh, chosen[0], elements=SQUARE[:3], probes=_logits(model), floor=False)
        control = float(found.probes[_logits(model)[0]].error.max())
    told(2, steps)
    flips = []
    for place, picture in enumerate(chosen):
        flips.append(sweep([model], picture, ANGLES_DEG).stability(model.name).flip_rate)
        told(3 + place, steps)
    return SelfTest(
        parameters=model.card.parameters,
        size_bytes=size_bytes,
        image_ms=1000 * statistics.median(times),
        turned=float(by_element[~mirrors].max()),
        mirrored=float(by_element[mirrors].max()),
        control=control,
        flip_rate=float(np.mean(flips)),
        angles=len(ANGLES_DEG),
        samples=tuple(picture.name for picture in chosen),
        of="pictures of yours" if pictures else f"{fits.plural} that are shipped",
    )


def _logits(model: Model) -> list[str]:
    """The probe of the logits; the last of that kind, for a network that runs another one inside."""
    return [[name for name, kind in model.probe_kinds().items() if kind == "logits"][-1]]
