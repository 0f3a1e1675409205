"""The tensors of a weights file, by name: safetensors are read as they are, what torch saved in a confined process."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from e2viz.foreign.bounds import BOUNDS, Bounds
from e2viz.foreign.metadata import words_of
from e2viz.foreign.process import as_safetensors
from e2viz.zoo.weights import WeightsError

# What wrappers put before every name: data parallel, compilers, Lightning.
PREFIXES = ("module.", "_orig_mod.", "model.", "network.")
MOST_TENSORS = 20_000


@dataclass(frozen=True, eq=False)
class State:
    """What a weights file holds.

    Args:
        tensors: by name, in single precision where they are numbers.
        said: class names, mean, std and size, where the file's own metadata says them.
        format: "safetensors" or "state dict".
    """

    tensors: dict[str, Tensor]
    said: dict[str, Any]
    format: str

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: tuple(tensor.shape) for name, tensor in self.tensors.items()}


def kind_of(data: bytes) -> str:
    """What a file is by its first bytes: "safetensors", "state dict", "pickle" or "" for anything else."""
    if data[:4] == b"PK\x03\x04":
        return "state dict"
    if data[:1] == b"\x80" and data[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "pickle"
    if len(data) > 10 and data[8:9] == b"{" and struct.unpack("<Q", data[:8])[0] <= len(data) - 8:
        return "safetensors"
    return ""


def read_state(data: bytes, bounds: Bounds = BOUNDS) -> State:
    """The tensors of a weights file.

    Raises:
        WeightsError: if it is no such file, damaged, over a bound, or would have to be run to be read.
    """
    kind = kind_of(data)
    if kind == "pickle":
        raise WeightsError(
            "This is a pickle, which would be run to be read; it is not an ONNX file, safetensors or a state dict as "
            "torch has saved it since 1.6. Save it again: torch.save(model.state_dict(), 'mine.pt')."
        )
    if kind == "state dict":
        data = as_safetensors(data, bounds)
    try:
        tensors = safetensors.torch.load(data)
    except (safetensors.SafetensorError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise WeightsError(f"The file is cut off or no safetensors: {str(error)[:200]}") from error
    if not tensors or len(tensors) > MOST_TENSORS:
        raise WeightsError(f"Weights have 1 to {MOST_TENSORS:,} tensors, this file has {len(tensors):,}.")
    tensors = {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}
    if not all(torch.isfinite(value).all() for value in tensors.values() if value.is_floating_point()):
        raise WeightsError("Weights must be finite numbers; some of this file's are not.")
    return State(_without_prefix(tensors), _said(data) if kind == "safetensors" else {}, kind)


def _without_prefix(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    for prefix in PREFIXES * 2:
        if all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
    return tensors


def _said(data: bytes) -> dict[str, Any]:
    """The free words in the header of safetensors."""
    (length,) = struct.unpack("<Q", data[:8])
    held = json.loads(data[8 : 8 + length]).get("__metadata__") or {}
    return words_of({str(key): str(value) for key, value in held.items()})
