"""``evaluate NAME… --over-angles``: a whole test split at every angle, here or on a cluster."""

from __future__ import annotations

import argparse
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from e2viz import places, whole
from e2viz.commands.options import progress

if TYPE_CHECKING:
    from e2viz.measure.over_data import OverData
    from e2viz.train.over_angles import Mapper


def add_options(evaluate: argparse.ArgumentParser) -> None:
    """What ``evaluate`` takes for it."""
    group = evaluate.add_argument_group("over angles")
    words = "the test pictures at every angle: accuracy with its band, flips, worst case, calibration, confusion"
    group.add_argument("--over-angles", action="store_true", help=words)
    group.add_argument("--angles", type=int, default=72, help="how many, equispaced over one turn")
    words = "compute on the workers of a Dask cluster: its address, or local"
    group.add_argument("--scheduler", metavar="ADDRESS|local", help=words)
    group.add_argument("--runs", type=Path, default=places.runs(), help="where parts are kept, to be gone on with")
    group.add_argument("--output", type=Path, help="a .csv, or a figure: .svg, .png, .pdf, .gif, ...")
    group.add_argument("--store", action="store_true", help="put the results where the app finds them")


def over_angles(arguments: argparse.Namespace) -> int:
    """Measure each named model, print what was found, and write what is asked for."""
    import torch

    from e2viz.data import reading
    from e2viz.data.tasks import task
    from e2viz.measure.over_data import summary
    from e2viz.train.device import device
    from e2viz.train.over_angles import evaluate_over_angles, store
    from e2viz.zoo import catalogue

    torch.set_num_threads(arguments.threads)
    results: dict[str, OverData] = {}
    with _mapper(arguments.scheduler) as mapper:
        for name in arguments.names:
            model = catalogue.load(name)
            split = reading.read_splits(task(model.card.tag), arguments.data).test_upright
            results[name] = evaluate_over_angles(
                model, split, angles=arguments.angles, limit=arguments.limit,
                folder=arguments.runs / "over_angles", mapper=mapper,
                report=None if arguments.json else progress(), where=device(arguments.device),
            )  # fmt: skip
            if arguments.store:
                store(results[name])
    if arguments.output:
        _write(arguments.output, results)
    if arguments.json:
        print(json.dumps([json.loads(found.to_json()) for found in results.values()]))
        return 0
    for name, found in results.items():
        print(name)
        rows = summary({name: found}, catalogue.load(name).card.class_names)
        print("\n".join(f"  {head:21} {cells[0]}" for head, cells in rows.items() if head != "model"))
    return 0


@contextlib.contextmanager
def _mapper(scheduler: str | None) -> Iterator[Mapper]:
    from e2viz.train.over_angles import one_after_another

    if scheduler is None:
        yield one_after_another
        return
    from e2viz.train.cluster import workers

    with workers(scheduler) as mapper:
        yield mapper


def _write(path: Path, results: dict[str, OverData]) -> None:
    """The numbers as CSV, or the figure that the app shows."""
    from e2viz.render.encode import encode
    from e2viz.render.formats import FORMATS
    from e2viz.scenes import over_data

    format = next((name for name, each in FORMATS.items() if each.suffix == path.suffix.lower()), None)
    if format is None:
        known = ", ".join(each.suffix for each in FORMATS.values())
        raise ValueError(f"the output must end in one of {known}, got {path.suffix[:20] or 'no suffix'}")
    whole.write_bytes(path, encode(over_data.compose(results), format))
    print(f"{path}: {path.stat().st_size / 1000:,.0f} kB")
