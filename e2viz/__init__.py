"""e2viz: see what equivariance does inside a vision transformer."""

from e2viz.images.intake import read_picture
from e2viz.images.rotate import rotate
from e2viz.measure.equivariance import equivariance_error
from e2viz.measure.sweep import sweep
from e2viz.models.post_hoc import make_equivariant
from e2viz.zoo.catalogue import list_models, load
from e2viz.zoo.published import import_checkpoint

__all__ = [
    "equivariance_error",
    "import_checkpoint",
    "list_models",
    "load",
    "make_equivariant",
    "read_picture",
    "rotate",
    "sweep",
]
