"""``make``: what is shipped beside the weights, made from them again after they changed."""

from __future__ import annotations

import argparse
import os
from functools import partial
from pathlib import Path

from e2viz import places
from e2viz.commands.options import Commands

# What fills pages when they open, by the word of the command.
KEPT = {
    "sweeps": "sweeps of all samples, which fill the first screen",
    "results": "results of the pages that measure",
    "panels": "attention and feature maps",
}


def add(commands: Commands) -> None:
    make = commands.group("make", "what is shipped beside the weights, for those who change them")
    for name, about in KEPT.items():
        each = make.add(name, partial(_kept, name), about)
        each.add_argument("--check", action="store_true", help="change nothing; exit 1 if anything is stale")
        each.add_argument("--force", action="store_true", help="make what agrees again too")
        each.add_argument("--prune", action="store_true", help="only remove what does not agree")
        each.add_argument("--page", action="append", help="only this page")
        each.add_argument("--sample", action="append", help="only this sample")
    make.add("icon", _icon, "icon and favicon, from the stored sweep of a digit")
    gallery = make.add("gallery", _gallery, "the animations of the gallery, each below 3 MB")
    gallery.add_argument("--only", action="append", default=[], help="only this one; may be given again")
    gallery.add_argument("--out", type=Path, help="folder to write to; beside the recipes by default")
    gallery.add_argument("--data", type=Path, help="folder of data sets: a blood cell is turned too; else $E2VIZ_DATA")
    samples = make.add("samples", _samples, "the sample pictures of IDX files, and their index")
    samples.add_argument("data", type=Path, help="folder that holds mnist/ and fashion_mnist/ as IDX files")


def _kept(name: str, arguments: argparse.Namespace) -> int:
    from e2viz.kept.making import remake, stale
    from e2viz.scenes import shipped

    pages = {"sweeps": shipped.SWEEPS, "results": shipped.RESULTS, "panels": shipped.PANELS}[name]
    for page in arguments.page or ():
        if page not in pages:
            raise LookupError(f"no shipped page is called {page[:80]!r}; there are {', '.join(pages)}")
    pages = {page: pages[page] for page in arguments.page or pages}
    if arguments.check:
        wrong = stale(pages, names=arguments.sample)
        print("\n".join(wrong) or f"all shipped {name} agree with their weights and pictures")
        return int(bool(wrong))
    remake(pages, names=arguments.sample, force=arguments.force, only_remove=arguments.prune)
    return 0


def _gallery(arguments: argparse.Namespace) -> int:
    from e2viz.scenes.gallery import make_all

    if arguments.data is not None:
        os.environ[places.DATA_VARIABLE] = str(arguments.data.resolve())
    make_all(arguments.out, tuple(arguments.only))
    return 0


def _icon(arguments: argparse.Namespace) -> int:
    from e2viz.scenes.icon import write

    write()
    return 0


def _samples(arguments: argparse.Namespace) -> int:
    from e2viz.data.samples import make

    print("\n".join(make(arguments.data)))
    return 0
