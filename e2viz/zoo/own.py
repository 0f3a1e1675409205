"""A classifier that somebody has in memory, as a model like any other."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from e2viz.data import DataSet
from e2viz.nn.listening import Listening
from e2viz.nn.plain import state_checksum
from e2viz.nn.probe import probes
from e2viz.zoo.card import Card
from e2viz.zoo.weights import Model

TAG = "yours"


def wrap(
    module: nn.Module,
    *,
    classes: Sequence[str] | int,
    size: int,
    mean: Sequence[float] | float | int,
    std: Sequence[float] | float | int,
    background: Sequence[float] | float | int | None = None,
    name: str = "",
) -> Model:
    """Any torch classifier as a model: it can be swept, measured, drawn and made equivariant like those that ship.

    Args:
        module: in eval mode, from normalised images [batch channel size size] to logits [batch class]. It is shared
            and stays as it is. Its own probes are used if it has any; else its input, what is heard inside (every
            attention over tokens, tokens on the residual path, feature maps), and its output can be looked at.
        classes: the names of the classes, or how many there are.
        size: side of an image in pixels.
        mean, std: what normalisation subtracts and divides by, on values in [0, 1]: three numbers for a network of
            colour images, one for grey.
        background: of each channel in [0, 1], what lies around a picture that is turned; the mean by default.
        name: how links, labels and tables call it; by default made from the module's class.

    Raises:
        TypeError: if it is no module.
        ValueError: if it is in training mode, or does not take such images or give such logits.
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"wrap takes a torch module, got {type(module).__name__}")
    named = name or type(module).__name__
    if module.training:
        raise ValueError(f"{named} must be in eval mode, got training mode; call module.eval()")
    names = tuple(map(str, range(classes))) if isinstance(classes, int) else tuple(classes)
    means = _numbers(mean)
    channels = len(means)
    _check_runs(module, named, channels, size, len(names))
    called = name or f"{_slug(named)}.{TAG}"
    data = DataSet(
        name=f"{_slug(called)}.{TAG}"[-64:].lstrip("._-"),
        title=named,
        class_names=names,
        channels=channels,
        size=size,
        mean=means,
        std=_numbers(std),
        background=tuple(min(max(each, 0.0), 1.0) for each in means) if background is None else _numbers(background),
        reader="none",
        source="brought by the person who uses it",
    )
    network = module if probes(module) else Listening(module, _image(module, channels, size).expand(2, -1, -1, -1))
    card = Card(
        name=called,
        architecture="module",
        config={"image_size": size, "channels": channels, "classes": len(names)},
        parameters=sum(parameter.numel() for parameter in module.parameters()),
        data_set=data,
        licence="",
        origin=f"a torch module, {type(module).__module__}.{type(module).__qualname__}",
        weights_checksum=state_checksum(module),
    )
    return Model(card, network)


def _slug(text: str) -> str:
    """ "ResNet18" is "resnet18"; whatever is no letter or number becomes an underscore."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:40] or "model"


def _numbers(values: Sequence[float] | float | int) -> tuple[float, ...]:
    return (float(values),) if isinstance(values, int | float) else tuple(float(each) for each in values)


def _image(module: nn.Module, channels: int, size: int) -> Tensor:
    """One empty image, of the module's type and on its device."""
    parameter = next(module.parameters(), torch.zeros(()))
    return torch.zeros(1, channels, size, size, dtype=parameter.dtype, device=parameter.device)


def _check_runs(module: nn.Module, named: str, channels: int, size: int, classes: int) -> None:
    """Run one empty image: a wrong size or number of classes is said here rather than in the middle of a sweep."""
    image = _image(module, channels, size)
    try:
        with torch.no_grad():
            logits = module(image)
    except (RuntimeError, ValueError, TypeError) as error:
        raise ValueError(f"{named} must take images {tuple(image.shape)}: {error}") from error
    given = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    if given != (1, classes):
        raise ValueError(f"{named} must give one logit for each of {classes} classes, (1, {classes}), got {given}")
