"""Which tensors inside a graph can be shown, by operator, shape and place: attention, tokens and feature maps.

A candidate is chosen by its operator before anything is run; what it is follows from the shape and the values that it
has for two images of noise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx

RESIDUAL = ("Add", "Sum")
ACTIVATIONS = ("Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Clip", "HardSwish", "Gelu", "Mish", "Mul", "Erf")
SHAPING = ("Squeeze", "Unsqueeze", "Reshape", "Flatten", "Identity", "Cast", "Dropout", "Add", "Softmax", "LogSoftmax")
ENDING = ("Sigmoid", *SHAPING)
MOST_OF_A_KIND = 48
# Tokens beside the patches: a class token, one of distillation, registers.
MOST_SPECIAL = 8
AFTER_SOFTMAX = 3


@dataclass(frozen=True, kw_only=True)
class Found:
    """One tensor of a graph that can be shown.

    Args:
        name: in the graph.
        kind: "token_attention", "tokens" or "plane_map", as ``e2viz.nn.probe`` has them.
        heads: of attention whose batch and heads share an axis; 0 otherwise.
        last: whether channels come last.
        special: tokens that are no patches, in front of them.
    """

    name: str
    kind: str
    heads: int = 0
    last: bool = False
    special: int = 0

    def of(self, values: np.ndarray, images: int) -> np.ndarray:
        """The tensor as a probe of its kind holds it, the batch first and channels before a plane."""
        if self.heads:
            values = values.reshape(images, self.heads, *values.shape[1:])
        if self.last:
            values = np.moveaxis(values, -1, 1)
        return np.ascontiguousarray(values, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Wires:
    """How the tensors of a graph hang together.

    Args:
        graph: with its functions written out.
    """

    graph: onnx.GraphProto

    def __post_init__(self) -> None:
        producer = {name: node for node in self.graph.node for name in node.output if name}
        consumers: dict[str, list[onnx.NodeProto]] = {}
        for node in self.graph.node:
            for name in node.input:
                consumers.setdefault(name, []).append(node)
        fixed = {each.name for each in self.graph.initializer}
        for node in self.graph.node:
            if all(name in fixed or not name for name in node.input) and not node.op_type.startswith("Random"):
                fixed.update(node.output)
        self.__dict__.update(producer=producer, consumers=consumers, fixed=fixed)

    def moving(self, node: onnx.NodeProto) -> list[str]:
        """Inputs that depend on the image."""
        return [name for name in node.input if name and name not in self.fixed]  # type: ignore[attr-defined]

    def leads_to(self, name: str, operators: tuple[str, ...], steps: int) -> bool:
        """Whether a tensor reaches one of these operators through few, plain operations."""
        for node in self.consumers.get(name, ()):  # type: ignore[attr-defined]
            if node.op_type in operators:
                return True
            through = node.op_type in ("Add", "Mul", "Div", "Sub", "Where", "Cast", "Reshape")
            if steps and through and any(self.leads_to(out, operators, steps - 1) for out in node.output):
                return True
        return False


def expose_attention(graph: onnx.GraphProto) -> None:
    """Let every fused Attention hand out its probabilities, which its fourth output may hold.

    Source: the ONNX operator Attention (opset 23), whose qk_matmul_output_mode 3 is what follows the softmax. A graph
    that uses this output for something else keeps it as it is.
    """
    used = {name for node in graph.node for name in node.input} | {each.name for each in graph.output}
    for node in graph.node:
        if node.op_type != "Attention" or node.domain not in ("", "ai.onnx") or not node.output[0]:
            continue
        if len(node.output) > 3 and node.output[3] in used:
            continue
        kept = [each for each in node.attribute if each.name != "qk_matmul_output_mode"]
        del node.attribute[:]
        node.attribute.extend([*kept, onnx.helper.make_attribute("qk_matmul_output_mode", AFTER_SOFTMAX)])
        outputs = [*node.output, "", "", ""][:3] + [f"{node.output[0]}_probabilities"]
        del node.output[:]
        node.output.extend(outputs)


def candidates(wires: Wires) -> dict[str, str]:
    """Tensors worth a look, with the operator that makes them, in the order of the graph."""
    found: dict[str, str] = {}
    for node in wires.graph.node:
        name = node.output[0] if node.output else ""
        if not name or name in wires.fixed:  # type: ignore[attr-defined]
            continue
        residual = node.op_type in RESIDUAL and len(wires.moving(node)) > 1
        if node.op_type == "Softmax":
            found[name] = "Softmax"
        elif node.op_type == "Attention" and len(node.output) > 3:
            found[node.output[3]] = "Softmax"
        elif residual and not wires.leads_to(name, ("Softmax",), 3):
            after = wires.consumers.get(name, [])  # type: ignore[attr-defined]
            rectified = len(after) == 1 and after[0].op_type in ("Relu", "Clip")
            found[after[0].output[0] if rectified else name] = "residual"
        elif node.op_type in ACTIVATIONS and wires.moving(node) and name not in found and not residual:
            if wires.leads_to(name, ("Softmax",), 3):
                continue
            found[name] = "activation"
        elif node.op_type in ("Conv", "MaxPool", "Concat", "LayerNormalization"):
            found[name] = node.op_type
    return found


def classify(
    operators: Mapping[str, str], tried: Mapping[str, tuple[tuple[int, ...], float]], images: int
) -> tuple[list[Found], list[str]]:
    """What each candidate is, and sentences on what is there and cannot be shown.

    Args:
        operators: by candidate, as ``candidates`` gives them.
        tried: by candidate, its shape and, of a Softmax, the largest distance of a row's sum from 1.
        images: how many were run.
    """
    patches = _patches(operators, tried, images)
    attention: list[Found] = []
    windows, odd = 0, 0
    for name, operator in operators.items():
        if operator != "Softmax" or name not in tried:
            continue
        shape, distance = tried[name]
        if len(shape) not in (3, 4) or shape[-1] != shape[-2] or shape[-1] < 4 or distance > 1e-2:
            continue
        special = shape[-1] - math.isqrt(shape[-1]) ** 2
        if shape[0] > images and shape[0] % images == 0 and len(shape) == 4:
            windows += 1
        elif special > MOST_SPECIAL or (patches and shape[-1] >= patches and shape[-1] - special != patches):
            odd += 1
        elif len(shape) == 4 and shape[0] == images:
            attention.append(Found(name=name, kind="token_attention", special=special))
        elif len(shape) == 3 and shape[0] % images == 0:
            attention.append(Found(name=name, kind="token_attention", heads=shape[0] // images, special=special))
    sizes = {tried[each.name][0][-1] for each in attention}
    if len(sizes) > 1:  # one page shows layers of one number of tokens: those of most layers
        most = max(sizes, key=lambda size: sum(tried[each.name][0][-1] == size for each in attention))
        odd += sum(tried[each.name][0][-1] != most for each in attention)
        attention = [each for each in attention if tried[each.name][0][-1] == most]
    said = []
    if windows:
        said.append(
            f"{windows} layers attend inside windows; their maps are not shown, since none of them covers the picture."
        )
    if odd:
        said.append(f"{odd} attention tensors do not belong to the grid of patches and are not shown.")
    maps = [*_tokens(operators, tried, images, patches), *_planes(operators, tried, images)]
    place = {name: k for k, name in enumerate(operators)}
    return sorted(_thinned(attention) + maps, key=lambda each: place[each.name]), said


def _patches(operators: Mapping[str, str], tried: Mapping[str, tuple], images: int) -> int:
    """Patches of the first convolution, if its plane is that of the tokens; 0 where there is none."""
    first = next((name for name, operator in operators.items() if operator == "Conv" and name in tried), None)
    if first is None or len(tried[first][0]) != 4:
        return 0
    _, _, height, width = tried[first][0]
    tokens = [shape for name, (shape, _) in tried.items() if len(shape) == 3 and shape[0] == images]
    fits = any(0 <= shape[1] - height * width <= MOST_SPECIAL for shape in tokens)
    return height * width if fits and height == width else 0


def _tokens(operators: Mapping[str, str], tried: Mapping[str, tuple], images: int, patches: int) -> list[Found]:
    """What stands on the residual path of a transformer, [batch token channel]."""
    found = []
    for name, operator in operators.items():
        if name not in tried or operator not in ("residual", "Concat"):
            continue
        shape = tried[name][0]
        if len(shape) != 3 or shape[0] != images or shape[1] < 4 or shape[2] < 2:
            continue
        special = shape[1] - math.isqrt(shape[1]) ** 2
        if special <= MOST_SPECIAL and (not patches or shape[1] < patches or shape[1] - special == patches):
            found.append(Found(name=name, kind="tokens", special=special))
    return _thinned(found)


def _planes(operators: Mapping[str, str], tried: Mapping[str, tuple], images: int) -> list[Found]:
    """What stands on a square plane: ends of blocks where there are enough, every activation where there are not."""
    by_operator: dict[str, list[Found]] = {}
    for name, operator in operators.items():
        shape: tuple[int, ...] = tried[name][0] if name in tried else ()
        if len(shape) != 4 or shape[0] != images or operator == "Softmax":
            continue
        last = shape[1] == shape[2] != shape[3]
        if (last or shape[2] == shape[3]) and min(shape[1:3] if last else shape[2:]) > 1:
            by_operator.setdefault(operator, []).append(Found(name=name, kind="plane_map", last=last))
    blocks, activations = by_operator.get("residual", []), by_operator.get("activation", [])
    convolutions = by_operator.get("Conv", [])
    if len(blocks) >= 2:
        # The stem, every block, and the last map before the pool.
        place = {name: k for k, name in enumerate(operators)}
        first, final = place[blocks[0].name], place[blocks[-1].name]
        plain = activations or convolutions
        before = [each for each in plain if place[each.name] < first]
        after = [each for each in plain if place[each.name] > final]
        return _thinned([*before[:1], *blocks, *after[-1:]])
    return _thinned(activations or convolutions)


def _thinned(found: list[Found]) -> list[Found]:
    """At most so many of a kind, evenly over the depth."""
    if len(found) <= MOST_OF_A_KIND:
        return found
    return [found[k] for k in np.linspace(0, len(found) - 1, MOST_OF_A_KIND).round().astype(int)]


def embedding_of(wires: Wires, output: str) -> tuple[str, str]:
    """The tensor that the last linear layer reads and the one that it makes; ("", "") where it cannot be found."""
    name = output
    for _ in range(12):
        node = wires.producer.get(name)  # type: ignore[attr-defined]
        if node is None:
            return "", ""
        moving = wires.moving(node)
        if node.op_type in ("Gemm", "MatMul") and len(moving) == 1:
            return moving[0], node.output[0]
        if node.op_type not in ENDING or len(moving) != 1:
            return "", ""
        name = moving[0]
    return "", ""


def ending_of(wires: Wires, output: str) -> str:
    """The last operator that changes the scores: "Softmax", "LogSoftmax", "Sigmoid" or another."""
    name = output
    for _ in range(12):
        node = wires.producer.get(name)  # type: ignore[attr-defined]
        if node is None or node.op_type not in ("Identity", "Cast", "Squeeze", "Reshape", "Flatten", "Dropout"):
            return node.op_type if node is not None else ""
        moving = wires.moving(node)
        if not moving:
            return ""
        name = moving[0]
    return ""


def head_of(model: onnx.ModelProto, wires: Wires, embedding: onnx.ValueInfoProto, output: str) -> onnx.ModelProto:
    """The part of a graph from the embedding to the scores, as a graph of its own."""
    nodes: list[onnx.NodeProto] = []
    needed, wanted = {output}, [output]
    while wanted:
        name = wanted.pop()
        node = wires.producer.get(name)  # type: ignore[attr-defined]
        if name == embedding.name or node is None or any(node is each for each in nodes):
            continue
        nodes.append(node)
        for each in node.input:
            if each and each not in needed:
                needed.add(each)
                wanted.append(each)
    order = [node for node in wires.graph.node if any(node is each for each in nodes)]
    kept = [each for each in wires.graph.initializer if each.name in needed]
    scores = [each for each in wires.graph.output if each.name == output]
    head = onnx.helper.make_graph(order, "head", [embedding], scores, kept)
    return onnx.helper.make_model(head, opset_imports=model.opset_import, ir_version=model.ir_version)
