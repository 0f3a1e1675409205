"""A graph in its own process: it answers, and when it takes too much it ends and the app goes on."""

import os
import socket
import subprocess
import sys
import time

import numpy as np
import onnx
import onnxruntime
import pytest

from e2viz import interrupt
from e2viz.foreign import memory, wire
from e2viz.foreign.bounds import Bounds
from e2viz.foreign.process import GraphProcess
from e2viz.zoo.weights import WeightsError
from tests.foreign import graphs
from tests.foreign.graphs import helper

IMAGES = np.random.default_rng(0).random((11, 3, 8, 8)).astype(np.float32)


def outside(data: bytes, images: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": images})[0]


def test_it_answers_what_the_graph_says():
    process = GraphProcess(graphs.classifier())
    opened = process.open(8, 3, 1)
    held = process.run(IMAGES, ["maps", "embedding"])
    np.testing.assert_allclose(held["scores"], outside(process.data, IMAGES), atol=1e-6)
    assert held["maps"].shape == (11, 4, 8, 8) and held["embedding"].shape == (11, 4)
    assert (opened["scores"], opened["classes"], opened["width"]) == ("logits", 5, 4)
    np.testing.assert_allclose(process.answer(held["embedding"]), held["scores"], atol=1e-6)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_a_fixed_batch_takes_any_number_of_images(layout):
    data = graphs.classifier(4, layout=layout)
    process = GraphProcess(data)
    process.open(8, 3, 1)
    free = GraphProcess(graphs.classifier(layout=layout))
    free.open(8, 3, 1)
    np.testing.assert_allclose(process.run(IMAGES)["scores"], free.run(IMAGES)["scores"], atol=1e-6)


def half(data: bytes) -> bytes:
    """The graph in half precision."""
    model = onnx.load_model_from_string(data)
    for each in model.graph.initializer:
        values = onnx.numpy_helper.to_array(each).astype(np.float16)
        each.CopyFrom(onnx.numpy_helper.from_array(values, each.name))
    for each in (*model.graph.input, *model.graph.output):
        each.type.tensor_type.elem_type = onnx.TensorProto.FLOAT16
    return model.SerializeToString()


def test_half_precision_is_run_as_it_is():
    process = GraphProcess(half(graphs.classifier()))
    process.open(8, 3, 1)
    held = process.run(IMAGES, ["embedding"])
    np.testing.assert_allclose(held["scores"], outside(graphs.classifier(), IMAGES), atol=2e-3)
    np.testing.assert_allclose(process.answer(held["embedding"]), held["scores"], atol=2e-3)


def test_tensors_with_names_of_ours_are_left_out():
    model = onnx.load_model_from_string(graphs.classifier())
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = ["logits" if name == "maps" else name for name in names]
    process = GraphProcess(model.SerializeToString())
    assert "logits" not in [each["name"] for each in process.open(8, 3, 1)["probes"]]


@pytest.mark.parametrize(
    ("operator", "kind"),
    [("Softmax", "probabilities"), ("LogSoftmax", "log-probabilities"), ("Sigmoid", "independent probabilities")],
)
def test_what_the_scores_are_is_found_out(operator, kind):
    process = GraphProcess(graphs.classifier(ending=[helper.make_node(operator, ["scores"], ["y"])]))
    assert process.open(8, 3, 1)["scores"] == kind


def test_a_hundred_gigabytes_end_in_a_sentence_and_the_next_graph_runs():
    process = GraphProcess(graphs.hungry(25_000_000_000))
    with pytest.raises(WeightsError, match="memory"):
        process.open(8, 3, 1)
    test_it_answers_what_the_graph_says()


def test_an_endless_one_is_ended_and_started_again():
    process = GraphProcess(graphs.looping(1000, 700), Bounds(start_s=3.0))
    before = process._running.process
    started_s = time.monotonic()
    with pytest.raises(WeightsError, match="longer than 3 s"):
        process.open(8, 3, 1)
    assert time.monotonic() - started_s < 6 and before.poll() is not None and not process.alive


def test_one_that_nobody_waits_for_is_ended_within_a_second():
    """Inside one long run too: a place is not held by a model that takes a minute for each batch."""

    def gone():
        raise KeyboardInterrupt

    process = GraphProcess(graphs.looping(1000, 700))
    before = process._running.process
    started_s = time.monotonic()
    with pytest.raises(KeyboardInterrupt), interrupt.asked(gone):
        process.open(8, 3, 1)
    assert time.monotonic() - started_s < 10 and before.poll() is not None and not process.alive


def test_who_waits_for_an_answer_is_asked_whether_they_still_do(monkeypatch):
    monkeypatch.setattr(wire, "LOOK_S", 0.01)
    ours, theirs = socket.socketpair()
    asked = []
    with ours, theirs, pytest.raises(TimeoutError):
        wire.receive(ours, time.monotonic() + 0.2, 10, lambda: asked.append(1))
    assert len(asked) > 3


def test_a_process_that_dies_is_started_again():
    process = GraphProcess(graphs.classifier())
    process.open(8, 3, 1)
    process._running.process.kill()
    with pytest.raises(WeightsError, match="ended its process"):
        process.run(IMAGES)
    np.testing.assert_allclose(process.run(IMAGES)["scores"], outside(process.data, IMAGES), atol=1e-6)


def test_it_is_forgotten_with_its_owner():
    process = GraphProcess(graphs.classifier())
    pid = process._running.process.pid
    del process
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_idle_one_gives_its_memory_back_and_comes_again():
    process = GraphProcess(graphs.classifier())
    process.open(8, 3, 1)
    process.close_if_idle(0.0)
    assert not process.alive
    assert process.run(IMAGES)["scores"].shape == (11, 5) and process.alive


def test_nothing_is_written_and_the_environment_stays_outside(monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_APP", "1")
    process = GraphProcess(graphs.classifier())
    pid = process._running.process.pid
    with open(f"/proc/{pid}/environ", "rb") as file:
        assert b"SECRET_OF_THE_APP" not in file.read()
    with open(f"/proc/{pid}/limits") as file:
        limits = {line[:26].strip(): line[26:].split()[0] for line in file}
    assert limits["Max file size"] == "0"
    assert 0 < int(limits["Max address space"]) - Bounds().memory_bytes < 1 << 30  # what Python and libraries map
    with open(f"/proc/{pid}/oom_score_adj") as file:
        assert int(file.read()) == 1000  # it goes before the app where memory runs out


def test_no_more_are_held_than_memory_has_room_for(monkeypatch):
    monkeypatch.setattr(memory, "share", lambda: memory.Share(Bounds().memory_bytes, 1))
    first = GraphProcess(graphs.classifier())
    first.open(8, 3, 1)
    second = GraphProcess(graphs.classifier())
    assert second.alive and not first.alive
    assert first.run(IMAGES)["scores"].shape == (11, 5) and not second.alive


def test_shuffled_weights_are_a_control_with_another_answer():
    data = graphs.classifier()
    plain, control = GraphProcess(data), GraphProcess(data, shuffle_seed=0)
    for each in (plain, control):
        each.open(8, 3, 1)
    assert np.abs(plain.run(IMAGES)["scores"] - control.run(IMAGES)["scores"]).max() > 1e-3


@pytest.mark.parametrize(
    "said",
    [
        b"\xff" * 8,
        (20).to_bytes(8, "little") + b"no JSON, no header..",
        (88).to_bytes(8, "little")
        + b'{"header": {}, "arrays": [{"name": "x", "dtype": "float32", "shape": [99999999999]}]}   ',
        (88).to_bytes(8, "little")
        + b'{"header": {}, "arrays": [{"name": "x", "dtype": "object", "shape": [1]}]}              ',
    ],
)
def test_what_is_no_message_is_not_believed(said):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(said)
        with pytest.raises(wire.Broken):
            wire.receive(ours, time.monotonic() + 5, 1000)


def test_the_runtime_tells_nobody_and_leaves_no_mark_of_the_machine(tmp_path):
    """From 1.29 on ONNX Runtime keeps a number of the machine and reports to its makers, unless it is told not to."""
    file = tmp_path / "graph.onnx"
    file.write_bytes(graphs.classifier())
    run = f"import e2viz.foreign, onnxruntime; onnxruntime.InferenceSession({str(file)!r})"
    # Nothing of the tests' own environment: where it says that it is a test, the runtime is quiet by itself.
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": os.getcwd()}
    subprocess.run([sys.executable, "-c", run], check=True, env=environment, timeout=120)
    assert os.listdir(tmp_path) == ["graph.onnx"]
