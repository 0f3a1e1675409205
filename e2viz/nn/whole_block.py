"""A block of GE-ViT in one call of the compiled kernel, where no gradient is asked for and nobody looks inside.

Of a small map, asking a block's modules for their forty parameters takes longer than the arithmetic. So what the kernel
needs of a block is put together once, and before each call it is only made sure that nothing has changed.
"""

from __future__ import annotations

from operator import is_
from typing import Any, cast
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float
from torch import Tensor, nn

from e2viz.nn import native, paths
from e2viz.nn.attention import GroupAttention
from e2viz.nn.native import library
from e2viz.nn.pointwise import Pointwise, WholeNorm
from e2viz.nn.positional import CoordinateEncoding, PlaneEncoding


def forward(
    block: nn.Module,
    maps: Float[Tensor, "batch inputs group height width"],
    residual: Float[Tensor, "batch outputs group h w"],
) -> Float[Tensor, "batch outputs group h w"] | None:
    """What ``block`` makes of ``maps``: ``residual`` plus the attended maps, cropped to its size, then the MLP, added.

    Args:
        block: with ``input_norm``, ``attention``, ``output_norm``, ``dropout`` and ``mlp``, in eval mode.
        maps: the input.
        residual: the cropped input, or what a shortcut makes of it.

    Returns:
        The output; None where gradients, probes, hooks, other layers or another device need the steps one by one.
    """
    if torch.is_grad_enabled():
        return None
    plan = _plans.get(block)
    if plan is None or not plan.holds():
        plan = _plans[block] = _Plan(block)
    if plan.weights is None or plan.watched() or not paths.runs_in_kernel(maps, residual):
        return None
    attention = plan.attention
    return native.block(
        plan.weights, maps, residual, heads=attention.heads, scale=attention.scale, epsilon=plan.norm.eps
    )


class _Plan:
    """The weights of a block as the kernel takes them, and what has to be as it was for them to be right."""

    def __init__(self, block: nn.Module) -> None:
        children: dict[str, Any] = block._modules
        self.attention: Any = children["attention"]
        self.norm: Any = children["input_norm"]
        encoding = self.attention._modules.get("encoding") or nn.Module()
        row, column = (encoding._modules.get(name) or nn.Sequential() for name in ("row", "column"))
        mlp = children["mlp"] or nn.Sequential()
        parents = [self.attention, encoding, row, column, mlp]
        self.structure = [(each._modules, tuple(each._modules.values())) for each in (block, *parents)]
        layers = [children["dropout"], *parents, *self._layers(children, mlp, row, column)]
        self.hooks = [each for layer in layers for each in (layer._forward_hooks, layer._forward_pre_hooks)]
        self.places = [(layer._parameters, name) for layer in layers for name in ("weight", "bias")]
        self.places += [(self.attention._parameters, "group_embedding"), (self.attention._buffers, "relative")]
        self.places += [(encoding._buffers, "row_offsets"), (encoding._buffers, "column_offsets")]
        self.tensors = [holder.get(name) for holder, name in self.places]
        self.addresses = _addresses(self.tensors)
        self.weights = self._weights(children, encoding, row, column, mlp)

    def holds(self) -> bool:
        """Whether layers and parameters are the same, in the same place."""
        for children, were in self.structure:
            if tuple(children.values()) != were:
                return False
        tensors = [holder.get(name) for holder, name in self.places]
        return all(map(is_, tensors, self.tensors)) and _addresses(tensors) == self.addresses

    def watched(self) -> bool:
        """Whether a hook or a recording waits for what passes inside."""
        return any(self.hooks) or self.attention.probe.asked

    def _layers(self, children: dict[str, Any], *parents: nn.Module) -> list[nn.Module]:
        projections = [self.attention._modules.get(name) for name in ("query", "key", "value", "output")]
        norms = [children["input_norm"], children["output_norm"]]
        inner = [each for parent in parents for each in parent._modules.values()]
        return [each for each in (*projections, *norms, *inner) if each is not None]

    def _weights(
        self, children: dict[str, Any], encoding: Any, row: Any, column: Any, mlp: nn.Module
    ) -> library.BlockWeights | None:
        """None of a block that is not made of the layers that the kernel knows, in float32 on the CPU."""
        attention = self.attention
        if type(attention) is not GroupAttention or type(encoding) is not PlaneEncoding:
            return None
        if type(row) is not CoordinateEncoding or type(column) is not CoordinateEncoding:
            return None
        inner = tuple(mlp._modules.values())
        if [type(each) for each in inner] != [Pointwise, WholeNorm, nn.SiLU, Pointwise, WholeNorm]:
            return None
        row, column = cast(Any, row), cast(Any, column)  # torch's types know no more of a network's layers
        widen, hidden_norm, _, narrow, last_norm = cast(Any, inner)
        projections = [attention._modules[name] for name in ("query", "key", "value", "output")]
        norms = [children["input_norm"], children["output_norm"]]
        if any(type(each) is not Pointwise for each in projections) or any(
            type(each) is not WholeNorm for each in norms
        ):
            return None
        layers = [*projections, *norms, widen, hidden_norm, narrow, last_norm]
        parameters = [each for layer in layers for each in (layer.weight, layer.bias)]
        inner_parameters = [each for network in (row, column) for each in network.parameters()]
        floats = [
            *parameters,
            *inner_parameters,
            attention.group_embedding,
            encoding.row_offsets,
            encoding.column_offsets,
        ]
        relative = attention.relative
        if not all(_lies_ready(each, torch.float32) for each in floats) or not _lies_ready(relative, torch.int64):
            return None
        networks = [
            native.coordinate_network(
                offsets, [(each.weight, each.bias) for each in (network[0], network[1], network[3])], network[1].eps
            )
            for network, offsets in ((row, encoding.row_offsets), (column, encoding.column_offsets))
        ]
        depth_heads, inputs = attention.query.weight.shape
        return library.BlockWeights(
            *(library.address(each) for each in parameters), *networks,
            library.address(attention.group_embedding), relative.data_ptr(),
            inputs, len(attention.output.weight), len(widen.weight), len(relative), depth_heads,
            attention.group_embedding.shape[1], encoding.row_offsets.shape[-1],
        )  # fmt: skip


def _lies_ready(tensor: Tensor | None, dtype: torch.dtype) -> bool:
    return tensor is not None and tensor.dtype is dtype and tensor.is_cpu and tensor.is_contiguous()


def _addresses(tensors: list[Tensor | None]) -> list[int]:
    return [0 if each is None else each.data_ptr() for each in tensors]


_plans: WeakKeyDictionary[nn.Module, _Plan] = WeakKeyDictionary()
