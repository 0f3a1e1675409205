"""Lifting and group self-attention: the functions that the layers call, one door for every path.

The *native* path is a compiled kernel (float32 on the CPU); the *torch* path is factorised, tiled PyTorch that
needs no compiler. On NVIDIA GPUs the *triton* path is a fused kernel, and on every accelerator the *batched* path takes
whole batches in a few large operations. All compute the same thing, with their own backward. Which one is taken
is chosen in `e2viz.nn.paths`.

Every map is the plain view of a 1x1 convolution's output whose channels are depth first:
[batch depth head (group) height width].
"""

from collections.abc import Sequence

from jaxtyping import Float, Int
from torch import Tensor

from e2viz.nn import attention_checks as checks
from e2viz.nn import native, picture_lifting, probabilities
from e2viz.nn.paths import implementation, runs_in_kernel
from e2viz.nn.pointwise import Pointwise, weight_and_bias


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
    """Attention of a group feature map to itself, in a window around each pixel.

    out[x, v] = sum over g of softmax over (m, u) of scale * (q(x,g).k(x+u,m) + q_plane(x,g).plane_encoding[v,:,u]
    + q_group(x,g).group_encoding[v,g,m]) applied to value(x+u, m). Offsets outside the plane take no part.
    With encodings that respect the group, turning the input turns the output and permutes its group axis.

    Source: Romero & Cordonnier 2021, equation 16; Xu et al. 2023. The sum over g is outside the softmax.

    Args:
        query: the first depth_plane channels meet plane_encoding, the others meet group_encoding.
        key: keys, masked outside the plane.
        value: values.
        plane_encoding: one encoding of the window's offsets for each output element v; the window is odd.
        group_encoding: one encoding for each (v, g, m).
        scale: factor on every score, usually 1 / sqrt(channels).
        dropout_p: chance that one attention weight is set to zero; the others are divided by 1 - dropout_p.

    Returns:
        The attended values, one for each output element v.

    Raises:
        ValueError: shapes, window or dropout_p break the rules above.
    """
    checks.check_maps(query, key, value)
    checks.check_plane_encoding(plane_encoding)
    checks.check_group_encoding(int(query.shape[1]), int(query.shape[3]), plane_encoding, group_encoding)
    checks.check_dropout(dropout_p)
    attend = implementation(query, key, value, plane_encoding, group_encoding).group_attention
    return attend(query, key, value, plane_encoding, group_encoding, scale=scale, dropout_p=dropout_p)


def lifting_attention(
    query: Float[Tensor, "batch depth head height width"],
    key: Float[Tensor, "batch depth head height width"],
    value: Float[Tensor, "batch depth head height width"],
    plane_encoding: Float[Tensor, "group depth window window"],
    *,
    scale: float,
    dropout_p: float = 0.0,
) -> Float[Tensor, "batch depth head group height width"]:
    """Attention of a planar map to itself, once for each group element: the plane is lifted to the group.

    out[x, v] = softmax over u of scale * (q(x).k(x+u) + q(x).plane_encoding[v,:,u]) applied to value(x+u).
    Turning the input turns the output and permutes its group axis.

    Source: Romero & Cordonnier 2021, equation 14.

    Args:
        query: queries; all their channels meet plane_encoding.
        key: keys, masked outside the plane.
        value: values.
        plane_encoding: one encoding of the window's offsets for each group element; the window is odd.
        scale: factor on every score.
        dropout_p: chance that one attention weight is set to zero; the others are divided by 1 - dropout_p.

    Returns:
        The attended values, one for each group element.

    Raises:
        ValueError: shapes, window or dropout_p break the rules above.
    """
    checks.check_maps(query, key, value)
    checks.check_plane_encoding(plane_encoding)
    checks.check_lifting_depth(int(query.shape[1]), plane_encoding)
    checks.check_dropout(dropout_p)
    attend = implementation(query, key, value, plane_encoding).lifting_attention
    return attend(query, key, value, plane_encoding, scale=scale, dropout_p=dropout_p)


def projected_group_attention(
    maps: Float[Tensor, "batch input group height width"],
    projections: Sequence[Pointwise],
    plane_encoding: Float[Tensor, "group depth_plane window window"],
    group_encoding: Float[Tensor, "group group group depth_group"],
    *,
    heads: int,
    scale: float,
    dropout_p: float = 0.0,
) -> Float[Tensor, "batch output group height width"]:
    """`group_attention` between projections of maps and of its result; without gradients faster than step by step.

    Args:
        maps: the input of the layer.
        projections: to query, key and value, and from what they give to the output; heads are depth first.
        plane_encoding: as in `group_attention`.
        group_encoding: as in `group_attention`.
        heads: attention heads.
        scale: as in `group_attention`.
        dropout_p: as in `group_attention`.

    Returns:
        As `group_attention`.

    Raises:
        ValueError: shapes, window or dropout_p break the rules of `group_attention`.
    """
    if not _projects_in_kernel(maps, projections, plane_encoding, group_encoding):
        *inputs, output = projections
        query, key, value = (split_heads(project(maps), heads) for project in inputs)
        mixed = group_attention(query, key, value, plane_encoding, group_encoding, scale=scale, dropout_p=dropout_p)
        return output(mixed.flatten(1, 2))
    checks.check_projections(maps, projections, heads)
    checks.check_plane_encoding(plane_encoding)
    checks.check_group_encoding(len(projections[0].weight) // heads, int(maps.shape[2]), plane_encoding, group_encoding)
    checks.check_dropout(dropout_p)
    return native.projected_attention(
        maps, _weights(projections), plane_encoding, group_encoding, heads=heads, scale=scale, dropout_p=dropout_p
    )


def projected_lifting_attention(
    images: Float[Tensor, "batch input height width"],
    projections: Sequence[Pointwise],
    plane_encoding: Float[Tensor, "group depth window window"],
    *,
    heads: int,
    scale: float,
    dropout_p: float = 0.0,
) -> Float[Tensor, "batch output group height width"]:
    """`lifting_attention` between projections of images and of its result; without gradients faster than step by step.

    Args:
        images: the input of the layer.
        projections: to query, key and value, and from what they give to the output; heads are depth first.
        plane_encoding: as in `lifting_attention`.
        heads: attention heads.
        scale: as in `lifting_attention`.
        dropout_p: as in `lifting_attention`.

    Returns:
        As `lifting_attention`.

    Raises:
        ValueError: shapes, window or dropout_p break the rules of `lifting_attention`.
    """
    if not _projects_in_kernel(images, projections, plane_encoding):
        if not dropout_p and picture_lifting.applies(images, projections, plane_encoding):
            checks.check_lifting_depth(len(projections[0].weight) // heads, plane_encoding)
            return picture_lifting.attend(images, projections, plane_encoding, heads=heads, scale=scale)
        *inputs, output = projections
        query, key, value = (split_heads(project(images), heads) for project in inputs)
        mixed = lifting_attention(query, key, value, plane_encoding, scale=scale, dropout_p=dropout_p)
        return output(mixed.flatten(1, 2))
    checks.check_projections(images, projections, heads)
    checks.check_plane_encoding(plane_encoding)
    checks.check_lifting_depth(len(projections[0].weight) // heads, plane_encoding)
    checks.check_dropout(dropout_p)
    return native.projected_attention(
        images.unsqueeze(2), _weights(projections), plane_encoding, None, heads=heads, scale=scale, dropout_p=dropout_p
    )


def split_heads(
    maps: Float[Tensor, "batch channel *positions"], heads: int
) -> Float[Tensor, "batch depth head *positions"]:
    """The output of a 1x1 convolution as [batch depth head ...]: its channels are depth first."""
    return maps.unflatten(1, (-1, heads))


def group_attention_probabilities(
    query: Float[Tensor, "batch depth head group height width"],
    key: Float[Tensor, "batch depth head group height width"],
    plane_encoding: Float[Tensor, "group depth_plane window window"],
    group_encoding: Float[Tensor, "group group group depth_group"],
    *,
    scale: float,
    pixels: Int[Tensor, "pixel 2"],
) -> Float[Tensor, "batch head group group pixel group window window"]:
    """The attention weights of `group_attention` for chosen query pixels only.

    They sum to one over the key element and the window for each output element and query element, and applied
    to the values they give the output of `group_attention` without dropout.

    Args:
        query: as in `group_attention`.
        key: as in `group_attention`.
        plane_encoding: as in `group_attention`.
        group_encoding: as in `group_attention`.
        scale: as in `group_attention`.
        pixels: (row, column) of each query pixel.

    Returns:
        Probabilities [batch head v g pixel m window window]; zero at offsets outside the plane.

    Raises:
        ValueError: shapes break the rules, or a pixel lies outside the plane.
    """
    checks.check_maps(query, key, key)
    checks.check_plane_encoding(plane_encoding)
    checks.check_group_encoding(int(query.shape[1]), int(query.shape[3]), plane_encoding, group_encoding)
    checks.check_pixels(query, pixels)
    return probabilities.group_attention(query, key, plane_encoding, group_encoding, scale, pixels)


def lifting_attention_probabilities(
    query: Float[Tensor, "batch depth head height width"],
    key: Float[Tensor, "batch depth head height width"],
    plane_encoding: Float[Tensor, "group depth window window"],
    *,
    scale: float,
    pixels: Int[Tensor, "pixel 2"],
) -> Float[Tensor, "batch head group pixel window window"]:
    """The attention weights of `lifting_attention` for chosen query pixels only.

    Args:
        query: as in `lifting_attention`.
        key: as in `lifting_attention`.
        plane_encoding: as in `lifting_attention`.
        scale: as in `lifting_attention`.
        pixels: (row, column) of each query pixel.

    Returns:
        Probabilities [batch head v pixel window window]; zero at offsets outside the plane.

    Raises:
        ValueError: shapes break the rules, or a pixel lies outside the plane.
    """
    checks.check_maps(query, key, key)
    checks.check_plane_encoding(plane_encoding)
    checks.check_pixels(query, pixels)
    return probabilities.lifting_attention(query, key, plane_encoding, scale, pixels)


def _projects_in_kernel(maps: Tensor, projections: Sequence[Pointwise], *encodings: Tensor) -> bool:
    return runs_in_kernel(maps, *(each for pair in _weights(projections) for each in pair), *encodings)


def _weights(layers: Sequence[Pointwise]) -> list[tuple[Tensor, Tensor]]:
    return [weight_and_bias(layer) for layer in layers]  # type: ignore[misc]
