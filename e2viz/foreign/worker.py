"""The confined process: it reads a graph, tries it, and answers batches, under limits that it sets on itself first."""

from __future__ import annotations

import dataclasses
import json
import resource
import signal
import socket
import sys
from typing import Any

import numpy as np

from e2viz.foreign import memory, wire
from e2viz.foreign.bounds import Bounds, Refused

FOREVER_S = float("inf")
DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
ELEMENTS = {"tensor(float)": 1, "tensor(double)": 11, "tensor(float16)": 10}  # TensorProto.DataType
TRIED_AT_ONCE = 12
TRIED_BATCHES = (3, 2, 1)
RESERVED = ("image", "embedding", "logits", "scores")  # what stands beside the graph's tensors has these names


def confine(bounds: Bounds) -> None:
    """No more memory than this, and before all others where it runs out; no files to write, no core dump."""
    memory.offer_as_first_victim()
    resource.setrlimit(resource.RLIMIT_AS, (memory.mapped_bytes() + bounds.memory_bytes,) * 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # the kernel ends a process whose app is no longer there to do it


class Opened:
    """A graph that is being run."""

    def __init__(self, data: bytes, bounds: Bounds) -> None:
        from e2viz.foreign.graph import read

        self.bounds = bounds
        self.model, self.facts = read(data, bounds)
        self.found: dict[str, Any] = {}
        self.batch: int | None = None
        self.embedding = self.embedding_name = ""

    def open(self, size: int, channels: int, threads: int, shuffle_seed: int | None) -> dict[str, Any]:
        """Start sessions and find out what the tensors are."""
        import onnx

        from e2viz.foreign.tensors import (
            Wires,
            candidates,
            classify,
            embedding_of,
            ending_of,
            expose_attention,
            head_of,
        )

        self.size, self.channels, self.threads = size, channels, threads
        if shuffle_seed is not None:
            shuffle(self.model, shuffle_seed)
        whole = onnx.ModelProto()
        whole.CopyFrom(self.model)
        expose_attention(whole.graph)
        wires = Wires(whole.graph)
        operators = candidates(wires)
        self.embedding_name, _ = embedding_of(wires, self.facts.output)
        asked = dict.fromkeys([*operators, *filter(None, [self.embedding_name])])
        held = {each.name for each in self.model.graph.output}
        whole.graph.output.extend(onnx.helper.make_empty_tensor_value_info(n) for n in asked if n not in held)
        self.session = self._session(whole)
        images, tried, scores = self._try(list(asked))
        if scores.ndim != 2 or scores.shape[1] < 2:
            raise Refused(f"The output must be scores [batch classes], at least 2; for {images} images it has the "
                          f"shape {list(scores.shape)}.")  # fmt: skip
        if not np.isfinite(scores).all():
            raise Refused("The scores of a picture of noise are not all finite numbers.")
        if scores.shape[1] > self.bounds.classes:
            raise Refused(f"There may be {self.bounds.classes:,} classes, this graph has {scores.shape[1]:,}.")
        found, said = classify(operators, tried, images)
        found = [each for each in found if each.name not in RESERVED]
        self.found = {each.name: each for each in found}
        self.head = None
        shape = tried.get(self.embedding_name, ((), 0.0))[0]
        if len(shape) == 2 and shape[0] == images:
            kind = {each.name: each.type for each in self.session.get_outputs()}[self.embedding_name]
            given = onnx.helper.make_tensor_value_info(self.embedding_name, ELEMENTS[kind], ["batch", shape[1]])
            self.head = self._session(head_of(self.model, wires, given, self.facts.output))
        else:
            self.embedding_name = ""
        return {
            "probes": [dataclasses.asdict(each) | {"shape": tried[each.name][0][1:]} for each in found],
            "embedding": self.embedding_name,
            "width": shape[1] if self.embedding_name else 0,
            "classes": scores.shape[1],
            "batch": self.batch,
            "scores": kind_of(scores, ending_of(wires, self.facts.output)),
            "said": said,
        }

    def _session(self, model: Any) -> Any:
        import onnxruntime

        onnxruntime.set_default_logger_severity(4)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # memory goes back between batches
        options.enable_mem_pattern = False
        options.log_severity_level = 4
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        return onnxruntime.InferenceSession(
            model.SerializeToString(), sess_options=options, providers=["CPUExecutionProvider"]
        )

    def _try(self, names: list[str]) -> tuple[int, dict[str, tuple[tuple[int, ...], float]], np.ndarray]:
        """Shapes of tensors for noise, some at a time, so that they need not all be held at once."""
        generator = np.random.default_rng(0)
        for images in (self.facts.batch,) if self.facts.batch else TRIED_BATCHES:
            noise = generator.random((images, self.channels, self.size, self.size), dtype=np.float32)
            try:
                (scores,) = self.session.run([self.facts.output], self._fed(noise))
                if scores.shape[:1] != (images,):
                    raise Refused(f"{images} images must have as many rows of scores, got {list(scores.shape)}.")
                break
            except Exception:
                if images == 1 or self.facts.batch:
                    raise
        # Some graphs say that their batch is free, and run for the number alone that they were exported with.
        self.batch = self.facts.batch or (None if images == TRIED_BATCHES[0] else images)
        tried: dict[str, tuple[tuple[int, ...], float]] = {}
        for start in range(0, len(names), TRIED_AT_ONCE):
            part = names[start : start + TRIED_AT_ONCE]
            for name, values in zip(part, self.session.run(part, self._fed(noise)), strict=True):
                if isinstance(values, np.ndarray) and values.dtype.kind == "f" and values.ndim:
                    tried[name] = values.shape, float(np.abs(values.sum(-1, dtype=np.float64) - 1).max(initial=0))
        return images, tried, np.asarray(scores, dtype=np.float32)

    def _fed(self, images: np.ndarray) -> dict[str, np.ndarray]:
        values = np.moveaxis(images, 1, -1) if self.facts.layout == "NHWC" else images
        if self.facts.dtype == "uint8":
            values = np.rint(values).clip(0, 255)
        return {self.facts.input: np.ascontiguousarray(values, dtype=self.facts.dtype)}

    def run(self, images: np.ndarray, names: list[str]) -> dict[str, np.ndarray]:
        """Scores of images [batch channel size size] as the graph takes them, and the tensors asked for."""
        step = self.batch or len(images)
        parts: list[dict[str, np.ndarray]] = []
        for start in range(0, len(images), step):
            chunk = images[start : start + step]
            full = np.concatenate([chunk, np.repeat(chunk[-1:], step - len(chunk), 0)])
            asked = [self.facts.output, *(self.embedding_name if name == "embedding" else name for name in names)]
            held = dict(zip(["scores", *names], self.session.run(asked, self._fed(full)), strict=True))
            shown = {
                name: self.found[name].of(values, step) if name in self.found else np.asarray(values, np.float32)
                for name, values in held.items()
            }
            parts.append({name: values[: len(chunk)] for name, values in shown.items()})
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def answer(self, embeddings: np.ndarray) -> dict[str, np.ndarray]:
        """Scores from embeddings, without the body."""
        if self.head is None:
            raise Refused("The graph has no head of its own.")
        given = self.head.get_inputs()[0]
        (scores,) = self.head.run(None, {given.name: embeddings.astype(DTYPES[given.type])})
        return {"scores": np.asarray(scores, dtype=np.float32)}

    def dressed(self, metadata: dict[str, str]) -> np.ndarray:
        """The file with this metadata."""
        import onnx

        onnx.helper.set_model_props(self.model, metadata)
        return np.frombuffer(self.model.SerializeToString(), dtype=np.uint8)

    def mended(self, wanted: dict[str, Any], views: np.ndarray, combination: np.ndarray) -> np.ndarray:
        """The file of this graph between views and a combination."""
        import onnx

        from e2viz.foreign.assembly import at_opset, cut, mended
        from e2viz.foreign.tensors import Wires, head_of

        model, head = at_opset(self.model), None
        if not wanted["on_logits"]:
            kind = {each.name: each.type for each in self.session.get_outputs()}[self.embedding_name]
            given = onnx.helper.make_tensor_value_info(self.embedding_name, ELEMENTS[kind], ["batch", wanted["width"]])
            head = head_of(model, Wires(model.graph), given, self.facts.output)
        body = cut(model, self.facts.output if wanted["on_logits"] else self.embedding_name)
        made = mended(
            body, head, onnx.load_model_from_string(views.tobytes()),
            onnx.load_model_from_string(combination.tobytes()), layout=self.facts.layout, dtype=self.facts.dtype,
            **{key: wanted[key] for key in ("count", "width", "classes", "batch", "scores", "metadata")},
        )  # fmt: skip
        return np.frombuffer(made.SerializeToString(), dtype=np.uint8)

    def canonicalised(self, wanted: dict[str, Any], views: np.ndarray, orientation: np.ndarray) -> np.ndarray:
        """The file of this graph on the one view that stands upright."""
        import onnx

        from e2viz.foreign.assembly import at_opset, canonicalised, cut

        made = canonicalised(
            cut(at_opset(self.model), self.facts.output), onnx.load_model_from_string(views.tobytes()),
            onnx.load_model_from_string(orientation.tobytes()), layout=self.facts.layout, dtype=self.facts.dtype,
            **{key: wanted[key] for key in ("classes", "batch", "metadata")},
        )  # fmt: skip
        return np.frombuffer(made.SerializeToString(), dtype=np.uint8)


def kind_of(scores: np.ndarray, ending: str) -> str:
    """Whether scores are "logits", "probabilities", "log-probabilities" or "independent probabilities".

    Args:
        scores: of a few images.
        ending: the graph's last operator that matters.
    """
    inside = scores.min() >= -1e-6 and scores.max() <= 1 + 1e-4
    if inside and np.abs(scores.sum(1) - 1).max() < 1e-2:
        return "probabilities"
    if scores.max() <= 1e-6 and np.abs(np.exp(scores).sum(1) - 1).max() < 1e-2:
        return "log-probabilities"
    return "independent probabilities" if inside and ending == "Sigmoid" else "logits"


def shuffle(model: Any, seed: int) -> None:
    """Permute the numbers inside each matrix of weights: the control that keeps sizes and scales, and knows nothing."""
    from onnx import numpy_helper

    generator = np.random.default_rng(seed)
    for each in model.graph.initializer:
        if len(each.dims) >= 2 and np.prod(each.dims) >= 16:
            values = numpy_helper.to_array(each)
            each.CopyFrom(
                numpy_helper.from_array(generator.permutation(values.ravel()).reshape(values.shape), each.name)
            )


def answer(request: dict[str, Any], arrays: dict[str, np.ndarray], held: dict[str, Opened], bounds: Bounds) -> tuple:
    """One reply: a header and arrays."""
    match request["do"]:
        case "read":
            held["graph"] = Opened(arrays["data"].tobytes(), bounds)
            return dataclasses.asdict(held["graph"].facts), {}
        case "open":
            wanted = {key: request[key] for key in ("size", "channels", "threads", "shuffle_seed")}
            return held["graph"].open(**wanted), {}
        case "run":
            return {}, held["graph"].run(arrays["images"], request["names"])
        case "head":
            return {}, held["graph"].answer(arrays["embeddings"])
        case "dress":
            return {}, {"data": held["graph"].dressed(request["metadata"])}
        case "mend":
            return {}, {"data": held["graph"].mended(request, arrays["views"], arrays["combination"])}
        case "canonicalise":
            made = held["graph"].canonicalised(request, arrays["views"], arrays["orientation"])
            return {}, {"data": made}
    raise Refused("The process was asked for something that it does not do.")


def reason(error: Exception, bounds: Bounds) -> str:
    """One sentence for a failure inside the graph."""
    from e2viz.foreign.graph import sentence

    if isinstance(error, Refused):
        return str(error)
    text = sentence(error)
    if isinstance(error, MemoryError) or "allocate memory" in text or "bad_alloc" in text:
        return f"The graph needs more memory than the {bounds.memory_bytes / 2**30:.3g} GB that it may have."
    return f"The graph cannot be run: {text}"


def main() -> None:
    """Answer until the app hangs up."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    bounds = Bounds(**json.loads(sys.argv[2]))
    import onnx  # noqa: F401  before memory is limited: libraries map more than they use
    import onnxruntime  # noqa: F401

    confine(bounds)
    held: dict[str, Opened] = {}
    while True:
        try:
            request, arrays = wire.receive(connection, FOREVER_S, bounds.file_bytes + bounds.answer_bytes)
        except wire.Broken:
            return
        signal.alarm(int(max(bounds.start_s, bounds.run_s)) + 30)
        try:
            header, made = answer(request, arrays, held, bounds)
        except Exception as error:  # whatever a graph brings about is answered
            header, made = {"problem": reason(error, bounds)}, {}
        wire.send(connection, header, made, FOREVER_S)
        signal.alarm(0)


if __name__ == "__main__":
    main()
