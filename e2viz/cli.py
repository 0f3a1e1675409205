"""The command line. Each command is a function of its parsed arguments; heavy imports wait until one is chosen."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

import e2viz
from e2viz import places

TABLE_START, TABLE_END = "<!-- models -->", "<!-- /models -->"


def _app(arguments: argparse.Namespace) -> int:
    from streamlit.web import cli as streamlit

    # Streamlit reads its flags from here; its settings lie beside app.py and go before those of the folder one is in.
    sys.argv = ["streamlit", "run", str(places.APP), *arguments.flags]
    return streamlit.main()


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
        print(catalogue.text_table(places.WEIGHTS))
    return 0


def _train(arguments: argparse.Namespace) -> int:
    import torch

    from e2viz.data.tasks import task
    from e2viz.train.data import TrainingData
    from e2viz.train.loop import Run
    from e2viz.train.recipes import recipe

    torch.set_num_threads(arguments.threads)
    chosen = recipe(arguments.recipe)
    data = TrainingData.of(task(chosen.task), arguments.data)
    folder = arguments.runs / chosen.name
    run = Run(chosen, data, folder, resume=arguments.resume, epochs=arguments.epochs)
    finished = run.train(arguments.minutes, lambda line: print(line, flush=True))
    print(f"{'finished' if finished else 'stopped'}; best epoch {run.progress.best_epoch}, in {folder}")
    print(f"next: python -m e2viz pack {chosen.name} --data {arguments.data}")
    return 0


def _pack(arguments: argparse.Namespace) -> int:
    import torch

    from e2viz.data.reading import read_splits
    from e2viz.data.tasks import task
    from e2viz.train.evaluation import in_words
    from e2viz.train.pack import pack
    from e2viz.train.recipes import recipe

    torch.set_num_threads(arguments.threads)
    chosen = recipe(arguments.recipe)
    splits = read_splits(task(chosen.task), arguments.data)
    measure = not arguments.unmeasured
    card = pack(chosen, arguments.runs / chosen.name, splits, places.new_weights(), _progress(), measure=measure)
    print(in_words(card.name, card.measured) if card.measured else f"{card.name}: packed, not measured")
    return 0


def _evaluate(arguments: argparse.Namespace) -> int:
    import dataclasses

    import torch

    from e2viz.data.reading import read_splits
    from e2viz.data.tasks import task
    from e2viz.train.evaluation import evaluate, in_words
    from e2viz.train.pack import model_of_run
    from e2viz.train.recipes import RECIPES, recipe
    from e2viz.zoo.catalogue import load

    torch.set_num_threads(arguments.threads)
    if arguments.run_folder is None:
        model = load(arguments.name)
        name = model.card.tag
    else:
        model, name = model_of_run(recipe(arguments.name), arguments.run_folder), RECIPES[arguments.name].task
    splits = read_splits(task(name), arguments.data)
    report = None if arguments.json else _progress()
    measured = evaluate(model, splits, limit=arguments.limit, seed=arguments.rotate, report=report)
    found = dataclasses.asdict(measured)
    print(json.dumps({"name": model.name, **found}) if arguments.json else in_words(model.name, measured))
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from e2viz.check import check
    from e2viz.nn.functional import attention_path
    from e2viz.zoo.catalogue import damaged, list_models

    found = [check(name) for name in ([arguments.name] if arguments.name else [*list_models(wrapped=True), *damaged()])]
    if arguments.json:
        print(json.dumps([each.to_dict() for each in found], indent=1))
    else:
        print(f"attention: {attention_path()}")
        print("\n".join(map(str, found)))
    return int(any(each.problem for each in found))


def _data(arguments: argparse.Namespace) -> int:
    from e2viz.data.idx import DataError
    from e2viz.data.reading import read_splits
    from e2viz.data.tasks import TASKS
    from e2viz.train.pack import data_checksum

    missing: list[tuple[str, Exception]] = []
    for name, task in TASKS.items():
        try:
            print(f"{name}: {task.words}\n  {data_checksum(read_splits(task, arguments.data))}")
        except (DataError, ValueError) as error:
            missing.append((name, error))
    if len(missing) == len(TASKS):
        raise missing[0][1]
    for name, error in missing:
        print(f"{name}: not here. {error}")
    return 0


def _render(arguments: argparse.Namespace) -> int:
    from dataclasses import replace

    from e2viz.render.embed import read_recipe
    from e2viz.render.encode import encode
    from e2viz.render.formats import FORMATS

    suffix = arguments.output.suffix.lower()
    format = next((name for name, each in FORMATS.items() if each.suffix == suffix), None)
    if format is None:
        known = ", ".join(each.suffix for each in FORMATS.values())
        raise ValueError(f"the output must end in one of {known}, got {suffix[:20] or 'no suffix'}")
    recipe = read_recipe(arguments.recipe)
    asked = {"fps": arguments.fps, "width": arguments.width, "theme": arguments.theme, "scale": arguments.scale,
             "easing": arguments.easing, "loop": arguments.loop, "angle_deg": arguments.angle}  # fmt: skip
    look = replace(recipe.look, **{name: value for name, value in asked.items() if value is not None})

    from e2viz import scenes  # what was refused above needed no model

    scene = scenes.make(recipe)
    data = encode(scene, format, look=look)
    arguments.output.write_bytes(data)
    print(f"{arguments.output}: {len(data) / 1000:,.0f} kB, {scene.frames} frames")
    return 0


def _progress():
    """A function that prints one changing line with the time left, on standard error."""
    from e2viz.train.evaluation import minutes_left

    started = said = time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said > 5 or done == total:
            said = now
            left = minutes_left(done, total, now - started)
            end = "\n" if done == total else ""
            print(f"\r{done:,} of {total:,} images, {left} min left ", end=end, file=sys.stderr, flush=True)

    return report


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(prog="e2viz", description="See what equivariance does inside a ViT.")
    top.add_argument("--version", action="version", version=f"e2viz {e2viz.__version__}")
    commands = top.add_subparsers(dest="command", required=True)

    def command(name: str, run, words: str, *, data: bool = False, runs: bool = False) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=words, description=words)
        added.set_defaults(run=run)
        if data:
            words = "folder that holds mnist/ and fashion_mnist/ as IDX files"
            added.add_argument("--data", type=Path, default=Path("data"), help=words)
            added.add_argument("--threads", type=int, default=1)
        if runs:
            added.add_argument("recipe", help="a name such as vit.rotmnist")
            added.add_argument("--runs", type=Path, default=places.runs(), help="where runs keep their state")
        return added

    words = "open the app in the browser, as e2viz does without a command; takes Streamlit's flags: --server.port 8502"
    command("app", _app, words)

    models = command("models", _models, "the trained models, with measured accuracy and checksums")
    models.add_argument("--markdown", action="store_true", help="as the README's table")
    models.add_argument("--write", type=Path, metavar="README", help="put the table into that file")

    train = command("train", _train, "train a recipe; stops and resumes at any point", data=True, runs=True)
    train.add_argument("--resume", action="store_true", help="continue the run's state, if there is one")
    train.add_argument("--minutes", type=float, default=float("inf"), help="stop cleanly after that long")
    train.add_argument("--epochs", type=int, help="total epochs, instead of the recipe's")

    packing = command("pack", _pack, "evaluate a run's best epoch and write its weights and card", data=True, runs=True)
    packing.add_argument("--unmeasured", action="store_true", help="leave the evaluation for later")

    evaluate = command("evaluate", _evaluate, "accuracy and stability on the test split", data=True)
    evaluate.add_argument("name")
    evaluate.add_argument("--rotate", type=int, metavar="SEED", help="other random angles than the protocol's")
    evaluate.add_argument("--limit", type=int, help="a quick look at so many images")
    evaluate.add_argument("--run", dest="run_folder", type=Path, help="the best epoch of a run instead of weights/")
    evaluate.add_argument("--json", action="store_true")

    check = command("check", _check, "checksum, golden output and equivariance self-test")
    check.add_argument("name", nargs="?", help="one model; all without it")
    check.add_argument("--json", action="store_true")

    render = command("render", _render, "make the file of a recipe, or of a file that carries one, without a browser")
    render.add_argument("recipe", type=Path, metavar="RECIPE", help="recipe JSON, or any file exported by the app")
    kinds = ".gif, .mp4, .webp, .apng, .zip, .html, .png, .svg, .pdf, .csv or .json"
    render.add_argument("-o", "--output", type=Path, required=True, help=f"a {kinds}")
    render.add_argument("--theme", help="light, dark or transparent; all of these: as the recipe says if absent")
    render.add_argument("--width", type=int, help="in pixels")
    render.add_argument("--scale", type=float, help="pixels for each of these, for sharp screens")
    render.add_argument("--fps", type=float, help="angles a second")
    render.add_argument("--easing", help="linear, smooth or quarters")
    render.add_argument("--loop", help="loop, back (there and back) or once")
    render.add_argument("--angle", type=float, help="of a still, in degrees")

    command("data", _data, "what each task is, with the checksums of its splits", data=True)
    return top


def main(words: list[str] | None = None) -> int:
    """Run one command; 0 when it went well, 1 with a message on standard error when not."""
    words = sys.argv[1:] if words is None else words
    if not words or words[0].startswith("--server."):
        words = ["app", *words]
    commands = parser()
    arguments, flags = commands.parse_known_args(words)  # before any import that takes seconds: --help ends here
    if arguments.run is _app:
        arguments.flags = flags
    elif flags:
        commands.error(f"unrecognized arguments: {' '.join(flags)}")

    from e2viz.data.idx import DataError
    from e2viz.images.picture import PictureError
    from e2viz.zoo.weights import WeightsError

    try:
        return arguments.run(arguments)
    except BrokenPipeError:  # whoever read the output has seen enough
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - nothing may be flushed into the closed pipe at exit
        return 0
    except (DataError, PictureError, WeightsError, LookupError, ValueError, OSError) as error:
        print(f"e2viz: {error}", file=sys.stderr)
        return 1
