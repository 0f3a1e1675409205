"""The gate of the gated search, chosen on validation pictures: ``python -m benchmarks.gate --data DIR``.

For each base, accuracy of the search behind gates of several heights, on validation pictures as they are and the same
turned. Test pictures are never looked at. The gate in e2viz/nn/choosing.py is that of the best mean of both, over the
bases.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from e2viz.data.reading import read_splits
from e2viz.data.tasks import task
from e2viz.nn.choosing import gated_search
from e2viz.train.evaluation import turned_again
from e2viz.train.features import TURN_SEED, features_folder, view_features
from e2viz.zoo import catalogue
from e2viz.zoo.wrapped import wrap

BASES = {"vit.mnist": "c16", "vit.photos": "c4"}
GATES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, float("inf"))


def accuracies(base: str, group: str, data: Path, runs: Path, images: int) -> dict[str, list[float]]:
    """Percent right behind each gate, on validation pictures as they are and turned."""
    model = wrap(catalogue.load(base), "mean", group)
    head = model.network.parts[1]  # type: ignore[union-attr, index]
    split = read_splits(task(model.card.tag), data).validation
    folder = features_folder(runs, model)
    found = {}
    for name, part in (("upright", split), ("turned", turned_again(split, TURN_SEED))):
        seen = view_features(model, part, folder / f"gate-{name}", limit=images)
        with torch.no_grad():
            logits = head(seen.embeddings)  # type: ignore[operator]
        found[name] = [
            100 * float((gated_search(logits, gate).argmax(-1) == seen.labels).float().mean()) for gate in GATES
        ]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--images", type=int, default=1_000, help="validation pictures of each base")
    arguments = parser.parse_args()
    means = torch.zeros(len(GATES))
    print("gate, nats     " + "".join(f"{gate:>8g}" for gate in GATES))
    for base, group in BASES.items():
        for name, row in accuracies(base, group, arguments.data, arguments.runs, arguments.images).items():
            print(f"{base} {name:8}"[:15].ljust(15) + "".join(f"{each:8.2f}" for each in row), flush=True)
            means += torch.tensor(row) / (2 * len(BASES))
    print("mean           " + "".join(f"{each:8.2f}" for each in means))
    print(f"best: {GATES[int(means.argmax())]:g} nats")


if __name__ == "__main__":
    main()
