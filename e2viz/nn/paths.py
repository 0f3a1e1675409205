"""Which code computes attention: chosen by the device, the type of the numbers, and what there is.

The environment variable `E2VIZ_ATTENTION=native|torch|batched|triton` forces one; what suits the CPU alone is never
taken elsewhere.
"""

import os
from collections.abc import Sequence
from types import ModuleType

import torch
from torch import Tensor

from e2viz.nn import batched, factorised, native, traceable, triton_attention
from e2viz.nn.heap import keep_freed_memory

PATH_VARIABLE = "E2VIZ_ATTENTION"
PATHS = ("native", "torch", "batched", "triton")


def attention_path() -> str:
    """Which path float32 attention on the CPU takes here, and why, in one line."""
    forced = os.environ.get(PATH_VARIABLE, "")
    if forced:
        _check_forced(forced)
        return f"{forced}: set by {PATH_VARIABLE}"
    if not native.available():
        return f"torch: {native.why_not()}"
    return f"native: the compiled kernel, {native.lanes()} pixels at a time"


def runs_in_kernel(*tensors: Tensor | None) -> bool:
    """Whether the compiled kernel may take in what surrounds attention: it has no backward for that.

    Args:
        tensors: everything that takes part, parameters too; None for a bias that is not there.
    """
    if torch.is_grad_enabled() and any(tensor is not None and tensor.requires_grad for tensor in tensors):
        return False
    return suits_kernel(*tensors)


def suits_kernel(*tensors: Tensor | None) -> bool:
    """Whether the compiled kernel may take a layer that it knows the gradient of.

    Args:
        tensors: as of `runs_in_kernel`.
    """
    for tensor in tensors:
        if tensor is None or tensor.dtype is not torch.float32 or not tensor.is_cpu:
            return False
    return implementation() is native


def implementation(*tensors: Tensor) -> ModuleType:
    """The module that computes attention of these tensors; without any, of float32 on the CPU.

    Raises:
        ValueError: if another one is forced that cannot be taken here.
    """
    if torch.jit.is_tracing():
        return traceable
    keep_freed_memory()  # here and not at import: a program that only imports keeps its allocator as it was
    forced = os.environ.get(PATH_VARIABLE, "")
    if forced:
        _check_forced(forced)
    if forced == "batched":
        return batched
    if forced == "triton" or any(not tensor.is_cpu for tensor in tensors):
        return _on_accelerator(forced, tensors)
    if forced == "torch" or any(tensor.dtype != torch.float32 for tensor in tensors):
        return factorised
    if native.available():
        return native
    if forced == "native":
        raise ValueError(f"{PATH_VARIABLE}=native needs the compiled kernel: {native.why_not()}")
    return factorised


def _on_accelerator(forced: str, tensors: Sequence[Tensor]) -> ModuleType:
    if forced == "torch" or any(tensor.dtype == torch.float64 for tensor in tensors):
        return batched
    reason = triton_attention.why_not(tensors[0].device) if tensors else ""
    if reason and forced == "triton":
        raise ValueError(f"{PATH_VARIABLE}=triton needs the Triton kernels: {reason}")
    return batched if reason else triton_attention


def _check_forced(forced: str) -> None:
    if forced not in PATHS:
        raise ValueError(f"{PATH_VARIABLE} must be {', '.join(PATHS[:-1])} or {PATHS[-1]}, got {forced!r}")
