"""A folder of static pages: every view of every sample in the offline player, for any web host or none at all."""

import html
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from e2viz.render.html import Played, page, shared_file_script, shared_style
from e2viz.render.payload import Options
from e2viz.render.scene import Scene

STYLE = """
html { background: var(--st-background-color); }
nav { display: flex; flex-wrap: wrap; gap: 4px 16px; margin-bottom: 12px; }
nav a, .samples a { color: inherit; text-decoration: none; padding: 4px 0; border-bottom: 2px solid transparent; }
nav a[aria-current], nav a:hover { border-color: var(--st-primary-color); }
nav a[aria-current] { font-weight: 600; }
.samples { display: flex; flex-wrap: wrap; gap: 6px; margin: 0 0 16px; padding: 0; list-style: none; }
.samples img { display: block; width: 40px; height: 40px; }
.samples a { display: block; padding: 0 0 3px; }
.samples a[aria-current] { border-color: var(--st-primary-color); }
:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """One page of the site.

    Args:
        page: name of the view.
        sample: name of the picture.
        scene: what is shown.
    """

    page: str
    sample: str
    scene: Scene


class Site:
    """Writes the pages of a site into a folder, one by one.

    Args:
        folder: is made if it is not there.
        titles: the views, in their order, and what each is called.
        pictures: the samples, in their order.
        words: what a screen reader says of each sample.
        there: the pages that there will be, as (view, sample); links lead to no other.
    """

    def __init__(
        self,
        folder: Path,
        titles: Mapping[str, str],
        pictures: Mapping[str, Image.Image],
        words: Mapping[str, str],
        there: Iterable[tuple[str, str]],
    ) -> None:
        self.folder, self.titles, self.pictures, self.words = folder, titles, pictures, words
        self.there = set(there)
        (folder / "samples").mkdir(parents=True, exist_ok=True)
        (folder / "player.css").write_text(shared_style() + STYLE, encoding="utf-8")
        (folder / "player.js").write_text(shared_file_script(), encoding="utf-8")
        for name, picture in pictures.items():
            file = io.BytesIO()
            picture.save(file, "PNG", optimize=True)
            (folder / "samples" / f"{name}.png").write_bytes(file.getvalue())

    def add(self, view: View) -> Path:
        """Write one page; the first one is the site's index too."""
        scene = view.scene
        options = Options(turn_s=8.0, autoplay=True, group="page")
        text = page(
            [Played(scene=scene, options=options)], title=scene.title, heading=self._heading(view), linked="./",
            width=1200, recipe="" if scene.recipe is None else scene.recipe.to_json(),
            footer=f"Made by e2viz. {html.escape(self.words.get(view.sample, view.sample))}.",
        )  # fmt: skip
        path = self.folder / f"{view.page}-{view.sample}.html"
        path.write_text(text, encoding="utf-8")
        index = self.folder / "index.html"
        if not index.exists():
            index.write_text(text, encoding="utf-8")
        return path

    def _heading(self, view: View) -> str:
        """Links to the other views of this picture, and to this view of the other pictures."""
        views = "".join(
            f'<a href="{self._address(name, view.sample)}"{_current(name == view.page)}>{html.escape(title)}</a>'
            for name, title in self.titles.items()
            if self._address(name, view.sample)
        )
        samples = "".join(
            f'<li><a href="{address}"{_current(name == view.sample)}><img src="samples/{name}.png" '
            f'alt="{html.escape(self.words.get(name, name), quote=True)}"></a></li>'
            for name in self.pictures
            if (address := self._address(view.page, name))
        )
        title = f"<h1>{html.escape(view.scene.title)}</h1>" if view.scene.title else ""
        return f'<nav aria-label="Views">{views}</nav><ul class="samples" aria-label="Pictures">{samples}</ul>{title}'

    def _address(self, name: str, sample: str) -> str:
        """The page of a view and a sample; of another sample where this one has no such view."""
        if (name, sample) in self.there:
            return f"{name}-{sample}.html"
        other = next((each for each in self.pictures if (name, each) in self.there), "")
        return f"{name}-{other}.html" if other else ""


def _current(is_it: bool) -> str:
    return ' aria-current="page"' if is_it else ""
