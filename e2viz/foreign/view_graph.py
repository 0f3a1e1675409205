"""All views of an image under a group, as an ONNX graph: what ``e2viz.nn.views.group_views`` computes, in float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from e2viz.groups import Group
from e2viz.images.resample import resampling_matrix, soft_disc
from e2viz.images.rotate import MINIMUM_WORKING_SIZE, sampling_grid

_END = np.iinfo(np.int64).min


class _Views:
    """The graph in the making."""

    def __init__(self, size: int, opset: int) -> None:
        self.size, self.opset = size, opset
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, TensorProto] = {}
        self.large = ""

    def constant(self, name: str, values: np.ndarray) -> str:
        self.weights.setdefault(name, numpy_helper.from_array(values, name))
        return name

    def do(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def mirrored(self, name: str, axes: list[int], output: str) -> str:
        """The image with these axes reversed."""
        many = len(axes)
        start = self.constant(f"last{many}", np.full(many, -1, dtype=np.int64))
        end = self.constant(f"first{many}", np.full(many, _END, dtype=np.int64))
        which = self.constant("axes" + "_".join(map(str, axes)), np.array(axes, dtype=np.int64))
        return self.do("Slice", [name, start, end, which, start], output)

    def quarters(self, name: str, count: int, output: str) -> str:
        """The image turned by quarter turns, counter-clockwise: pixels move and nothing is interpolated."""
        if count % 4 == 0:
            return self.do("Identity", [name], output)
        if count % 4 == 2:
            return self.mirrored(name, [2, 3], output)
        across = self.do("Transpose", [name], f"{output}/across", perm=[0, 1, 3, 2])
        return self.mirrored(across, [2 if count % 4 == 1 else 3], output)

    def turned(self, angle_deg: float, output: str) -> str:
        """The image turned by an angle in between: enlarged, turned by GridSample, inside a soft disc, reduced."""
        size, working = self.size, self.size
        while working < max(MINIMUM_WORKING_SIZE, 2 * size):
            working *= 2
        enlarge, reduce = resampling_matrix(size, working), resampling_matrix(working, size)
        if not self.large:
            self._border()
            from_left = self.constant("enlarge", enlarge.float().numpy())
            from_right = self.constant("enlarge_across", enlarge.T.float().contiguous().numpy())
            apart = self.do("Sub", ["image", "background"], "apart")
            self.large = self.do("MatMul", [self.do("MatMul", [from_left, apart], "taller"), from_right], "large")
            self.constant("reduce", reduce.float().numpy())
            self.constant("reduce_across", reduce.T.float().contiguous().numpy())
            self.constant("disc", soft_disc(working).float().numpy())
        grid = sampling_grid(torch.tensor([angle_deg], dtype=torch.float64), working).float().numpy()
        batch = self.do("Shape", ["image"], f"{output}/shape", start=0, end=1)
        rest = self.constant("grid_shape", np.array([working, working, 2], dtype=np.int64))
        shape = self.do("Concat", [batch, rest], f"{output}/grid_shape", axis=0)
        grids = self.do("Expand", [self.constant(f"{output}/grid", grid), shape], f"{output}/grids")
        mode = "linear" if self.opset >= 20 else "bilinear"
        sampled = self.do(
            "GridSample", [self.large, grids], f"{output}/sampled", mode=mode, padding_mode="zeros", align_corners=0
        )
        inside = self.do("Mul", [sampled, "disc"], f"{output}/inside")
        shorter = self.do("MatMul", ["reduce", inside], f"{output}/shorter")
        small = self.do("MatMul", [shorter, "reduce_across"], f"{output}/small")
        again = self.do("Add", [small, "background"], f"{output}/again")
        return self.do("Min", [self.do("Max", [again, "lowest"], f"{output}/above"), "highest"], output)

    def _border(self) -> None:
        """The median of the outermost pixels, and the range of the image."""
        last = self.size - 1
        sides = [
            self._side("top", 2, 0, 1), self._side("bottom", 2, last, last + 1),
            self._side("left", 3, 0, 1, inner=True), self._side("right", 3, last, last + 1, inner=True),
        ]  # fmt: skip
        flat = self.do("Concat", sides, "border", axis=2)
        count = 4 * self.size - 4
        middle = (count - 1) // 2 + 1
        half = self.constant("half", np.array([middle], dtype=np.int64))
        self.nodes.append(
            helper.make_node("TopK", [flat, half], ["lower", "lower_places"], axis=2, largest=0, sorted=1)
        )
        place = self.constant("middle", np.array([middle - 1], dtype=np.int64))
        taken = self.do("Gather", ["lower", place], "median", axis=2)
        self.do("Unsqueeze", [taken, self.constant("as_plane", np.array([3], dtype=np.int64))], "background")
        axes = self.constant("plane", np.array([2, 3], dtype=np.int64))
        self.do("ReduceMin", ["image", axes], "lowest", keepdims=1)
        self.do("ReduceMax", ["image", axes], "highest", keepdims=1)

    def _side(self, name: str, axis: int, start: int, end: int, *, inner: bool = False) -> str:
        starts, ends, axes = [start], [end], [axis]
        if inner:  # corners belong to the rows
            starts, ends, axes = [1, start], [self.size - 1, end], [2, axis]
        given = [
            self.constant(f"{name}_{word}", np.array(values, dtype=np.int64))
            for word, values in (("starts", starts), ("ends", ends), ("axes", axes))
        ]
        cut = self.do("Slice", ["image", *given], f"{name}_pixels")
        flat = self.constant("flat", np.array([0, 0, -1], dtype=np.int64))
        return self.do("Reshape", [cut, flat], name)


def views_model(group: Group, channels: int, size: int, opset: int) -> onnx.ModelProto:
    """From "image" [batch channel size size] to "views" [batch view channel size size], view e being e⁻¹ of the image.

    Args:
        group: C_n or D_n.
        channels, size: of the image.
        opset: 18 or later.
    """
    graph = _Views(size, opset)
    known: dict[float, str] = {0.0: "image"}
    stack = []
    for element in group.elements:
        inverse = group.inverse(element)
        angle_deg, mirrored = group.angle_deg(inverse), group.is_reflection(inverse)
        name = f"view{element}"
        if group.is_exact(inverse):
            source = graph.mirrored("image", [3], f"{name}/mirror") if mirrored else "image"
            view = graph.quarters(source, round(angle_deg / 90.0), name)
        else:
            quarters, rest_deg = divmod(-angle_deg % 360 if mirrored else angle_deg, 90.0)
            if rest_deg not in known:
                known[rest_deg] = graph.turned(rest_deg, f"turned{len(known)}")
            view = graph.quarters(known[rest_deg], int(quarters), f"{name}/quarters" if mirrored else name)
            view = graph.mirrored(view, [3], name) if mirrored else view
        axis = graph.constant("view_axis", np.array([1], dtype=np.int64))
        stack.append(graph.do("Unsqueeze", [view, axis], f"{name}/one"))
    graph.do("Concat", stack, "views", axis=1)
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", channels, size, size])
    views = helper.make_tensor_value_info("views", TensorProto.FLOAT, ["batch", group.order, channels, size, size])
    made = helper.make_graph(graph.nodes, "views", [image], [views], list(graph.weights.values()))
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
