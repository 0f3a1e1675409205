"""The site of all samples: every page's view of each, with the models that know it."""

from __future__ import annotations

import io
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from PIL import Image

import e2viz
from e2viz import scenes
from e2viz.data.samples import data_of, first_samples, sample, sample_names
from e2viz.data.table import DEFAULT
from e2viz.images.portable import to_png
from e2viz.render.recipe import Recipe
from e2viz.render.scene import Scene
from e2viz.render.site import Site, View
from e2viz.scenes.turning import models_for
from e2viz.zoo import names

# View -> title, as in the app. These compute little, or from what is shipped, for every sample.
TITLES = {
    "rotation": "Turn",
    "attention": "Attention",
    "latents": "Feature maps",
    "orbits": "Orbits",
    "equivariance_error": "Equivariance error",
    "rules": "One line of code",
    "broken": "Why does it break?",
    "positional_encodings": "Positions",
    "steerability": "Steerability",
    "post_hoc": "Post-hoc",
    "efficiency": "Efficiency",
}
# Views of one network, or whose cost is minutes: of the first sample alone.
ONCE = ("positional_encodings", "steerability", "rules", "broken", "post_hoc", "efficiency")
THUMBNAIL = (56, 56)
PAGES_A_WORKER = 12  # fewer are made sooner than another process has started
AHEAD = 6  # scenes that each process makes before they are written: they are held in memory


def recipes(samples: Sequence[str] = (), pages: Sequence[str] = ()) -> list[Recipe]:
    """The pages of the site, those of the first sample first.

    Args:
        samples: only these; all by default.
        pages: only these; all by default.
    """
    known = [name for name in sample_names() if models_for(name)]
    chosen = [name for name in known if not samples or name in samples]
    chosen.sort(key=lambda name: (name not in first_samples(DEFAULT)[:1], known.index(name)))
    found = []
    for name in chosen:
        data = e2viz.data_set(data_of(name))
        models = names.defaults(models_for(name), data)
        for page in TITLES:
            if (not pages or page in pages) and (page not in ONCE or name == chosen[0]):
                found.append(Recipe(page=page, models=models, picture=name))
    return found


def build(
    folder: Path, *, samples: Sequence[str] = (), pages: Sequence[str] = (), tell: Callable[[str], None] = print
) -> int:
    """Write the site; returns the number of its pages.

    Args:
        folder: where to.
        samples: only these.
        pages: only these.
        tell: told of each page.

    Raises:
        ValueError: nothing was chosen.
    """
    wanted = recipes(samples, pages)
    if not wanted:
        raise ValueError(f"a site must have a page, got samples {list(samples)} and pages {list(pages)}")
    shown = list(dict.fromkeys(recipe.picture for recipe in wanted))
    pictures = {name: _thumbnail(name) for name in shown}
    words = {name: sample(name).name for name in shown}
    (folder / "index.html").unlink(missing_ok=True)
    site = Site(folder, TITLES, pictures, words, ((recipe.page, recipe.picture) for recipe in wanted))
    for number, (recipe, scene) in enumerate(zip(wanted, _made(wanted), strict=True), start=1):
        path = site.add(View(page=recipe.page, sample=recipe.picture, scene=scene))
        tell(f"{number} of {len(wanted)}: {path.name}, {path.stat().st_size / 1000:.0f} kB")
    return len(wanted)


def _made(wanted: Sequence[Recipe]) -> Iterator[Scene]:
    """The scenes in order; of many, one for each core at a time, since most of a network's work keeps one core busy."""
    workers = min(os.cpu_count() or 1, len(wanted) // PAGES_A_WORKER)
    if workers < 2:
        yield from map(scenes.make, wanted)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, torch.set_num_threads, (1,)) as pool:
        for first in range(0, len(wanted), AHEAD * workers):
            yield from pool.map(scenes.make, wanted[first : first + AHEAD * workers])


def _thumbnail(name: str) -> Image.Image:
    return Image.open(io.BytesIO(to_png(sample(name)))).resize(THUMBNAIL, Image.Resampling.LANCZOS)
