"""Group and lifting attention by the Triton kernels: float32 sums on NVIDIA GPUs, with a hand-written backward.

At the first use of each shape of layer (its group, window and depths) a small one of that shape is computed, forward
and backward, and compared with the path that needs no kernel. Where the kernels do not compile or do not agree, that
path is taken, and a warning says why: a training run goes on. Under TRITON_INTERPRET=1, set before the first import,
the kernels run on the CPU: so they are tested.
"""

from __future__ import annotations

import math
import os
import warnings
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from types import ModuleType
from typing import Any

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from e2viz.nn import batched
from e2viz.nn.pointwise import single_precision

LOG2_E = math.log2(math.e)
BYTES_AT_ONCE = 4 << 30
"""Most memory for the gradient by the plane's scores, the largest thing that is stored; larger batches are halved."""
LANES, WARPS = 32, 1
AGREEMENT = 1e-3
Sizes = tuple[int, int, int, int, int, int]
USUAL: Sizes = (10, 6, 4, 4, 4, 5)
"""Depth, depth of the plane encoding, elements of query, key and output, window: those of the published p4 network."""


def available(device: torch.device) -> bool:
    """Whether the kernels may be used on the device; the first call compiles and checks them, which takes seconds."""
    return not why_not(device)


def why_not(device: torch.device) -> str:
    """Why the kernels cannot be used on the device; empty if they can."""
    if device.type != "cuda" and not (device.type == "cpu" and _interpreted()):
        return f"Triton kernels run on NVIDIA GPUs, not on {device.type}"
    return _check(device.type, device.index, USUAL, True, True)


def group_attention(
    query: Float[Tensor, "batch depth head group height width"],
    key: Float[Tensor, "batch depth head group height width"],
    value: Float[Tensor, "batch depth head group height width"],
    plane_encoding: Float[Tensor, "group depth_plane window window"],
    group_encoding: Float[Tensor, "group group group depth_group"],
    *,
    scale: float,
    dropout_p: float = 0.0,
) -> Float[Tensor, "batch depth head group height width"]:
    """See `functional.group_attention`."""
    return _attend(query, key, value, plane_encoding, group_encoding.transpose(0, 1), scale, dropout_p)


def lifting_attention(
    query: Float[Tensor, "batch depth head height width"],
    key: Float[Tensor, "batch depth head height width"],
    value: Float[Tensor, "batch depth head height width"],
    plane_encoding: Float[Tensor, "group depth window window"],
    *,
    scale: float,
    dropout_p: float = 0.0,
) -> Float[Tensor, "batch depth head group height width"]:
    """See `functional.lifting_attention`."""
    query, key, value = query[:, :, :, None], key[:, :, :, None], value[:, :, :, None]
    nothing = query.new_zeros(1, plane_encoding.shape[0], 1, 0)
    return _attend(query, key, value, plane_encoding, nothing, scale, dropout_p)


def _attend(
    query: Tensor, key: Tensor, value: Tensor, plane: Tensor, group: Tensor, scale: float, dropout_p: float
) -> Tensor:
    """By the kernels, or where those of this shape fail by the path without."""
    sizes = (query.shape[1], plane.shape[1], query.shape[3], key.shape[3], plane.shape[0], plane.shape[-1])
    device, trains = query.device, torch.is_grad_enabled()
    reason = _check(device.type, device.index, sizes, dropout_p > 0, trains)
    attend = batched.attend if reason else _by_kernels
    return attend(query, key, value, plane, group, scale, dropout_p)


def _by_kernels(
    query: Tensor, key: Tensor, value: Tensor, plane: Tensor, group: Tensor, scale: float, dropout_p: float
) -> Tensor:
    """Any precision is computed in float32, also under autocast; a large batch in halves."""
    batch, _, heads, queries, height, width = query.shape
    outputs, _, window, _ = plane.shape
    if batch > 1 and 4 * batch * heads * queries * outputs * window**2 * height * width > BYTES_AT_ONCE:
        halves = zip(*(maps.split((batch + 1) // 2) for maps in (query, key, value)), strict=True)
        return torch.cat([_by_kernels(q, k, v, plane, group, scale, dropout_p) for q, k, v in halves])
    with single_precision(query.device):
        inputs = (tensor.float().contiguous() for tensor in (query, key, value, plane, group))
        return _Attention.apply(*inputs, scale, dropout_p).to(query.dtype)


class _Attention(torch.autograd.Function):
    """Keeps its inputs, the log-sum-exp and what each query element attends to."""

    @staticmethod
    def forward(ctx: Any, query, key, value, plane, group, scale, dropout_p):
        layer = _Layer(query, plane, group, scale, dropout_p)
        batch, depth, heads, queries, height, width = query.shape
        trains = any(ctx.needs_input_grad)
        out = query.new_empty(batch, depth, heads, layer.outputs, height, width)
        kept = (batch, heads, queries, layer.outputs) if trains else (1, 1, 1, 1)
        log_sum = query.new_empty(*kept, height * width)
        attended = query.new_empty(*kept, depth, height * width)
        seed = torch.randint(1 << 31, (1,), device=query.device) if dropout_p else query.new_zeros(1, dtype=torch.int64)
        by_group = layer.group_scores(query, group)
        with _current(query.device):
            _kernels().forward[layer.grid(layer.output_blocks)](
                query, key, value, layer.by_offset, by_group, out, log_sum, attended, seed,
                scale * LOG2_E, layer.threshold, layer.factor, layer.heads, height, width,
                **layer.sizes, K=layer.key_chunk, TRAINS=trains,
            )  # fmt: skip
        if trains:
            ctx.save_for_backward(query, key, value, plane, group, log_sum, attended, by_group, seed)
            ctx.settings = scale, dropout_p
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_out: Tensor):
        query, key, value, plane, group, log_sum, attended, by_group, seed = ctx.saved_tensors
        scale, dropout_p = ctx.settings
        with single_precision(query.device), _current(query.device):
            layer = _Layer(query, plane, group, scale, dropout_p)
            by_out = by_out.float().contiguous()
            height, width = query.shape[-2:]
            blocks, means = layer.output_blocks, torch.empty_like(log_sum)
            by_query = query.new_empty(blocks, *query.shape)
            by_part = query.new_empty(blocks, len(query), layer.depth_plane, *query.shape[2:])
            by_plane_score = layer.empty_plane_scores(query)
            by_group_score = torch.empty_like(by_group)
            tensors = (query, key, value, layer.by_offset, by_group, log_sum)
            _kernels().backward_queries[layer.grid(blocks)](
                *tensors, attended, by_out, seed, means, by_query, by_part, by_plane_score, by_group_score,
                scale * LOG2_E, layer.threshold, layer.factor, scale, layer.heads, height, width, layer.pairs,
                **layer.sizes, K=layer.key_chunk,
            )  # fmt: skip
            by_key, by_value = torch.empty_like(key), torch.empty_like(value)
            _kernels().backward_keys[layer.grid(layer.keys // layer.key_chunk)](
                *tensors, means, by_out, seed, by_key, by_value,
                scale * LOG2_E, layer.threshold, layer.factor, 1.0 / LOG2_E, layer.heads, height, width,
                **layer.sizes, K=layer.key_chunk,
            )  # fmt: skip
            by_query, by_part = by_query.sum(0), by_part.sum(0)
            by_query[:, : layer.depth_plane] += by_part
            by_group_encoding = layer.group_gradients(query, group, by_group_score, by_query)
            by_plane = layer.plane_gradient(query, by_plane_score)
        return by_query, by_key, by_value, by_plane, by_group_encoding, None, None


class _Layer:
    """The sizes of one call as the kernels take them, and the products around them that PyTorch does well."""

    def __init__(self, query: Tensor, plane: Tensor, group: Tensor, scale: float, dropout_p: float) -> None:
        batch, depth, self.heads, queries, height, width = query.shape
        self.outputs, self.depth_plane, self.window, _ = plane.shape
        self.keys, self.scale, self.pairs, self.pixels = group.shape[2], scale, batch * self.heads, height * width
        outputs_at_once = min(8, _power_of_two(self.outputs))
        self.output_blocks = -(-self.outputs // outputs_at_once)
        self.key_chunk = next(each for each in (4, 2, 1) if self.keys % each == 0 and each * outputs_at_once <= 16)
        self.factor = 1.0 / (1.0 - dropout_p)
        self.threshold = round(dropout_p * 2**32)
        (d1, d2), (p1, p2) = _two_powers(depth), _two_powers(self.depth_plane)
        self.by_offset = plane.new_zeros(self.window**2, self.outputs, p1 + p2)
        self.by_offset[..., : self.depth_plane] = rearrange(plane, "v c i j -> (i j) v c")
        self.sizes = {
            "DEPTH": depth, "D1": d1, "D2": d2, "PLANE": self.depth_plane, "P1": p1, "P2": p2,
            "QUERIES": queries, "KEYS": self.keys, "OUTPUTS": self.outputs, "V": outputs_at_once,
            "WINDOW": self.window, "DROPS": dropout_p > 0, "LANES": LANES, "num_warps": WARPS,
        }  # fmt: skip

    def grid(self, blocks: int) -> tuple[int, int, int]:
        """Heads of images, runs of pixels, blocks of elements."""
        return self.pairs, -(-self.pixels // LANES), blocks

    def group_scores(self, query: Tensor, group: Tensor) -> Float[Tensor, "batch head query output_key pixel"]:
        """q_group . group_encoding, to base two."""
        if not group.shape[-1]:
            return query.new_zeros(len(query), self.heads, query.shape[3], self.outputs * self.keys, self.pixels)
        return (group.flatten(1, 2) * (self.scale * LOG2_E)) @ self._group_part(query)

    def _group_part(self, query: Tensor) -> Float[Tensor, "batch head query depth_group pixel"]:
        return rearrange(query[:, self.depth_plane :], "b c n g y x -> b n g c (y x)")

    def group_gradients(self, query: Tensor, group: Tensor, by_score: Tensor, by_query: Tensor) -> Tensor:
        """The gradient by the group encoding; that by the queries is added."""
        if not group.shape[-1]:
            return torch.zeros_like(group)
        by_part = (group.flatten(1, 2) * self.scale).mT @ by_score
        height = by_query.shape[-2]
        by_query[:, self.depth_plane :] += rearrange(by_part, "b n g c (y x) -> b c n g y x", y=height)
        by_encoding = (by_score @ self._group_part(query).mT).sum((0, 1)) * self.scale
        return by_encoding.view(group.shape)

    def empty_plane_scores(self, query: Tensor) -> Float[Tensor, "batch head chunk query offset_output pixel"]:
        """Where the kernel writes the gradient by the plane's scores."""
        shape = (self.keys // self.key_chunk, query.shape[3], self.window**2 * self.outputs, self.pixels)
        return query.new_empty(len(query), self.heads, *shape)

    def plane_gradient(self, query: Tensor, by_score: Tensor) -> Float[Tensor, "output depth_plane window window"]:
        """The gradient by the plane encoding."""
        part = rearrange(query[:, : self.depth_plane], "b c n g y x -> b n 1 g (y x) c")
        by_offset = (by_score @ part).sum((0, 1, 2, 3)) * self.scale
        return rearrange(by_offset, "(i j v) c -> v c i j", i=self.window, j=self.window)


def _power_of_two(number: int) -> int:
    return 1 << (number - 1).bit_length()


def _two_powers(number: int) -> tuple[int, int]:
    """Two powers of two that hold so many channels, with as few idle ones as possible."""
    first = max(1, _power_of_two(number) // 2)
    return first, _power_of_two(max(1, number - first))


@cache
def _kernels() -> ModuleType:
    from e2viz.nn import triton_kernels

    return triton_kernels


def _current(device: torch.device) -> AbstractContextManager[object]:
    """Kernels are started on the current GPU, which need not be the tensors'."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


def _interpreted() -> bool:
    return os.environ.get("TRITON_INTERPRET") == "1"


@cache
def _check(kind: str, index: int | None, sizes: Sizes, drops: bool, trains: bool) -> str:
    """Why the kernels fail for layers of these sizes; said once. Empty if they compile and agree."""
    device = torch.device(kind, index) if index is not None else torch.device(kind)
    try:
        places = [] if kind == "cpu" else [torch.cuda.current_device() if index is None else index]
        with torch.inference_mode(False), torch.set_grad_enabled(trains), torch.random.fork_rng(places):
            reason = _disagreement(device, sizes, drops, trains)
    except Exception as error:  # whatever a compiler or driver raises: the other path still works
        reason = ": ".join([type(error).__name__, *str(error).strip().splitlines()[:1]])
    if reason:
        warnings.warn(f"attention without the Triton kernels: {reason}", stacklevel=2)
    return reason


def _disagreement(device: torch.device, sizes: Sizes, drops: bool, trains: bool) -> str:
    depth, depth_plane, queries, keys, outputs, window = sizes
    generator = torch.Generator().manual_seed(0)
    elements = (queries, keys, keys)
    shapes: list[tuple[int, ...]] = [(2, depth, 3, each, 5, 7) for each in elements]
    shapes += [(outputs, depth_plane, window, window), (queries, outputs, keys, depth - depth_plane)]
    inputs = [torch.randn(shape, generator=generator).to(device).requires_grad_(trains) for shape in shapes]
    query, key, value, plane, group = inputs
    upstream = torch.randn((2, depth, 3, outputs, 5, 7), generator=generator).to(device)
    results = []
    # A chance of next to nothing: the kernels with dropout are compiled, which training needs, and nothing is dropped.
    for attend, dropout_p in ((batched.attend, 0.0), (_by_kernels, 1e-9 if drops else 0.0)):
        out = attend(query, key, value, plane, group, 0.2, dropout_p)
        results.append([out.detach(), *(torch.autograd.grad(out, inputs, upstream) if trains else ())])
    names = ("output", "query", "key", "value", "plane", "group")
    for name, right, found in zip(names, *results, strict=False):
        # Some gradients are nothing but rounding, such as that by the encoding of a group of one element.
        size = max(float(right.norm()), 0.1 * right.numel() ** 0.5)
        error = float((found - right).norm())
        if not error <= AGREEMENT * size:
            return f"the {name} differs by {error / size:.1e} from the path without kernels"
    if not (drops and trains):
        return ""
    # The output is linear in the values, so under any one dropout both products are the same.
    out = _by_kernels(query, key, value, plane, group, 0.2, 0.3)
    (by_value,) = torch.autograd.grad(out, inputs[2], upstream)
    forward, backward = (out.detach() * upstream).sum(), (by_value * inputs[2].detach()).sum()
    error = float((forward - backward).abs() / (out.detach() * upstream).norm())
    return "" if error < AGREEMENT else f"dropout differs by {error:.1e} between forward and backward pass"
