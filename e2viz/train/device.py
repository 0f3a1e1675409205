"""Where training and evaluation run: on the processor, or on a GPU."""

from __future__ import annotations

import platform

import torch
from torch import nn

from e2viz.nn.group_convolution import GroupConvolution

CHOICES = ("auto", "cpu", "cuda")
CPU = torch.device("cpu")


def device(choice: str = "auto") -> torch.device:
    """The device of that name; "auto" takes a GPU where torch finds one.

    Raises:
        ValueError: if the choice is unknown, or a GPU is asked for and torch finds none.
    """
    if choice not in CHOICES:
        raise ValueError(f"device must be one of {', '.join(CHOICES)}, got {choice!r}")
    if choice == "cuda" and not torch.cuda.is_available():
        raise ValueError("device cuda needs a GPU that torch can use, and there is none; choose cpu")
    return torch.device("cuda" if choice != "cpu" and torch.cuda.is_available() else "cpu")


def learns_in_bf16(precision: str, network: nn.Module, where: torch.device) -> bool:
    """Whether a network's products are of bfloat16 there: if the recipe's precision is, and it is faster than float32.

    On a GPU it is for all. On a processor with tiles for it, it is for convolutions on a group, 2.7 times; a ViT takes
    twice as long, and so does everything on other processors.
    """
    if precision != "bf16":
        return False
    if where.type == "cuda":
        return True
    convolves = any(isinstance(module, GroupConvolution) for module in network.modules())
    return convolves and bool(torch.cpu.get_capabilities().get("amx_bf16"))


def machine_class(where: torch.device = CPU, precision: str = "float32") -> str:
    """What kind of machine this is, without naming it.

    Args:
        where: the device in use.
        precision: of the products, "float32" or "bf16".
    """
    version = f"torch {torch.__version__.split('+')[0]}"
    if where.type == "cpu":
        products = "" if precision == "float32" else f"{precision}, "
        return f"{platform.machine()} CPU, {torch.get_num_threads()} thread, {products}{version}"
    return f"{torch.cuda.get_device_name(where)}, {precision}, {version}"
