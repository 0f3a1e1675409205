"""The result of a sweep: what models saw, said and held at each angle; parts of it joined, models set beside others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from e2viz.data.data_set import DataSet
from e2viz.measure.stability import Stability, softmax, stability

FORMAT = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Sweep:
    """The result of a sweep. Records are in the picture's upright orientation, for every model.

    Attributes:
        angles_deg: [frame] counter-clockwise.
        images: what the first model saw, in [0, 1], before normalising.
        seen: by model, what it saw; models that see the same share it. Empty in sweeps whose models all saw
            ``images``.
        data: by model, the data set that it knows; None where it knows none.
        logits: by model.
        records: by model and probe, float32; the first axis is the frame.
        kinds: by model and probe, the probe's kind.
        checksums: by model, of its weights.
        picture: the picture's checksum.
        method: "fair" or "naive".
        query: a digest of the query pixels of attention probes; "" if there were none.
    """

    angles_deg: Float[np.ndarray, " frame"]
    images: Float[np.ndarray, "frame channel height width"] = field(repr=False)
    logits: dict[str, Float[np.ndarray, "frame class"]] = field(repr=False)
    records: dict[str, dict[str, np.ndarray]] = field(default_factory=dict, repr=False)
    kinds: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    checksums: dict[str, str] = field(default_factory=dict)
    picture: str = ""
    method: str = "fair"
    query: str = ""
    seen: dict[str, Float[np.ndarray, "frame channel_ height_ width_"]] = field(default_factory=dict, repr=False)
    data: dict[str, DataSet | None] = field(default_factory=dict, repr=False)

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models, in the order asked for."""
        return tuple(self.logits)

    @property
    def key(self) -> str:
        """16 hexadecimal digits that change with the picture, weights, angles, method, probes or query pixels."""
        asked = {model: sorted(records) for model, records in self.records.items()}
        angles = [round(float(angle), 4) for angle in self.angles_deg]
        facts = [FORMAT, self.picture, self.method, angles, sorted(self.checksums.items()), asked, self.query]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]

    def inputs(self) -> list[tuple[tuple[str, ...], np.ndarray]]:
        """Each different input once, with the models that saw it: ([model, ...], [frame channel height width])."""
        found: list[tuple[list[str], np.ndarray]] = []
        for model in self.models:
            images = self.seen.get(model, self.images)
            same = next((names for names, known in found if known is images or _equal(known, images)), None)
            if same is None:
                found.append(([model], images))
            else:
                same.append(model)
        return [(tuple(names), images) for names, images in found]

    def class_names(self, model: str) -> tuple[str, ...]:
        """Names of a model's classes; their numbers where it knows no data set."""
        found = self.data.get(model)
        return found.class_names if found else tuple(map(str, range(self.logits[model].shape[1])))

    def probability(self, model: str) -> Float[np.ndarray, "frame class"]:
        """Softmax of one model's logits."""
        return softmax(self.logits[model])

    def stability(self, model: str, label: int | None = None) -> Stability:
        """Every stability measure of one model; the angles must be one closed loop."""
        return stability(self.logits[model], label, self.angles_deg, data=self.data.get(model))

    def record(self, model: str, probe: str) -> Float[Tensor, "frame *shape"]:
        """One record as a tensor, for ``stabilise`` and its like."""
        return torch.from_numpy(np.asarray(self.records[model][probe], dtype=np.float32))

    def at(self, frames: Sequence[int]) -> Sweep:
        """The sweep at some of its frames."""
        chosen = list(frames)
        return replace(
            self,
            angles_deg=self.angles_deg[chosen],
            images=self.images[chosen],
            seen={model: images[chosen] for model, images in self.seen.items()},
            logits={model: values[chosen] for model, values in self.logits.items()},
            records={
                model: {probe: values[chosen] for probe, values in records.items()}
                for model, records in self.records.items()
            },
        )


def joined(parts: Sequence[Sweep]) -> Sweep:
    """One sweep of parts that follow each other."""
    first = parts[0]
    return replace(
        first,
        angles_deg=np.concatenate([part.angles_deg for part in parts]),
        images=np.concatenate([part.images for part in parts]),
        seen={model: np.concatenate([part.seen[model] for part in parts]) for model in first.seen},
        logits={model: np.concatenate([part.logits[model] for part in parts]) for model in first.logits},
        records={
            model: {probe: np.concatenate([part.records[model][probe] for part in parts]) for probe in held}
            for model, held in first.records.items()
        },
    )


def beside(sweeps: Sequence[Sweep]) -> Sweep:
    """One sweep of sweeps of the same picture and angles by different models.

    Raises:
        ValueError: if they differ in more than the models.
    """
    first = sweeps[0]
    for other in sweeps[1:]:
        same = (other.picture, other.method, other.query) == (first.picture, first.method, first.query)
        if not same or not np.array_equal(other.angles_deg, first.angles_deg):
            raise ValueError(f"sweeps must be of one picture, method and angles, got {first} and {other}")
    together = {model: each.seen.get(model, each.images) for each in sweeps for model in each.models}
    alike = all(images.shape == first.images.shape and _equal(images, first.images) for images in together.values())
    return replace(
        first,
        seen={} if alike else together,
        logits=dict(pair for each in sweeps for pair in each.logits.items()),
        records=dict(pair for each in sweeps for pair in each.records.items()),
        kinds=dict(pair for each in sweeps for pair in each.kinds.items()),
        checksums=dict(pair for each in sweeps for pair in each.checksums.items()),
        data=dict(pair for each in sweeps for pair in each.data.items()),
    )


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and np.array_equal(one, other)
