"""Group and lifting attention by a compiled kernel: float32 on the CPU, with a hand-written backward.

The C++ beside this file works on packs of neighbouring pixels, one in each lane of a vector register. It is
compiled on first use. Where that is not possible, `available()` is False and `why_not()` says why.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from e2viz.nn.native import library, side_by_side
from e2viz.nn.native.build import BuildError
from e2viz.nn.native.library import joint_packs, lanes, why_not
from e2viz.nn.native.maps import max_pool, swish_norm

__all__ = [
    "BuildError",
    "available",
    "block",
    "coordinate_network",
    "group_attention",
    "group_dropout_mask",
    "joint_packs",
    "lanes",
    "lifting_attention",
    "lifting_dropout_mask",
    "max_pool",
    "plane_encoding",
    "swish_norm",
    "projected_attention",
    "why_not",
]


def available() -> bool:
    """Whether the kernel is compiled or can be compiled here; the first call compiles it, which takes seconds."""
    return not why_not()


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
    """See `functional.group_attention`. The dropout mask is that of `group_dropout_mask`."""
    seed = _draw_seed(dropout_p)
    return _Attention.apply(query, key, value, plane_encoding, group_encoding, scale, dropout_p, seed)


def lifting_attention(
    query: Float[Tensor, "batch depth head height width"],
    key: Float[Tensor, "batch depth head height width"],
    value: Float[Tensor, "batch depth head height width"],
    plane_encoding: Float[Tensor, "group depth window window"],
    *,
    scale: float,
    dropout_p: float = 0.0,
) -> Float[Tensor, "batch depth head group height width"]:
    """See `functional.lifting_attention`: group attention with one query element and one key element."""
    seed = _draw_seed(dropout_p)
    maps = [map_.unsqueeze(3) for map_ in (query, key, value)]
    return _Attention.apply(*maps, plane_encoding, _no_group_encoding(plane_encoding), scale, dropout_p, seed)


def projected_attention(
    maps: Float[Tensor, "batch input element height width"],
    projections: list[library.Projection],
    plane_encoding: Float[Tensor, "output depth_plane window window"],
    group_encoding: Float[Tensor, "output element element depth_group"] | None,
    *,
    heads: int,
    scale: float,
    dropout_p: float = 0.0,
) -> Float[Tensor, "batch channel output height width"]:
    """Group attention of maps to themselves, or lifting attention without a group encoding; it has no backward.

    Queries, keys and values are made row by row where they are used, and what the heads attend to is summed by the
    output's projection: none of it is stored.

    Args:
        maps: with a single element for lifting attention.
        projections: weights [depth * head, input], depth first, and bias of query, key and value; then weights
            [channel, depth * head] and bias of the output.
        plane_encoding: see `functional.group_attention`.
        group_encoding: see `functional.group_attention`.
        heads: attention heads.
        scale: see `functional.group_attention`.
        dropout_p: see `functional.group_attention`.
    """
    batch, _, order, height, width = maps.shape
    depth, outputs = len(projections[0][0]) // heads, plane_encoding.shape[0]
    group_encoding = _no_group_encoding(plane_encoding) if group_encoding is None else group_encoding
    problem = _problem(
        (batch, depth, heads, order, height, width), plane_encoding, order,
        scale=scale, dropout_p=dropout_p, seed=_draw_seed(dropout_p),
    )  # fmt: skip
    out = maps.new_empty(batch, len(projections[3][0]), outputs, height, width)
    encodings = [plane_encoding.contiguous(), group_encoding.contiguous()]
    library.projected_forward(problem, maps.contiguous(), projections, encodings, out)
    return out


def block(
    weights: library.BlockWeights,
    maps: Float[Tensor, "batch input group height width"],
    residual: Float[Tensor, "batch channel group h w"],
    *,
    heads: int,
    scale: float,
    epsilon: float,
) -> Float[Tensor, "batch channel group h w"]:
    """A block of GE-ViT in one call; it has no backward.

    Args:
        weights: of all its layers.
        maps: the input.
        residual: what is added to the attended maps, which are cropped to its size.
        heads: attention heads.
        scale: see `functional.group_attention`.
        epsilon: of the norms over whole maps.
    """
    maps = maps.contiguous()
    batch, _, order, height, width = maps.shape
    image, channel, plane, line, pixel = residual.stride()
    if pixel != 1 or channel != order * plane:
        residual = residual.contiguous()
        image, _, plane, line, _ = residual.stride()
    out = maps.new_empty(residual.shape)
    # One piece of memory for the swished input, attended maps, their sums with the residual, and hidden maps.
    swished, attended, sums = maps.numel(), batch * weights.channels * order * height * width, out.numel()
    scratch = maps.new_empty(swished + attended + sums + sums // weights.channels * weights.hidden_channels)
    first = scratch.data_ptr()
    places = first, first + 4 * swished, first + 4 * (swished + attended), first + 4 * (swished + attended + sums)
    cropped = (height - residual.shape[3]) // 2
    in_and_out = library.BlockMaps(
        maps.data_ptr(), residual.data_ptr(), *places, out.data_ptr(), line, plane, image,
        batch, height, width, cropped, heads, torch.get_num_threads(), scale, epsilon,
    )  # fmt: skip
    library.block_forward(weights, in_and_out)
    return out


def plane_encoding(
    coordinates: list[Float[Tensor, "group window window"]],
    networks: list[list[library.Projection]],
    *,
    epsilon: float,
) -> Float[Tensor, "group depth window window"]:
    """The encodings of row and column, one after the other, by a network each; it has no backward.

    Args:
        coordinates: of every window offset, acted on by each group element: rows, then columns.
        networks: weights and bias of widening product, norm and narrowing product.
        epsilon: of the norms.
    """
    tasks = [coordinate_network(*each, epsilon) for each in zip(coordinates, networks, strict=True)]
    outputs, height, width = coordinates[0].shape
    out = coordinates[0].new_empty(outputs, tasks[0].depth + tasks[1].depth, height, width)
    library.plane_encoding(tasks, out)
    return out


def coordinate_network(
    coordinates: Float[Tensor, "group window window"], network: list[library.Projection], epsilon: float
) -> library.CoordinateNetwork:
    """Coordinates and the weights of their network as the kernel takes them; valid while the tensors stay in place."""
    depth, hidden = network[2][0].shape
    addresses = (library.address(parameter) for pair in network for parameter in pair)
    return library.CoordinateNetwork(library.address(coordinates), *addresses, epsilon, hidden, depth)


def group_dropout_mask(
    query: Float[Tensor, "batch depth head group height width"],
    plane_encoding: Float[Tensor, "group depth_plane window window"],
    *,
    dropout_p: float,
) -> Float[Tensor, "batch head group group height width group window window"]:
    """The factors on attention that `group_attention` would use with torch's generator in its present state.

    Args:
        query: only its shape counts.
        plane_encoding: only its shape counts.
        dropout_p: chance of a zero; the other factors are 1 / (1 - dropout_p).

    Returns:
        Factors [batch head v g height width m window window].
    """
    order = query.shape[3]
    problem = _problem(query.shape, plane_encoding, order, scale=1.0, dropout_p=dropout_p, seed=_draw_seed(dropout_p))
    shape = (problem.batch, problem.head, order, order, *query.shape[-2:], order, *plane_encoding.shape[-2:])
    return _factors(problem, query.new_empty(shape))


def lifting_dropout_mask(
    query: Float[Tensor, "batch depth head height width"],
    plane_encoding: Float[Tensor, "group depth window window"],
    *,
    dropout_p: float,
) -> Float[Tensor, "batch head group height width window window"]:
    """The factors on attention that `lifting_attention` would use; see `group_dropout_mask`."""
    problem = _problem(
        query.unsqueeze(3).shape, plane_encoding, 1, scale=1.0, dropout_p=dropout_p, seed=_draw_seed(dropout_p)
    )
    shape = (problem.batch, problem.head, problem.outputs, *query.shape[-2:], *plane_encoding.shape[-2:])
    return _factors(problem, query.new_empty(shape))


class _Attention(torch.autograd.Function):
    """Keeps its inputs alone and computes all else again in the backward pass."""

    @staticmethod
    def forward(ctx, query, key, value, plane_encoding, group_encoding, scale, dropout_p, seed):
        batch, *_, width = query.shape
        window = plane_encoding.shape[-1]
        images = 1 if dropout_p else side_by_side.fewest_packs(batch, width, window, library.lanes())
        ctx.rows = side_by_side.Rows(batch, width, images, window // 2)
        inputs = [*map(ctx.rows.join, (query, key, value)), plane_encoding.contiguous(), group_encoding.contiguous()]
        ctx.settings = {"scale": scale, "dropout_p": dropout_p, "seed": seed, "image_width": ctx.rows.image_width}
        problem = _problem(inputs[0].shape, plane_encoding, key.shape[3], **ctx.settings)
        batch, depth, head, _, height, width = inputs[0].shape
        out = query.new_empty(batch, depth, head, plane_encoding.shape[0], height, width)
        library.forward(problem, inputs, out)
        ctx.save_for_backward(*inputs)
        return ctx.rows.part(out)

    @staticmethod
    @once_differentiable
    def backward(ctx, out_gradient):
        query, key, value, plane_encoding, group_encoding = ctx.saved_tensors
        problem = _problem(query.shape, plane_encoding, key.shape[3], **ctx.settings)
        gradients = [torch.empty_like(tensor) for tensor in ctx.saved_tensors]
        library.backward(problem, list(ctx.saved_tensors), ctx.rows.join(out_gradient), gradients)
        return *map(ctx.rows.part, gradients[:3]), *gradients[3:], None, None, None


def _problem(
    query: Sequence[int],
    plane_encoding: Tensor,
    keys: int,
    *,
    scale: float,
    dropout_p: float,
    seed: int,
    image_width: int = 0,
) -> library.Problem:
    batch, depth, head, queries, height, width = query
    outputs, depth_plane, window, _ = plane_encoding.shape
    return library.Problem(
        batch=batch, head=head, outputs=outputs, queries=queries, keys=keys, depth=depth, depth_plane=depth_plane,
        window=window, height=height, width=width, threads=torch.get_num_threads(),
        scale=scale, dropout=dropout_p, seed=seed, image_width=image_width,
    )  # fmt: skip


def _no_group_encoding(plane_encoding: Tensor) -> Tensor:
    return plane_encoding.new_empty(plane_encoding.shape[0], 1, 1, 0)


def _draw_seed(dropout_p: float) -> int:
    """From torch's generator, so that torch.manual_seed repeats a run; without dropout the generator stays."""
    return int(torch.randint(2**31, ())) if dropout_p else 0


def _factors(problem: library.Problem, kept: Tensor) -> Tensor:
    library.dropout_mask(problem, kept)
    return kept / kept_chance(problem.dropout)


def kept_chance(dropout_p: float) -> float:
    """The chance that the kernel keeps a weight: 1 - dropout_p in steps of 2^-15, as dropout.h rounds it."""
    return 1 - int(dropout_p * 32768 + 0.5) / 32768
