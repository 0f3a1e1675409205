"""Where training and evaluation run: on the processor, or on a GPU."""

from __future__ import annotations

import platform

import torch

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


def machine_class(where: torch.device = CPU, precision: str = "float32") -> str:
    """What kind of machine this is, without naming it.

    Args:
        where: the device in use.
        precision: of the products, "float32" or "bf16".
    """
    version = f"torch {torch.__version__.split('+')[0]}"
    if where.type == "cpu":
        return f"{platform.machine()} CPU, {torch.get_num_threads()} thread, {version}"
    return f"{torch.cuda.get_device_name(where)}, {precision}, {version}"
