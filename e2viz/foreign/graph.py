"""Read an ONNX file without believing it: everything is bounded and checked before any of it is run.

Source: the ONNX specification, its documents on the intermediate representation and on external data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import onnx
from google.protobuf.message import DecodeError, Message
from onnx import TensorProto, inliner, numpy_helper

from e2viz.foreign.bounds import BOUNDS, MEGABYTE, Bounds, Refused
from e2viz.foreign.metadata import words_of

STANDARD = ("", "ai.onnx", "ai.onnx.ml")
IMAGE_TYPES = {
    TensorProto.FLOAT: "float32", TensorProto.FLOAT16: "float16", TensorProto.DOUBLE: "float64",
    TensorProto.UINT8: "uint8",
}  # fmt: skip
CHANNELS = (1, 3)
LOOPING = ("Loop", "Scan", "SequenceMap")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a graph says about itself.

    Args:
        input, output: names of the image input and of the scores.
        layout: "NCHW" or "NHWC".
        dtype: of the input.
        batch: images in one run; None if free.
        channels, size: of the image; None where the graph leaves them free.
        classes: None where the graph leaves them free.
        parameters: numbers in the weights.
        nodes: operations.
        opset, producer: who wrote it.
        said: class names, mean, std and size from its metadata, where they stand there.
    """

    input: str
    output: str
    layout: str
    dtype: str
    batch: int | None
    channels: int | None
    size: int | None
    classes: int | None
    parameters: int
    nodes: int
    opset: int
    producer: str = ""
    said: dict[str, Any] = field(default_factory=dict)


def read(data: bytes, bounds: Bounds = BOUNDS) -> tuple[onnx.ModelProto, Facts]:
    """The graph of a file and what it says, its functions written out.

    Raises:
        Refused: if it is no whole ONNX file, is over a bound, refers to other files, uses operators that are not
            standard, or is no image classifier.
    """
    if len(data) > bounds.file_bytes:
        raise Refused(f"The file has {len(data) / MEGABYTE:.0f} MB; at most {bounds.file_bytes // MEGABYTE} are read.")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError:
        raise Refused("This is not an ONNX file, or it is cut off.") from None
    if not model.graph.node or not model.opset_import:
        raise Refused("This is not an ONNX file, or it is cut off: it holds no graph.")
    _check_parts(model, bounds)
    if model.functions:
        _check_calls(model, bounds)
        model = inliner.inline_local_functions(model)
    _check_operators(model, bounds)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise Refused(f"The graph is not valid ONNX, or the file is cut off: {sentence(error)}") from None
    facts(model, bounds)
    _flatten_scores(model)
    return model, facts(model, bounds)


def _flatten_scores(model: onnx.ModelProto) -> None:
    """Scores of a convolution, [batch classes 1 1], as [batch classes]."""
    (scores,) = model.graph.output
    sides = _sides(scores) or []
    if len(sides) <= 2:
        return
    flat = f"{scores.name}/flat"
    model.graph.node.append(onnx.helper.make_node("Flatten", [scores.name], [flat], axis=1))
    classes = next((side for side in sides[1:] if side != 1), None)
    kind = scores.type.tensor_type.elem_type
    scores.CopyFrom(onnx.helper.make_tensor_value_info(flat, kind, [sides[0] or "batch", classes]))


def sentence(error: object, most: int = 240) -> str:
    """The first words of somebody else's message, printable and on one line."""
    text = " ".join("".join(c if c.isprintable() else " " for c in str(error)).split())
    return text if len(text) <= most else text[: most - 1] + "…"


def parts(message: Message, depth: int = 0) -> Iterator[tuple[Message, int]]:
    """Every message inside a message, with the number of graphs around it."""
    yield message, depth
    deeper = depth + isinstance(message, onnx.GraphProto)
    for _, value in message.ListFields():
        for each in (value,) if isinstance(value, Message) else value if _repeats(value) else ():
            yield from parts(each, deeper)


def _repeats(value: Any) -> bool:
    return not isinstance(value, str | bytes) and hasattr(value, "__len__") and bool(value) and _is_message(value)


def _is_message(value: Any) -> bool:
    return isinstance(next(iter(value)), Message)


def _check_parts(model: onnx.ModelProto, bounds: Bounds) -> None:
    """No tensor may lie in another file, and graphs within graphs have an end."""
    nodes = 0
    for part, depth in parts(model):
        if isinstance(part, TensorProto) and (part.data_location == TensorProto.EXTERNAL or part.external_data):
            raise Refused(
                "The weights lie in another file (external data), which is never opened. Export one file: "
                "torch.onnx.export(..., external_data=False)."
            )
        if isinstance(part, onnx.GraphProto) and depth > bounds.depth:
            raise Refused(f"Graphs within graphs may be {bounds.depth} deep, this one goes deeper.")
        if isinstance(part, onnx.NodeProto):
            nodes += 1
            if nodes > bounds.nodes:
                raise Refused(f"A graph may have {bounds.nodes:,} operations, this one has more.")


def _check_calls(model: onnx.ModelProto, bounds: Bounds) -> None:
    """Functions may call each other, not themselves, and written out they stay within the bound."""
    bodies = {(each.domain, each.name): each for each in model.functions}
    sizes: dict[tuple[str, str], int] = {}

    def size(key: tuple[str, str], around: frozenset[tuple[str, str]]) -> int:
        if key in around or len(around) > 64:
            raise Refused("A function of the graph calls itself.")
        if key not in sizes:
            inner = around | {key}
            called = [(node.domain, node.op_type) for node, _ in parts(bodies[key]) if isinstance(node, onnx.NodeProto)]
            sizes[key] = sum(size(each, inner) if each in bodies else 1 for each in called)
        return sizes[key]

    whole = 0
    for node, _ in parts(model.graph):
        if isinstance(node, onnx.NodeProto):
            key = (node.domain, node.op_type)
            whole += size(key, frozenset()) if key in bodies else 1
    if whole > bounds.nodes:
        raise Refused(
            f"A graph may have {bounds.nodes:,} operations, this one has {whole:,} once its functions are run."
        )


def _check_operators(model: onnx.ModelProto, bounds: Bounds) -> None:
    """Standard operators alone, and control flow that has an end."""
    branches = loops = 0
    constants = {each.name: each for each in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.output and node.attribute and node.attribute[0].HasField("t"):
            constants[node.output[0]] = node.attribute[0].t
    for node, _ in parts(model.graph):
        if not isinstance(node, onnx.NodeProto):
            continue
        if node.domain not in STANDARD:
            raise Refused(
                f"The operator {sentence(node.op_type, 60)} of {sentence(node.domain, 60)} is not a standard one, and "
                "custom operators are not run. Export the model without it."
            )
        if node.op_type in LOOPING:
            loops += 1
            trips = _trips(node, constants)
            if loops > bounds.loops or trips is None or trips > bounds.trips:
                raise Refused(
                    f"A graph may loop {bounds.loops} times, each with a fixed count of at most {bounds.trips:,}; "
                    f"this one has a {node.op_type} {'without one' if trips is None else f'of {trips:,}'}."
                )
        branches += node.op_type == "If"
    if branches > bounds.branches:
        raise Refused(f"A graph may have {bounds.branches} conditions, this one has {branches}.")


def _trips(node: onnx.NodeProto, constants: dict[str, TensorProto]) -> int | None:
    """How often a loop runs at most, where the graph fixes it."""
    if node.op_type != "Loop" or not node.input or node.input[0] not in constants:
        return None
    held = constants[node.input[0]]
    if held.data_type != TensorProto.INT64 or len(held.dims) > 1:
        return None
    return int(numpy_helper.to_array(held).reshape(-1)[0])


def facts(model: onnx.ModelProto, bounds: Bounds = BOUNDS) -> Facts:
    """Input, output and sizes of a classifier's graph.

    Raises:
        Refused: if there is not one image input and one output of scores.
    """
    graph = model.graph
    weights = {each.name for each in graph.initializer} | {each.values.name for each in graph.sparse_initializer}
    inputs = [each for each in graph.input if each.name not in weights]
    if len(inputs) != 1:
        named = ", ".join(sentence(each.name, 30) for each in inputs[:4]) or "none"
        raise Refused(f"A classifier takes one image; this graph has {len(inputs)} inputs ({named}).")
    if len(graph.output) != 1:
        named = ", ".join(sentence(each.name, 30) for each in graph.output[:4]) or "none"
        raise Refused(
            f"A classifier gives one output, the class scores; this graph has {len(graph.output)} ({named}). Export "
            "the scores alone."
        )
    (image,), (scores,) = inputs, graph.output
    layout, batch, channels, size = _image(image, model)
    standard = [each.version for each in model.opset_import if each.domain in STANDARD[:2]]
    return Facts(
        input=image.name,
        output=scores.name,
        layout=layout,
        dtype=IMAGE_TYPES[image.type.tensor_type.elem_type],
        batch=batch,
        channels=channels,
        size=size,
        classes=_classes(scores, bounds),
        parameters=sum(_numbers(each) for each in graph.initializer),
        nodes=len(graph.node),
        opset=max(standard, default=0),
        producer=sentence(f"{model.producer_name} {model.producer_version}", 80),
        said=words_of({each.key: each.value for each in model.metadata_props}),
    )


def _numbers(tensor: TensorProto) -> int:
    count = 1
    for side in tensor.dims:
        count *= side
    return count if tensor.data_type in IMAGE_TYPES else 0


def _sides(value: onnx.ValueInfoProto) -> list[int | None] | None:
    """Axes of a tensor, None where free; None for one whose number of axes is not known."""
    if not value.type.tensor_type.HasField("shape"):
        return None
    return [each.dim_value if each.dim_value > 0 else None for each in value.type.tensor_type.shape.dim]


def _image(image: onnx.ValueInfoProto, model: onnx.ModelProto) -> tuple[str, int | None, int | None, int | None]:
    sides = _sides(image)
    if image.type.tensor_type.elem_type not in IMAGE_TYPES or sides is None or len(sides) != 4:
        raise Refused(
            f"The input must be an image, numbers [batch channels height width] or [batch height width channels]; "
            f"{sentence(image.name, 40)} is not."
        )
    batch, second, third, last = sides
    layout = "NHWC" if last in CHANNELS and second not in CHANNELS else "NCHW"
    channels, height, width = (last, second, third) if layout == "NHWC" else (second, third, last)
    if layout == "NCHW" and channels is None:
        channels = _channels_of_weights(image.name, model)
    if channels is not None and channels not in CHANNELS:
        raise Refused(f"An image has 1 or 3 channels, this input has {channels}.")
    if height is not None and width is not None and height != width:
        raise Refused(f"The picture that turns is square; this input is {height} × {width}.")
    return layout, batch, channels, height or width


def _channels_of_weights(name: str, model: onnx.ModelProto) -> int | None:
    """What the first convolution takes, where the input leaves it free."""
    shapes = {each.name: each.dims for each in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Conv" and node.input[0] == name and node.input[1] in shapes:
            return int(shapes[node.input[1]][1])
    return None


def _classes(scores: onnx.ValueInfoProto, bounds: Bounds) -> int | None:
    kind = scores.type.tensor_type.elem_type
    if kind not in IMAGE_TYPES or kind == TensorProto.UINT8:
        name = TensorProto.DataType.Name(kind).lower() if kind else "no tensor"
        raise Refused(f"The output must be scores, numbers [batch classes]; {sentence(scores.name, 40)} is {name}.")
    sides = _sides(scores)
    if sides is None:
        return None
    if len([side for side in sides[1:] if side != 1]) > 1:
        raise Refused(f"The output must be scores [batch classes]; {sentence(scores.name, 40)} has {len(sides)} axes.")
    found = next((side for side in sides[1:] if side != 1), None) if len(sides) > 1 else None
    if found is not None and found > bounds.classes:
        raise Refused(f"There may be {bounds.classes:,} classes, this graph has {found:,}.")
    return found
