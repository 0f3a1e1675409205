"""``make``: what is shipped beside the weights, made from them again after they changed."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from e2viz import places
from e2viz.commands.options import Commands


def add(commands: Commands) -> None:
    make = commands.group("make", "what is shipped beside the weights, for those who change them")
    sweeps = make.add("sweeps", _sweeps, "sweeps of all samples, which fill the first screen")
    results = make.add("results", _results, "results of the pages that measure")
    panels = make.add("panels", _panels, "attention and feature maps")
    for each in (sweeps, results, panels):
        each.add_argument("--check", action="store_true", help="change nothing; exit 1 if anything is stale")
    sweeps.add_argument("--force", action="store_true", help="make those that agree again too")
    for each in (results, panels):
        each.add_argument("--prune", action="store_true", help="only remove what other weights made")
        each.add_argument("--page", action="append", help="only this page")
    results.add_argument("--sample", action="append", help="only this sample")
    make.add("icon", _icon, "icon and favicon, from the stored sweep of a digit")
    gallery = make.add("gallery", _gallery, "the animations of the gallery, each below 3 MB")
    gallery.add_argument("--only", action="append", default=[], help="only this one; may be given again")
    gallery.add_argument("--out", type=Path, help="folder to write to; beside the recipes by default")
    gallery.add_argument("--data", type=Path, help="folder of data sets: a blood cell is turned too; else $E2VIZ_DATA")
    samples = make.add("samples", _samples, "the sample pictures of IDX files, and their index")
    samples.add_argument("data", type=Path, help="folder that holds mnist/ and fashion_mnist/ as IDX files")


def _said(wrong: list[str], fine: str) -> int:
    print("\n".join(wrong) or fine)
    return int(bool(wrong))


def _sweeps(arguments: argparse.Namespace) -> int:
    from e2viz.scenes import sweeps

    if arguments.check:
        return _said(sweeps.stale(), "all stored sweeps agree with their weights and pictures")
    sweeps.remake(force=arguments.force)
    return 0


def _gallery(arguments: argparse.Namespace) -> int:
    from e2viz.scenes.gallery import make_all

    if arguments.data is not None:
        os.environ[places.DATA_VARIABLE] = str(arguments.data.resolve())
    make_all(arguments.out, tuple(arguments.only))
    return 0


def _results(arguments: argparse.Namespace) -> int:
    from e2viz.scenes import shipped

    if arguments.check:
        return _said(shipped.stale(names=arguments.sample), "all shipped results agree with their weights and pictures")
    if arguments.prune:
        shipped.prune()
    else:
        shipped.remake(pages=_pages(arguments.page, tuple(shipped.PAGES)), names=arguments.sample)
    return 0


def _panels(arguments: argparse.Namespace) -> int:
    from e2viz.scenes import keep

    if arguments.check:
        return _said(keep.stale(), "all kept parts agree with their weights")
    if arguments.prune:
        keep.prune()
    else:
        keep.remake(pages=_pages(arguments.page, tuple(keep.PAGES)))
    return 0


def _pages(chosen: list[str] | None, there: tuple[str, ...]) -> tuple[str, ...]:
    for page in chosen or ():
        if page not in there:
            raise LookupError(f"no shipped page is called {page[:80]!r}; there are {', '.join(there)}")
    return tuple(chosen or there)


def _icon(arguments: argparse.Namespace) -> int:
    from e2viz.scenes.icon import write

    write()
    return 0


def _samples(arguments: argparse.Namespace) -> int:
    from e2viz.data.samples import make

    print("\n".join(make(arguments.data)))
    return 0
