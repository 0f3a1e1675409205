"""The compiled kernel as Python functions on contiguous float32 tensors."""

import ctypes
import threading
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from e2viz.nn.native import build
from e2viz.nn.native.build import BuildError


class Problem(ctypes.Structure):
    """One attention layer; mirrors Problem in layout.h field by field."""

    _fields_ = [
        *[(name, ctypes.c_int32) for name in ("batch", "head", "outputs", "queries", "keys", "depth")],
        *[(name, ctypes.c_int32) for name in ("depth_plane", "window", "height", "width", "threads")],
        *[(name, ctypes.c_float) for name in ("scale", "dropout")],
        ("seed", ctypes.c_uint32),
        ("image_width", ctypes.c_int32),
    ]


class Source(ctypes.Structure):
    """Queries, keys or values, or the maps, weights and bias that they are a product of; mirrors Source in layout.h."""

    _fields_ = [
        *[(name, ctypes.c_void_p) for name in ("tensor", "weight", "bias")],
        ("inputs", ctypes.c_int32),
    ]


class Output(ctypes.Structure):
    """The result, or what a product with weights and bias makes of it; mirrors Output in layout.h."""

    _fields_ = [
        *[(name, ctypes.c_void_p) for name in ("tensor", "weight", "bias")],
        ("channels", ctypes.c_int32),
    ]


def _pairs(*names: str) -> list[tuple[str, type]]:
    """Weights and bias of norms or 1x1 products: each mirrors Affine in pointwise.h."""
    return [(f"{name}_{part}", ctypes.c_void_p) for name in names for part in ("weight", "bias")]


class CoordinateNetwork(ctypes.Structure):
    """The network of one coordinate's encoding; mirrors CoordinateNetwork in positional.h."""

    _fields_ = [
        ("coordinates", ctypes.c_void_p),
        *_pairs("widen", "norm", "narrow"),
        ("epsilon", ctypes.c_float),
        *[(name, ctypes.c_int32) for name in ("hidden", "depth")],
    ]


class BlockWeights(ctypes.Structure):
    """Everything in a block that is learned; mirrors BlockWeights in block.h."""

    _fields_ = [
        *_pairs("query", "key", "value", "output", "input_norm", "output_norm"),
        *_pairs("widen", "hidden_norm", "narrow", "last_norm"),
        *[(name, CoordinateNetwork) for name in ("row", "column")],
        *[(name, ctypes.c_void_p) for name in ("group_embedding", "relative")],
        *[(name, ctypes.c_int32) for name in ("inputs", "channels", "hidden_channels", "order")],
        *[(name, ctypes.c_int32) for name in ("depth_heads", "depth_group", "window")],
    ]


class BlockMaps(ctypes.Structure):
    """The maps of one call; mirrors BlockMaps in block.h."""

    _fields_ = [
        *[(name, ctypes.c_void_p) for name in ("maps", "residual", "swished", "attended", "sums", "hidden", "out")],
        *[(name, ctypes.c_int64) for name in ("residual_line", "residual_plane", "residual_image")],
        *[(name, ctypes.c_int32) for name in ("batch", "height", "width", "cropped", "heads", "threads")],
        *[(name, ctypes.c_float) for name in ("scale", "epsilon")],
    ]


Projection = tuple[Tensor, Tensor]  # weights [output, input] and bias [output]; channels of heads are depth first

FUNCTIONS = (
    "attention_forward", "attention_backward", "block_forward", "plane_encoding", "swish_norm", "swish_norm_backward",
    "max_pool", "max_pool_backward", "dropout_mask", "lanes",
)  # fmt: skip

_loading = threading.Lock()
_counting = threading.Lock()
_joint_packs = 0


def why_not() -> str:
    """Why the kernel cannot be used here; empty if it can."""
    with _loading:
        return _load()[1]


def joint_packs() -> int:
    """How many packs of pixels have taken the joint softmax so far, because the factorised one would underflow."""
    return _joint_packs


def forward(problem: Problem, inputs: list[Tensor], out: Tensor) -> None:
    """Attention of query, key, value, plane encoding and group encoding, written to out."""
    _forward(problem, _sources([(tensor,) for tensor in inputs[:3]]), inputs[3:], Output(*_pointers([out])))


def projected_forward(
    problem: Problem, maps: Tensor, projections: list[Projection], encodings: list[Tensor], out: Tensor
) -> None:
    """Attention of maps to themselves through projections to query, key, value and output, written to out."""
    *inputs, output = projections
    sources = _sources([(maps, *projection) for projection in inputs])
    _forward(problem, sources, encodings, Output(*_pointers([out, *output]), channels=out.shape[1]))


def block_forward(weights: BlockWeights, maps: BlockMaps) -> None:
    """A block, from the maps it is given to those it writes."""
    _count(_library().e2viz_block_forward(_team(), ctypes.byref(weights), ctypes.byref(maps)))


def plane_encoding(networks: list[CoordinateNetwork], out: Tensor) -> None:
    """The encodings of row and column by their networks, written to out [v channel window window]."""
    pair = (CoordinateNetwork * 2)(*networks)
    _library().e2viz_plane_encoding(pair, len(out), out.shape[-1] * out.shape[-2], *_pointers([out]))


def swish_norm(maps: Tensor, norm: Projection, epsilon: float, out: Tensor) -> None:
    """Norm over all but the batch, then swish, of maps [batch channel ...], written to out."""
    _library().e2viz_swish_norm(*_normed(maps, norm, epsilon), *_pointers([out]))


def swish_norm_backward(
    maps: Tensor, norm: Projection, epsilon: float, by_out: Tensor, gradients: list[Tensor]
) -> None:
    """The gradients of maps, weights and bias, written to gradients."""
    _library().e2viz_swish_norm_backward(*_normed(maps, norm, epsilon), *_pointers([by_out, *gradients]))


def _normed(maps: Tensor, norm: Projection, epsilon: float) -> tuple[object, ...]:
    batch, channels = maps.shape[:2]
    sizes = batch, channels, ctypes.c_long(maps.shape[2:].numel())
    return torch.get_num_threads(), _team(), *sizes, *_pointers([maps, *norm]), ctypes.c_float(epsilon)


def max_pool(maps: Tensor, out: Tensor) -> None:
    """The largest of 2x2 pixels of each plane [... height width], written to out."""
    _library().e2viz_max_pool(*_pooled(maps), *_pointers([maps, out]))


def max_pool_backward(maps: Tensor, by_out: Tensor, by_maps: Tensor) -> None:
    """The gradient of maps, written to by_maps."""
    _library().e2viz_max_pool_backward(*_pooled(maps), *_pointers([maps, by_out, by_maps]))


def _pooled(maps: Tensor) -> tuple[object, ...]:
    height, width = maps.shape[-2:]
    return torch.get_num_threads(), _team(), maps.shape[:-2].numel(), height, width


def backward(problem: Problem, inputs: list[Tensor], out_gradient: Tensor, gradients: list[Tensor]) -> None:
    """The gradients of the five inputs, written to gradients."""
    sources = _sources([(tensor,) for tensor in inputs[:3]])
    tensors = _pointers([*inputs[3:], out_gradient, *gradients])
    _count(_library().e2viz_attention_backward(ctypes.byref(problem), _team(), sources, *tensors))


def dropout_mask(problem: Problem, out: Tensor) -> None:
    """What dropout keeps (1) and leaves out (0) for this problem's seed, written to out."""
    _library().e2viz_dropout_mask(ctypes.byref(problem), *_pointers([out]))


def lanes() -> int:
    """How many pixels one vector register holds."""
    return _library().e2viz_lanes()


@cache
def _load() -> tuple[ctypes.CDLL | None, str]:
    try:
        return build.load(_opened), ""
    except (RuntimeError, OSError) as error:  # a RuntimeError also where nobody knows the home folder
        return None, str(error)


def _opened(file: Path) -> ctypes.CDLL:
    """The library; an OSError if the file is none, or one without our functions."""
    library = ctypes.CDLL(str(file))
    for name in FUNCTIONS:
        if not hasattr(library, f"e2viz_{name}"):
            raise OSError(f"{file.name} has no function e2viz_{name}")
    for name in ("attention_forward", "attention_backward", "block_forward"):
        getattr(library, f"e2viz_{name}").restype = ctypes.c_long
    return library


def _library() -> ctypes.CDLL:
    with _loading:
        library, reason = _load()
    if library is None:
        raise BuildError(reason)
    return library


@cache
def _team() -> ctypes.c_void_p:
    """GOMP_parallel of PyTorch's own OpenMP: its threads spin after their work, so others would wait for a core."""
    for file in sorted((Path(torch.__file__).parent / "lib").glob("lib*omp*")):
        try:
            return ctypes.cast(ctypes.CDLL(str(file)).GOMP_parallel, ctypes.c_void_p)
        except (OSError, AttributeError):
            continue
    return ctypes.c_void_p()


def _sources(tensors: list[tuple[Tensor, ...]]) -> ctypes.Array:
    """Query, key and value, each a tensor, or maps, weights and bias."""
    return (Source * 3)(*(Source(*_pointers(list(each)), inputs=each[0].shape[1]) for each in tensors))


def _forward(problem: Problem, sources: ctypes.Array, encodings: list[Tensor], output: Output) -> None:
    arguments = (ctypes.byref(problem), _team(), sources, *_pointers(encodings), ctypes.byref(output))
    _count(_library().e2viz_attention_forward(*arguments))


def address(tensor: Tensor) -> int:
    """Where a contiguous float32 tensor lies in memory."""
    assert tensor.is_contiguous() and tensor.dtype is torch.float32, (tensor.shape, tensor.dtype)
    return tensor.data_ptr()


def _pointers(tensors: list[Tensor]) -> list[ctypes.c_void_p]:
    return [ctypes.c_void_p(address(tensor)) for tensor in tensors]


def _count(joint_packs_of_call: int) -> None:
    global _joint_packs
    with _counting:
        _joint_packs += joint_packs_of_call
