"""What a recipe asks for: its picture and its angles."""

from __future__ import annotations

import numpy as np

from e2viz.data.samples import sample, sample_names
from e2viz.images.picture import Picture
from e2viz.images.portable import from_png
from e2viz.render.recipe import Recipe


def picture_of(recipe: Recipe) -> Picture:
    """The picture that a recipe names or carries."""
    png = recipe.picture_png()
    if png is not None:
        return from_png(png)
    return sample(recipe.picture or sample_names()[0])


def angles_of(recipe: Recipe) -> np.ndarray:
    """[frame] equispaced angles of one turn, in degrees."""
    return np.arange(recipe.angles) * (360.0 / recipe.angles)
