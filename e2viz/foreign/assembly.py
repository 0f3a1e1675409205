"""One ONNX graph out of parts: views of the image, the model on each of them, the combination, the head.

A part is a graph of one input and one output, for images in the layout and type that its owner chose. Names inside a
part get a prefix, so that none meets another; weights are there once, however often the model is run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import onnx
from onnx import TensorProto, helper, numpy_helper, version_converter

from e2viz.foreign.bounds import Refused

VIEWS_OPSET = 18
NEWEST_OPSET = 23
FLOAT = TensorProto.FLOAT
SMALLEST = 1e-30


def at_opset(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model at an opset in which views and combinations can be said.

    Raises:
        Refused: if it cannot be converted.
    """
    if opset_of(model) >= VIEWS_OPSET:
        return model
    try:
        return version_converter.convert_version(model, VIEWS_OPSET)
    except Exception:  # the converter raises many kinds
        raise Refused(
            f"The graph has opset {opset_of(model)} and cannot be brought to {VIEWS_OPSET}, which its views need; "
            f"export it with opset {VIEWS_OPSET} or later."
        ) from None


def opset_of(model: onnx.ModelProto) -> int:
    """The version of the standard operators."""
    return max(each.version for each in model.opset_import if each.domain in ("", "ai.onnx"))


def cut(model: onnx.ModelProto, output: str) -> onnx.ModelProto:
    """The part of a graph from its input to one tensor."""
    producer = {name: node for node in model.graph.node for name in node.output if name}
    needed, wanted = set(), [output]
    while wanted:
        node = producer.get(wanted.pop())
        if node is not None and id(node) not in needed:
            needed.add(id(node))
            wanted.extend(outer_inputs(node))
    kept = [node for node in model.graph.node if id(node) in needed]
    graph = helper.make_graph(
        kept, "body", list(model.graph.input), [helper.make_empty_tensor_value_info(output)],
        list(model.graph.initializer),
    )  # fmt: skip
    graph.sparse_initializer.extend(model.graph.sparse_initializer)
    return helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)


def outer_inputs(node: onnx.NodeProto) -> list[str]:
    """What a node reads, in the graphs inside it too."""
    found = [name for name in node.input if name]
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            found += [name for inner in graph.node for name in outer_inputs(inner)]
            found += [each.name for each in graph.output]
    return found


class Assembly:
    """A graph in the making.

    Args:
        opset: of the standard operators.
        others: further opsets, that parts need.
    """

    def __init__(self, opset: int, others: Mapping[str, int]) -> None:
        self.opset, self.others = opset, dict(others)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, TensorProto] = {}
        self.sparse: list[onnx.SparseTensorProto] = []

    def add(self, part: onnx.ModelProto, prefix: str, given: str, copy: str = "") -> str:
        """Run a part on a tensor; the name of what it gives.

        Args:
            part: a model of one input and one output.
            prefix: of its weights and names.
            given: the tensor that it reads.
            copy: further prefix of what it computes, where it is run several times.
        """
        graph = part.graph
        weights = {each.name for each in graph.initializer} | {each.values.name for each in graph.sparse_initializer}
        (start,) = [each.name for each in graph.input if each.name not in weights]
        names = {name: f"{prefix}{name}" for name in weights}
        names |= {name: f"{prefix}{copy}{name}" for node in graph.node for name in node.output if name}
        names[start] = given
        for each in graph.initializer:
            if names[each.name] not in self.weights:
                held = TensorProto()
                held.CopyFrom(each)
                held.name = names[each.name]
                self.weights[held.name] = held
        if graph.sparse_initializer and not any(each.values.name == f"{prefix}" for each in self.sparse):
            for each in graph.sparse_initializer:
                kept = onnx.SparseTensorProto()
                kept.CopyFrom(each)
                kept.values.name = names[each.values.name]
                if all(kept.values.name != other.values.name for other in self.sparse):
                    self.sparse.append(kept)
        for node in graph.node:
            self.nodes.append(renamed(node, names, f"{prefix}{copy}"))
        return names[graph.output[0].name]

    def do(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """One operation; the name of what it gives."""
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def constant(self, name: str, values: object, dtype: str = "int64") -> str:
        import numpy as np

        self.weights[name] = numpy_helper.from_array(np.array(values, dtype=dtype), name)
        return name

    def model(
        self, given: onnx.ValueInfoProto, output: str, classes: int, batch: int | None, metadata: Mapping[str, str]
    ) -> onnx.ModelProto:
        """The whole, checked."""
        first: int | str = batch or "batch"
        scores = helper.make_tensor_value_info(output, FLOAT, [first, classes])
        graph = helper.make_graph(self.nodes, "mended", [given], [scores], list(self.weights.values()))
        graph.sparse_initializer.extend(self.sparse)
        opsets = [helper.make_opsetid("", self.opset), *(helper.make_opsetid(d, v) for d, v in self.others.items())]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=10, producer_name="e2viz")
        helper.set_model_props(model, dict(metadata))
        onnx.checker.check_model(model)
        return model


def renamed(node: onnx.NodeProto, names: Mapping[str, str], prefix: str) -> onnx.NodeProto:
    """A node that reads and gives tensors of other names, in the graphs inside it too."""
    made = onnx.NodeProto()
    made.CopyFrom(node)
    made.name = f"{prefix}{node.name}" if node.name else ""
    made.input[:] = [names.get(name, name) for name in node.input]
    made.output[:] = [names.get(name, name) for name in node.output]
    for attribute in made.attribute:
        for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            inner = {name for each in graph.node for name in each.output} | {each.name for each in graph.input}
            outer = {name: new for name, new in names.items() if name not in inner}
            for position, each in enumerate(list(graph.node)):
                graph.node[position].CopyFrom(renamed(each, outer, ""))
            for each in graph.output:
                each.name = outer.get(each.name, each.name)
    return made


def mended(
    body: onnx.ModelProto,
    head: onnx.ModelProto | None,
    views: onnx.ModelProto,
    combination: onnx.ModelProto,
    *,
    count: int,
    width: int,
    classes: int,
    layout: str,
    dtype: str,
    batch: int | None,
    scores: str,
    metadata: Mapping[str, str],
) -> onnx.ModelProto:
    """The whole: every view of an image through the body, one answer out of them, the head on it where there is one.

    Args:
        body: from the image to an embedding, where there is a head, or to scores.
        head: from an embedding to scores.
        views: from [batch channel size size] to [batch view channel size size].
        combination: from [batch view width] to [batch width].
        count: views.
        width: of what the body gives.
        classes: of the scores.
        layout, dtype, batch: of the body's input; a fixed batch is run once for each view.
        scores: what the model gives, as ``e2viz.foreign.worker.kind_of`` says; the whole gives the same kind.
        metadata: of the file.
    """
    whole, given, image = _begun(body, layout, dtype)
    stack = whole.add(views, "e2viz/views/", image)
    logarithms = head is None and scores in ("probabilities", "independent probabilities")
    if batch is None:
        side = [each.dim_value for each in views.graph.output[0].type.tensor_type.shape.dim][2:]
        flat = whole.do("Reshape", [stack, whole.constant("e2viz/flat", [-1, *side])], "e2viz/each")
        answers = _each(whole, body, flat, layout, dtype, logarithms, "")
        shape = whole.constant("e2viz/by_view", [-1, count, width])
        together = whole.do("Reshape", [answers, shape], "e2viz/together")
    else:
        one = whole.constant("e2viz/one", [1])
        apart = []
        for view in range(count):
            index = whole.constant(f"e2viz/index{view}", view)
            taken = whole.do("Gather", [stack, index], f"e2viz/view{view}", axis=1)
            answer = _each(whole, body, taken, layout, dtype, logarithms, f"{view}/")
            apart.append(whole.do("Unsqueeze", [answer, one], f"e2viz/answer{view}"))
        together = whole.do("Concat", apart, "e2viz/together", axis=1)
    answer = whole.add(combination, "e2viz/combination/", together)
    if head is not None:
        kind = head.graph.input[0].type.tensor_type.elem_type
        if kind != FLOAT:
            answer = whole.do("Cast", [answer], "e2viz/for_head", to=kind)
        answer = whole.add(head, "e2viz/head/", answer)
        answer = whole.do("Cast", [answer], "e2viz/scores", to=FLOAT)
    elif scores == "probabilities":
        answer = whole.do("Softmax", [answer], "e2viz/scores", axis=-1)
    elif scores == "independent probabilities":
        answer = whole.do("Exp", [answer], "e2viz/scores")
    return _ended(whole, given, answer, classes, batch, metadata)


def canonicalised(
    body: onnx.ModelProto,
    views: onnx.ModelProto,
    orientation: onnx.ModelProto,
    *,
    classes: int,
    layout: str,
    dtype: str,
    batch: int | None,
    metadata: Mapping[str, str],
    transposed: bool = False,
) -> onnx.ModelProto:
    """The whole of a method that chooses a view before the model sees it: the body runs once.

    Args:
        body: from the image to scores.
        views: from [batch channel size size] to [batch view channel size size].
        orientation: from all views to a score for each, [batch view]; the highest is the one that stands upright.
        classes: of the scores.
        layout, dtype, batch: of the body's input.
        metadata: of the file.
        transposed: whether the body takes images with rows and columns exchanged, and the whole does not.
    """
    whole, given, image = _begun(body, layout, dtype)
    if transposed:
        image = whole.do("Transpose", [image], "e2viz/transposed", perm=[0, 1, 3, 2])
    stack = whole.add(views, "e2viz/views/", image)
    likely = whole.add(orientation, "e2viz/orientation/", stack)
    chosen = whole.do("ArgMax", [likely], "e2viz/upright_place", axis=1, keepdims=1)
    upright = whole.do("GatherND", [stack, chosen], "e2viz/upright", batch_dims=1)
    answer = _each(whole, body, upright, layout, dtype, False, "")
    return _ended(whole, given, answer, classes, batch, metadata)


def _begun(body: onnx.ModelProto, layout: str, dtype: str) -> tuple[Assembly, onnx.ValueInfoProto, str]:
    """An assembly around a body, its input, and the image as float32 [batch channel size size]."""
    weights = {each.name for each in body.graph.initializer}
    (given,) = [each for each in body.graph.input if each.name not in weights]
    others = {each.domain: each.version for each in body.opset_import if each.domain not in ("", "ai.onnx")}
    whole = Assembly(opset_of(body), others)
    image = given.name
    if dtype != "float32":
        image = whole.do("Cast", [image], "e2viz/float", to=FLOAT)
    if layout == "NHWC":
        image = whole.do("Transpose", [image], "e2viz/planes", perm=[0, 3, 1, 2])
    return whole, given, image


def _ended(
    whole: Assembly, given: onnx.ValueInfoProto, answer: str, classes: int, batch: int | None,
    metadata: Mapping[str, str],
) -> onnx.ModelProto:  # fmt: skip
    output = whole.do("Identity", [answer], "scores" if given.name != "scores" else "answer")
    return whole.model(given, output, classes, batch, metadata)


def _each(
    whole: Assembly, body: onnx.ModelProto, images: str, layout: str, dtype: str, logarithms: bool, copy: str
) -> str:
    """The body on images [... channel size size], as float32; logarithms of what it gives where they are combined."""
    if layout == "NHWC":
        images = whole.do("Transpose", [images], f"e2viz/{copy}last", perm=[0, 2, 3, 1])
    if dtype != "float32":
        if dtype == "uint8":
            images = whole.do("Round", [images], f"e2viz/{copy}round")
        kind = helper.np_dtype_to_tensor_dtype(__import__("numpy").dtype(dtype))
        images = whole.do("Cast", [images], f"e2viz/{copy}cast", to=kind)
    answer = whole.add(body, "body/", images, copy)
    answer = whole.do("Cast", [answer], f"e2viz/{copy}answer", to=FLOAT)
    if logarithms:
        low = whole.constant("e2viz/smallest", SMALLEST, "float32")
        answer = whole.do("Log", [whole.do("Max", [answer, low], f"e2viz/{copy}above")], f"e2viz/{copy}logarithm")
    return answer
