"""``render``: the file of a recipe, without a browser; ``site``: all views as static pages."""

from __future__ import annotations

import argparse
from pathlib import Path

from e2viz import whole
from e2viz.commands.options import Commands


def add(commands: Commands) -> None:
    words = "make the file of a recipe, or of a file that carries one, without a browser"
    render = commands.add("render", _render, words)
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

    site = commands.add("site", _site, "a folder of static pages that plays in any browser, from any host or from disk")
    site.add_argument("folder", type=Path, metavar="OUT", help="where to write it")
    site.add_argument("--sample", action="append", default=[], help="only this picture; may be given again")
    site.add_argument("--page", action="append", default=[], help="only this view; may be given again")


def _site(arguments: argparse.Namespace) -> int:
    from e2viz.scenes.site import build

    count = build(arguments.folder, samples=arguments.sample, pages=arguments.page)
    print(f"{count} pages; open {arguments.folder / 'index.html'}")
    return 0


def _render(arguments: argparse.Namespace) -> int:
    from dataclasses import replace

    from e2viz.render.embed import read_recipe
    from e2viz.render.encode import encode
    from e2viz.render.formats import format_of

    format = format_of(arguments.output)
    recipe = read_recipe(arguments.recipe)
    asked = {"fps": arguments.fps, "width": arguments.width, "theme": arguments.theme, "scale": arguments.scale,
             "easing": arguments.easing, "loop": arguments.loop, "angle_deg": arguments.angle}  # fmt: skip
    look = replace(recipe.look, **{name: value for name, value in asked.items() if value is not None})

    from e2viz import scenes  # what was refused above needed no model

    scene = scenes.make(recipe)
    data = encode(scene, format, look=look)
    whole.write_bytes(arguments.output, data)
    print(f"{arguments.output}: {len(data) / 1000:,.0f} kB, {scene.frames} frames")
    return 0
