"""e2viz: see what equivariance does inside a vision transformer."""

from e2viz.models.post_hoc import make_equivariant
from e2viz.zoo.catalogue import list_models, load
from e2viz.zoo.published import import_checkpoint

__all__ = ["import_checkpoint", "list_models", "load", "make_equivariant"]
