"""The turning picture as every page shows it: in colour where a model sees colour, and what each model sees of it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from e2viz.data import DataSet
from e2viz.data.samples import data_of
from e2viz.data.sees import sees
from e2viz.data.tasks import TASKS
from e2viz.images.intake import prepare
from e2viz.images.picture import Picture
from e2viz.images.rotate import views
from e2viz.measure.sweep import Sweep
from e2viz.render.scene import Panel, Row, picture_pixels
from e2viz.zoo import catalogue

PICTURE_SIZE = 112


def data_of_model(name: str) -> DataSet | None:
    """The data set that a model knows: its tag says so, or else its card; None for a model that is in neither."""
    base = name.partition("+")[0]
    tag = base.partition(".")[2]
    if tag in TASKS:
        return TASKS[tag].data_set
    try:
        return catalogue.card(base).data_set
    except LookupError:
        return None


def models_for(sample_name: str) -> list[str]:
    """The trained models that know the data set of a sample."""
    wanted = data_of(sample_name)
    shipped = catalogue.list_models(catalogue.WEIGHTS_FOLDER)
    return [name for name in shipped if catalogue.card(name).data_set.name == wanted]


def shown_data(models: Iterable[str]) -> DataSet | None:
    """The data set in whose way the picture is shown: the first in colour, or else the first."""
    known = [found for found in map(data_of_model, models) if found is not None]
    return next((found for found in known if not found.grey), known[0] if known else None)


def shown(picture: Picture, models: Iterable[str]) -> Picture:
    """The square that is looked at beside these models: as the first that sees colour has it, or else the first.

    Args:
        picture: as it was brought, or ready already.
        models: names; those that are not in the catalogue are passed over.
    """
    chosen = shown_data(models)
    if chosen is not None:
        return sees(picture, chosen)
    square = picture.values.shape[1] == picture.values.shape[2]
    return picture if square and picture.preparation != "none" else prepare(picture, "crop")


def turned(
    picture: Picture, models: Iterable[str], angles_deg: np.ndarray, size: int = PICTURE_SIZE, method: str = "fair"
) -> np.ndarray:
    """[frame channel size size] the picture as these models see it, turned, in [0, 1]."""
    models = tuple(models)
    seen, data = shown(picture, models), shown_data(models)
    mean = torch.as_tensor(seen.background if data is None else data.mean, dtype=torch.float64).reshape(-1)
    return views(seen, torch.as_tensor(angles_deg, dtype=torch.float64), size, method, mean=mean).numpy()


def turning_panel(
    picture: Picture, models: Iterable[str], angles_deg: np.ndarray, size: int = PICTURE_SIZE, method: str = "fair"
) -> Panel:
    """The picture inside the rings."""
    return Panel.from_picture("", turned(picture, models, angles_deg, size, method))


def under(picture: Picture, model: str, angles_deg: np.ndarray, size: int, method: str = "fair") -> np.ndarray:
    """uint8 [frame size size] or with 3 channels last: the picture that shows through a model's maps."""
    return picture_pixels(turned(picture, (model,), angles_deg, size, method))


def seen_row(swept: Sweep, labels: dict[str, str]) -> Row:
    """What the models see, each different input once; named by its models where there are several."""
    inputs = swept.inputs()
    panels = []
    for names, images in inputs:
        side = images.shape[-1]
        title = f"{side} × {side}"
        caption = ", ".join(labels[name] for name in names) if len(inputs) > 1 else ""
        panels.append(Panel.from_picture(title, images, caption=caption))
    return Row("what the model sees" if len(inputs) == 1 else "what the models see", tuple(panels))
