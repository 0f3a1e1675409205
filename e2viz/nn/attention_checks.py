"""What the shapes of an attention must be to each other; each check raises a ValueError that names rule and values."""

from collections.abc import Sequence

from torch import Tensor

from e2viz.nn.pointwise import Pointwise


def check_maps(query: Tensor, key: Tensor, value: Tensor) -> None:
    if not query.shape == key.shape == value.shape:
        raise ValueError(
            "query, key and value must have one shape, "
            f"got {tuple(query.shape)}, {tuple(key.shape)} and {tuple(value.shape)}"
        )
    if not query.dtype == key.dtype == value.dtype:
        raise ValueError(f"query, key and value must have one dtype, got {query.dtype}, {key.dtype} and {value.dtype}")


def check_plane_encoding(plane_encoding: Tensor) -> None:
    height, width = plane_encoding.shape[-2:]
    if height != width or height % 2 == 0:
        raise ValueError(f"the attention window must be square and odd, got {height} x {width}")


def check_lifting_depth(depth: int, plane_encoding: Tensor) -> None:
    if plane_encoding.shape[1] != depth:
        raise ValueError(
            "query depth must equal plane_encoding depth in the lifting layer, "
            f"got {depth} and {plane_encoding.shape[1]}"
        )


def check_projections(maps: Tensor, projections: Sequence[Pointwise], heads: int) -> None:
    *inputs, output = (tuple(project.weight.shape) for project in projections)
    depth_heads = inputs[0][0]
    if len(inputs) != 3 or set(inputs) != {(depth_heads, maps.shape[1])} or depth_heads % heads:
        raise ValueError(
            f"three projections must take {maps.shape[1]} channels to one multiple of {heads} heads, got "
            + ", ".join(f"{taken} to {given}" for given, taken in inputs)
        )
    if output[1] != depth_heads:
        raise ValueError(f"the output's projection must take {depth_heads} channels, got {output[1]} to {output[0]}")


def check_group_encoding(depth: int, group: int, plane_encoding: Tensor, group_encoding: Tensor) -> None:
    if group_encoding.shape[:3] != (group, group, group) or plane_encoding.shape[0] != group:
        raise ValueError(
            "group_encoding must start with [group group group] and plane_encoding with [group], "
            f"got {tuple(group_encoding.shape)} and {tuple(plane_encoding.shape)} for {group} elements"
        )
    depth_plane, depth_group = plane_encoding.shape[1], group_encoding.shape[3]
    if depth_plane + depth_group != depth:
        raise ValueError(
            "query depth must be plane_encoding depth + group_encoding depth, "
            f"got {depth} and {depth_plane} + {depth_group}"
        )


def check_dropout(dropout_p: float) -> None:
    if not 0.0 <= dropout_p < 1.0:
        raise ValueError(f"dropout_p must be in [0, 1), got {dropout_p}")


def check_pixels(query: Tensor, pixels: Tensor) -> None:
    height, width = query.shape[-2:]
    if pixels.ndim != 2 or pixels.shape[1] != 2:
        raise ValueError(f"pixels must be (row, column) pairs, got shape {tuple(pixels.shape)}")
    rows, columns = pixels[:, 0], pixels[:, 1]
    if ((rows < 0) | (rows >= height) | (columns < 0) | (columns >= width)).any():
        raise ValueError(f"pixels must lie in the plane of {height} x {width}, got {pixels.tolist()}")
