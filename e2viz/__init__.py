"""e2viz: see what equivariance does inside a vision transformer."""

from e2viz.zoo.published import import_checkpoint

__all__ = ["import_checkpoint"]
