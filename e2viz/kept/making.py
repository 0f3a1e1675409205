"""Make, check and remove what is shipped; the same for every page.

``e2viz make`` makes what is missing or was made from other weights, another picture or other settings; with ``--check``
it only says so, with ``--prune`` it only removes what does not agree, and the pages then measure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from e2viz.images.picture import Picture
from e2viz.kept import archive, entries
from e2viz.kept.entries import FOLDER, Entry, Facts


@dataclass(frozen=True)
class Wanted:
    """An entry that should be there.

    Args:
        key: of the entry in its file.
        facts: what it is to be made from.
        make: makes it.
    """

    key: str
    facts: Facts
    make: Callable[[], Entry]


@dataclass(frozen=True)
class Page:
    """What a page shows at once.

    Args:
        name: its folder.
        samples: names of the samples it is kept for.
        wanted: the entries for a picture; none where nothing is to be kept.
        picture: a sample by its name.
    """

    name: str
    samples: Callable[[], Sequence[str]]
    wanted: Callable[[Picture], Iterator[Wanted]]
    picture: Callable[[str], Picture]


Pages = Mapping[str, Page]


def stale(pages: Pages, folder: Path = FOLDER, names: Sequence[str] | None = None) -> list[str]:
    """What is missing or does not agree, by page and sample; empty when all is well.

    Args:
        pages: which to look at.
        folder: where entries are kept.
        names: samples; all by default, and then also files that belong to no sample.
    """
    found = []
    for page in pages.values():
        chosen = _samples(page, names)
        for name in chosen:
            kept = _facts(page, name, folder)
            picture = page.picture(name)
            wanted = {each.key: entries.comparable(each.facts, picture) for each in page.wanted(picture)}
            for key, facts in wanted.items():
                if key not in kept:
                    found.append(f"{page.name}/{name}: {key} is missing")
                elif kept[key] != facts:
                    found.append(f"{page.name}/{name}: {key} was made from {_what(kept[key], facts)}")
            found += [f"{page.name}/{name}: {key} does not belong here" for key in kept if key not in wanted]
        if names is None:
            found += [f"{page.name}/{path.stem}: no such sample" for path in _unwanted(page, folder)]
    return found


def _samples(page: Page, names: Sequence[str] | None) -> list[str]:
    return [name for name in page.samples() if names is None or name in names]


def _facts(page: Page, name: str, folder: Path) -> dict[str, Facts]:
    path = entries.path_of(page.name, name, folder)
    if path.is_file():
        with archive.damage_ignored(path), entries.opened(path) as kept:
            return dict(kept.facts)
    return {}


def _what(kept: Facts, wanted: Facts) -> str:
    """Which fact differs."""
    if kept.get("picture") != wanted["picture"]:
        return "another picture"
    return "other weights" if kept.get("weights") != wanted.get("weights") else "other settings"


def _unwanted(page: Page, folder: Path) -> list[Path]:
    wanted = {entries.path_of(page.name, name, folder) for name in page.samples()}
    return [path for path in sorted((folder / page.name).glob("*.npz")) if path not in wanted]


def remake(
    pages: Pages,
    folder: Path = FOLDER,
    names: Sequence[str] | None = None,
    *,
    force: bool = False,
    only_remove: bool = False,
    tell: Callable[[str], None] = print,
) -> None:
    """Make what is missing or does not agree, keep what agrees, and remove what nobody asks for any more.

    Args:
        pages: which.
        folder: where entries are kept.
        names: samples; all by default, and then files that belong to no sample are removed too.
        force: make those that agree again too.
        only_remove: make nothing.
        tell: is given a line for each file that changed.
    """
    for page in pages.values():
        for name in _samples(page, names):
            _remake_file(page, page.picture(name), folder, force=force, only_remove=only_remove, tell=tell)
        for path in _unwanted(page, folder) if names is None else ():
            path.unlink()
            tell(f"{page.name}/{path.stem}: removed, no such sample")


def _remake_file(
    page: Page, picture: Picture, folder: Path, *, force: bool, only_remove: bool, tell: Callable[[str], None]
) -> None:
    path, before = entries.path_of(page.name, picture.name, folder), _facts(page, picture.name, folder)
    held: dict[str, Entry] = {}
    made = 0
    for wanted in page.wanted(picture):
        found = None if force else entries.find(page.name, picture, wanted.key, wanted.facts, folder)
        if found is None and not only_remove:
            found, made = wanted.make(), made + 1
        if found is not None:
            held[wanted.key] = found
    removed = len(before.keys() - held.keys())
    if made or removed:
        if held:
            entries.save(page.name, picture, held, folder)
        else:
            path.unlink()
        size = f", {path.stat().st_size / 1024:.0f} kB" if held else ""
        tell(f"{page.name}/{path.stem}: {made} made, {removed} removed{size}")
