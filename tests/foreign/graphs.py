"""Small graphs for tests, made by hand: one good classifier and many that nobody should run."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSETS = [helper.make_opsetid("", 18)]


def weights(name: str, *shape: int, seed: int = 0) -> onnx.TensorProto:
    """Small random weights."""
    values = np.random.default_rng(seed).normal(0, 0.1, shape).astype(np.float32)
    return numpy_helper.from_array(values, name)


def whole(nodes, initializers=(), *, inputs=None, outputs=None, opsets=OPSETS, **extra) -> bytes:
    """A model file of these nodes, from "x" [b 3 8 8] to "y" [b 5] unless said otherwise."""
    inputs = inputs or [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["b", 3, 8, 8])]
    outputs = outputs or [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["b", 5])]
    graph = helper.make_graph(list(nodes), "test", inputs, outputs, list(initializers))
    model = helper.make_model(graph, opset_imports=list(opsets), ir_version=10, **extra)
    return model.SerializeToString()


def classifier(batch="b", *, ending=(), metadata=None, channels=3, size=8, layout="NCHW") -> bytes:
    """conv, relu, mean over the plane, a linear layer; with this ending."""
    shape = [batch, channels, size, size] if layout == "NCHW" else [batch, size, size, channels]
    first = [] if layout == "NCHW" else [helper.make_node("Transpose", ["x"], ["planes"], perm=[0, 3, 1, 2])]
    start = "x" if layout == "NCHW" else "planes"
    last = "scores" if ending else "y"
    nodes = [
        *first,
        helper.make_node("Conv", [start, "kernel"], ["convolved"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["convolved"], ["maps"]),
        helper.make_node("GlobalAveragePool", ["maps"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "matrix", "bias"], [last]),
        *ending,
    ]
    held = [
        weights("kernel", 4, channels if isinstance(channels, int) else 3, 3, 3),
        weights("matrix", 4, 5, seed=1),
        weights("bias", 5, seed=2),
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 5])]
    data = whole(nodes, held, inputs=inputs, outputs=outputs)
    if metadata:
        model = onnx.load_model_from_string(data)
        helper.set_model_props(model, metadata)
        data = model.SerializeToString()
    return data


def convolved_scores() -> bytes:
    """A classifier whose last layer is a convolution: its scores are [batch classes 1 1]."""
    nodes = [
        helper.make_node("Conv", ["x", "kernel"], ["convolved"], pads=[1, 1, 1, 1]),
        helper.make_node("GlobalAveragePool", ["convolved"], ["pooled"]),
        helper.make_node("Conv", ["pooled", "matrix"], ["y"]),
    ]
    held = [weights("kernel", 4, 3, 3, 3), weights("matrix", 5, 4, 1, 1, seed=1)]
    return whole(nodes, held, outputs=[helper.make_tensor_value_info("y", TensorProto.FLOAT, ["b", 5, 1, 1])])


def external(path: str) -> bytes:
    """Weights that claim to lie in another file of the system."""
    model = onnx.load_model_from_string(classifier())
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", path), ("offset", "0"), ("length", "432")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return model.SerializeToString()


def hidden_external(path: str) -> bytes:
    """The same inside the branch of a condition."""
    inner = onnx.load_model_from_string(external(path)).graph.initializer[0]
    body = helper.make_graph(
        [helper.make_node("Identity", ["kernel"], ["out"])], "branch", [],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)], [inner],
    )  # fmt: skip
    model = onnx.load_model_from_string(classifier())
    true = numpy_helper.from_array(np.array(True), "true")
    model.graph.initializer.append(true)
    model.graph.node.append(helper.make_node("If", ["true"], ["unused"], then_branch=body, else_branch=body))
    return model.SerializeToString()


def hungry(numbers: int) -> bytes:
    """A classifier that first fills memory with so many numbers."""
    shape = numpy_helper.from_array(np.array([numbers], dtype=np.int64), "shape")
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["huge"]),
        helper.make_node("ReduceSum", ["huge"], ["sum"], keepdims=0),
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["scores"]),
        helper.make_node("Add", ["scores", "sum"], ["y"]),
    ]
    return whole(nodes, [shape, weights("matrix", 192, 5)])


def looping(trips: int, side: int, fixed: bool = True) -> bytes:
    """A classifier that multiplies a large matrix in a loop."""
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["state", "state"], ["product"]),
            helper.make_node("Tanh", ["product"], ["next"]),
            helper.make_node("Identity", ["go"], ["go on"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("trip", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, [side, side]),
        ],
        [
            helper.make_tensor_value_info("go on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, [side, side]),
        ],
    )
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], keepdims=0),
        helper.make_node("Expand", ["mean", "square"], ["matrix"]),
        helper.make_node("Loop", ["trips" if fixed else "", "true", "matrix"], ["last"], body=body),
        helper.make_node("ReduceMean", ["last"], ["small"], keepdims=0),
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["scores"]),
        helper.make_node("Add", ["scores", "small"], ["y"]),
    ]
    held = [
        numpy_helper.from_array(np.array(trips, dtype=np.int64), "trips"),
        numpy_helper.from_array(np.array([side, side], dtype=np.int64), "square"),
        numpy_helper.from_array(np.array(True), "true"),
        weights("weights", 192, 5),
    ]
    return whole(nodes, held)


def two_inputs() -> bytes:
    """An image and something else."""
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["b", 3, 8, 8]) for name in ("x", "mask")]
    nodes = [
        helper.make_node("Mul", ["x", "mask"], ["masked"]),
        helper.make_node("Flatten", ["masked"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["y"]),
    ]
    return whole(nodes, [weights("matrix", 192, 5)], inputs=inputs)


def text_output() -> bytes:
    """It says words, not scores."""
    nodes = [helper.make_node("Cast", ["x"], ["y"], to=TensorProto.STRING)]
    return whole(nodes, outputs=[helper.make_tensor_value_info("y", TensorProto.STRING, ["b", 5])])


def custom() -> bytes:
    """An operator of somebody's own."""
    nodes = [helper.make_node("Run", ["x"], ["y"], domain="com.example")]
    return whole(nodes, opsets=[*OPSETS, helper.make_opsetid("com.example", 1)])


def deep(levels: int) -> bytes:
    """Conditions within conditions."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["true"], ["out0"])], "inner", [],
        [helper.make_tensor_value_info("out0", TensorProto.BOOL, None)],
    )  # fmt: skip
    for level in range(1, levels + 1):
        node = helper.make_node("If", ["true"], [f"out{level}"], then_branch=body, else_branch=body)
        body = helper.make_graph(
            [node], f"level{level}", [], [helper.make_tensor_value_info(f"out{level}", TensorProto.BOOL, None)]
        )
    nodes = [
        helper.make_node("If", ["true"], ["unused"], then_branch=body, else_branch=body),
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["y"]),
    ]
    return whole(nodes, [numpy_helper.from_array(np.array(True), "true"), weights("matrix", 192, 5)])


def recursive() -> bytes:
    """A function that calls itself."""
    itself = helper.make_function("own", "F", ["a"], ["b"], [helper.make_node("F", ["a"], ["b"], domain="own")], OPSETS)
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("F", ["flat"], ["called"], domain="own"),
        helper.make_node("MatMul", ["called", "matrix"], ["y"]),
    ]
    opsets = [*OPSETS, helper.make_opsetid("own", 1)]
    return whole(nodes, [weights("matrix", 192, 5)], opsets=opsets, functions=[itself])


def doubling(levels: int) -> bytes:
    """Functions that each call the one before twice: small in the file, endless when written out."""
    functions = []
    for level in range(levels):
        inner = ("F" + str(level - 1), "own") if level else ("Neg", "")
        calls = [
            helper.make_node(inner[0], ["a"], ["m"], domain=inner[1]),
            helper.make_node(inner[0], ["m"], ["b"], domain=inner[1]),
        ]
        opsets = [*OPSETS, helper.make_opsetid("own", 1)]
        functions.append(helper.make_function("own", f"F{level}", ["a"], ["b"], calls, opsets))
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node(f"F{levels - 1}", ["flat"], ["called"], domain="own"),
        helper.make_node("MatMul", ["called", "matrix"], ["y"]),
    ]
    opsets = [*OPSETS, helper.make_opsetid("own", 1)]
    return whole(nodes, [weights("matrix", 192, 5)], opsets=opsets, functions=functions)


PATCHES = np.random.default_rng(3).normal(size=(8, 3, 8, 8)).astype(np.float32) * 0.1


def fused_attention(asked: bool) -> bytes:
    """One layer of the operator Attention (opset 23) over sixteen patches, two heads; scores on its output if asked."""
    shape = numpy_helper.from_array(np.array([0, 8, 16], dtype=np.int64), "shape")
    extra = {"qk_matmul_output_mode": 0} if asked else {}
    outputs = ["mixed", "", "", "raw"] if asked else ["mixed"]
    nodes = [
        helper.make_node("Conv", ["x", "patches"], ["plane"], strides=[8, 8]),
        helper.make_node("Reshape", ["plane", "shape"], ["rows"]),
        helper.make_node("Transpose", ["rows"], ["tokens"], perm=[0, 2, 1]),
        helper.make_node("Attention", ["tokens"] * 3, outputs, q_num_heads=2, kv_num_heads=2, **extra),
        helper.make_node("Add", ["tokens", "mixed"], ["sum"]),
        helper.make_node("ReduceMean", ["sum", "axes"], ["mean"], keepdims=0),
        helper.make_node("Gemm", ["mean", "head"], ["y"]),
    ]
    held = [
        numpy_helper.from_array(PATCHES, "patches"), shape,
        numpy_helper.from_array(np.array([1], dtype=np.int64), "axes"), weights("head", 8, 5),
    ]  # fmt: skip
    inputs = [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["b", 3, 32, 32])]
    outs = [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["b", 5])]
    return whole(nodes, held, inputs=inputs, outputs=outs, opsets=[helper.make_opsetid("", 23)])
