"""e2viz: see what equivariance does inside a vision transformer.

The names below are the library's public face; everything else may change. Each is imported when it is first asked
for, so that what needs no torch (rendering, recipes, ``e2viz --help``) does not wait for it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # for type checkers and editors; _HOME says the same at run time, and a test compares the two
    from e2viz.data.data_set import DataSet as DataSet
    from e2viz.data.intake import read_picture as read_picture
    from e2viz.data.samples import sample as sample
    from e2viz.data.samples import sample_names as sample_names
    from e2viz.data.table import data_set as data_set
    from e2viz.data.table import list_data as list_data
    from e2viz.foreign.export import export_onnx as export_onnx
    from e2viz.foreign.export import mend as mend
    from e2viz.foreign.open import open_model as open_model
    from e2viz.images.picture import Picture as Picture
    from e2viz.images.picture import PictureError as PictureError
    from e2viz.images.rotate import rotate as rotate
    from e2viz.measure.assertion import assert_equivariant as assert_equivariant
    from e2viz.measure.equivariance import equivariance_error as equivariance_error
    from e2viz.measure.sweep import Sweep as Sweep
    from e2viz.measure.sweep import sweep as sweep
    from e2viz.models.post_hoc import make_equivariant as make_equivariant
    from e2viz.render.encode import encode as encode
    from e2viz.render.encode import save as save
    from e2viz.render.recipe import Recipe as Recipe
    from e2viz.render.scene import Scene as Scene
    from e2viz.scenes import scene as scene
    from e2viz.zoo.catalogue import list_models as list_models
    from e2viz.zoo.catalogue import load as load
    from e2viz.zoo.own import wrap as wrap
    from e2viz.zoo.published import import_checkpoint as import_checkpoint
    from e2viz.zoo.weights import Model as Model
    from e2viz.zoo.weights import WeightsError as WeightsError

__version__ = "0.2.0.dev0"

# Public name -> the module that defines it.
_HOME = {
    "DataSet": "e2viz.data.data_set",
    "Model": "e2viz.zoo.weights",
    "Picture": "e2viz.images.picture",
    "PictureError": "e2viz.images.picture",
    "Recipe": "e2viz.render.recipe",
    "Scene": "e2viz.render.scene",
    "Sweep": "e2viz.measure.sweep",
    "WeightsError": "e2viz.zoo.weights",
    "assert_equivariant": "e2viz.measure.assertion",
    "data_set": "e2viz.data.table",
    "encode": "e2viz.render.encode",
    "equivariance_error": "e2viz.measure.equivariance",
    "export_onnx": "e2viz.foreign.export",
    "import_checkpoint": "e2viz.zoo.published",
    "list_data": "e2viz.data.table",
    "list_models": "e2viz.zoo.catalogue",
    "load": "e2viz.zoo.catalogue",
    "make_equivariant": "e2viz.models.post_hoc",
    "mend": "e2viz.foreign.export",
    "open_model": "e2viz.foreign.open",
    "read_picture": "e2viz.data.intake",
    "rotate": "e2viz.images.rotate",
    "sample": "e2viz.data.samples",
    "sample_names": "e2viz.data.samples",
    "save": "e2viz.render.encode",
    "scene": "e2viz.scenes",
    "sweep": "e2viz.measure.sweep",
    "wrap": "e2viz.zoo.own",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'e2viz' has no attribute {name!r}; public are {', '.join(_HOME)}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
