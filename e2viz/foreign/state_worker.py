"""The confined process that reads a state dict saved by torch, and answers with the same tensors as safetensors.

torch's restricted unpickler takes tensors and plain containers alone; what its bytes may still do to the library that
reads them, they do here, where there is nothing to write and little memory.
"""

from __future__ import annotations

import io
import json
import math
import socket
import sys
from typing import Any

import numpy as np

from e2viz.foreign import wire
from e2viz.foreign.bounds import MEGABYTE, Bounds, Refused
from e2viz.foreign.worker import confine

# Where training scripts put the weights beside their other state, in the order of preference.
PLACES = ("state_dict", "model_state_dict", "model", "module", "network", "weights")


def state_of(held: Any) -> dict[str, Any]:
    """Names and tensors of a state dict, or of the one that stands in a checkpoint.

    Raises:
        Refused: if there is none.
    """
    import torch

    for each in (held, *(held[place] for place in PLACES if isinstance(held, dict) and place in held)):
        if isinstance(each, dict) and each and all(isinstance(value, torch.Tensor) for value in each.values()):
            return {str(name): value for name, value in each.items()}
    raise Refused("The file must hold a state dict, names to tensors, by itself or as 'state_dict' or 'model'.")


def as_safetensors(data: bytes, bounds: Bounds) -> bytes:
    """A state dict in the format that holds tensors and nothing else.

    Raises:
        Refused: if torch cannot read it as weights alone, or it holds more than the file could.
    """
    import safetensors.torch
    import torch

    try:
        held = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # an unpickler raises whatever the bytes make it stumble over
        first = str(error).partition("\n")[0]
        raise Refused(f"This is no state dict that can be read as weights alone: {first[:200]}") from None
    state = state_of(held)
    size = sum(math.prod(tensor.shape) * tensor.element_size() for tensor in state.values())
    if size > bounds.file_bytes:
        raise Refused(f"The tensors have {size >> 20} MB; at most {bounds.file_bytes // MEGABYTE} are read.")
    if any(tensor.is_sparse or tensor.is_quantized for tensor in state.values()):
        raise Refused("The tensors must be plain ones, neither sparse nor quantised.")
    return safetensors.torch.save({name: tensor.contiguous().clone() for name, tensor in state.items()})


def main() -> None:
    """Answer one request and end."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    bounds = Bounds(**json.loads(sys.argv[2]))
    import safetensors.torch  # noqa: F401  before memory is limited: libraries map more than they use
    import torch  # noqa: F401

    confine(bounds)
    try:
        _, arrays = wire.receive(connection, float("inf"), bounds.file_bytes)
        made = as_safetensors(arrays["data"].tobytes(), bounds)
        header, answer = {}, {"data": np.frombuffer(made, dtype=np.uint8)}
    except wire.Broken:
        return
    except Refused as error:
        header, answer = {"problem": str(error)}, {}
    except Exception:  # whatever a file brings about is answered
        header, answer = {"problem": "The file cannot be read within the memory that it may have."}, {}
    wire.send(connection, header, answer, float("inf"))


if __name__ == "__main__":
    main()
