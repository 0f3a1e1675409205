"""What there is and whether it is what it says: ``models``, ``check``, ``evaluate``, ``export``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from e2viz import places
from e2viz.commands import over_angles
from e2viz.commands.options import Commands, progress

TABLE_START, TABLE_END = "<!-- models -->", "<!-- /models -->"


def add(commands: Commands) -> None:
    models = commands.add("models", _models, "the trained models, with measured accuracy and checksums")
    models.add_argument("--markdown", action="store_true", help="as the README's table")
    models.add_argument("--write", type=Path, metavar="README", help="put the table into that file")

    check = commands.add("check", _check, "checksum, golden output and equivariance self-test")
    check.add_argument("name", nargs="?", help="one model; all without it")
    check.add_argument("--json", action="store_true", help="as JSON")

    evaluate = commands.add("evaluate", _evaluate, "accuracy and stability on the test split", data=True, computes=True)
    evaluate.add_argument("names", nargs="+", metavar="NAME", help="as `e2viz models` lists them")
    evaluate.add_argument("--rotate", type=int, metavar="SEED", help="other random angles than the protocol's")
    evaluate.add_argument("--limit", type=int, help="a quick look at so many images")
    evaluate.add_argument("--run", dest="run_folder", type=Path, help="the best epoch of a run instead of weights/")
    evaluate.add_argument("--json", action="store_true", help="as JSON")
    over_angles.add_options(evaluate)

    export = commands.add("export", _export, "a model as one ONNX file, preparation and views inside")
    export.add_argument("name", help="a name such as vit.rotmnist or vit.rotmnist+mean_c4")
    export.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.onnx", help="where to write it")


def _export(arguments: argparse.Namespace) -> int:
    from e2viz.foreign.export import export
    from e2viz.zoo.catalogue import load

    data = export(load(arguments.name))
    arguments.output.write_bytes(data)
    print(f"{arguments.output}: {len(data) / 1e6:.1f} MB; it takes upright images in [0, 1]")
    return 0


def _models(arguments: argparse.Namespace) -> int:
    from e2viz.zoo import catalogue

    if arguments.write:
        text = arguments.write.read_text(encoding="utf-8")
        before, _, rest = text.partition(TABLE_START)
        _, found, after = rest.partition(TABLE_END)
        if not found:
            raise ValueError(f"{arguments.write} must have {TABLE_START} and {TABLE_END} around the table")
        table = f"{TABLE_START}\n{catalogue.markdown_table(places.WEIGHTS)}\n{TABLE_END}"
        arguments.write.write_text(before + table + after, encoding="utf-8")
    elif arguments.markdown:
        print(catalogue.markdown_table(places.WEIGHTS))
    else:
        print(catalogue.text_table())  # a person's own too
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from e2viz.check import check
    from e2viz.nn.paths import attention_path
    from e2viz.zoo.catalogue import damaged, list_models

    found = [check(name) for name in ([arguments.name] if arguments.name else [*list_models(wrapped=True), *damaged()])]
    if arguments.json:
        print(json.dumps([each.to_dict() for each in found], indent=1))
    else:
        print(f"attention: {attention_path()}")
        print("\n".join(map(str, found)))
    return int(any(each.problem for each in found))


def _evaluate(arguments: argparse.Namespace) -> int:
    if arguments.over_angles:
        return over_angles.over_angles(arguments)
    for name in arguments.names:
        _evaluate_one(name, arguments)
    return 0


def _evaluate_one(name: str, arguments: argparse.Namespace) -> None:
    import dataclasses

    import torch

    from e2viz.data.reading import read_splits
    from e2viz.data.tasks import task
    from e2viz.train.device import device
    from e2viz.train.evaluation import evaluate, in_words
    from e2viz.train.pack import model_of_run
    from e2viz.train.recipes import RECIPES, recipe
    from e2viz.zoo.catalogue import load

    torch.set_num_threads(arguments.threads)
    if arguments.run_folder is None:
        model = load(name)
        tag = model.card.tag
    else:
        model, tag = model_of_run(recipe(name), arguments.run_folder), RECIPES[name].task
    splits = read_splits(task(tag), arguments.data)
    report = None if arguments.json else progress()
    where = device(arguments.device)
    measured = evaluate(model, splits, limit=arguments.limit, seed=arguments.rotate, report=report, where=where)
    found = dataclasses.asdict(measured)
    print(json.dumps({"name": model.name, **found}) if arguments.json else in_words(model.name, measured))
