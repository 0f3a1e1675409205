"""What a graph says about itself, and which graphs are not run at all."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from e2viz.foreign.bounds import Bounds, Refused
from e2viz.foreign.graph import read
from e2viz.foreign.metadata import words_of
from tests.foreign import graphs


def test_a_classifier_says_what_it_takes_and_gives():
    _, facts = read(graphs.classifier())
    assert (facts.layout, facts.channels, facts.size, facts.batch, facts.classes) == ("NCHW", 3, 8, None, 5)
    assert facts.parameters == 4 * 3 * 9 + 20 + 5


def test_channels_last_and_a_fixed_batch_are_read():
    _, facts = read(graphs.classifier(4, layout="NHWC", channels=1))
    assert (facts.layout, facts.channels, facts.size, facts.batch) == ("NHWC", 1, 8, 4)


def test_metadata_names_classes_and_normalisation():
    _, facts = read(graphs.classifier(metadata={"names": "{0: 'a', 1: 'b'}", "mean": "[0.1, 0.2, 0.3]", "imgsz": "32"}))
    assert facts.said == {"classes": ["a", "b"], "mean": [0.1, 0.2, 0.3], "size": 32}


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"class_names": '["x", "y"]'}, {"classes": ["x", "y"]}),
        ({"e2viz.classes": "x\ny\nz"}, {"classes": ["x", "y", "z"]}),
        ({"id2label": '{"1": "y", "0": "x"}'}, {"classes": ["x", "y"]}),
        ({"names": "__import__('os').system('true')"}, {}),
        ({"names": "[" * 100_000}, {}),
        ({"mean": "nonsense", "size": "huge"}, {}),
    ],
)
def test_only_what_can_be_read_is_taken(metadata, expected):
    assert words_of(metadata) == expected


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not an ONNX file"),
        (b"\x80\x04nothing that anybody wrote", "not an ONNX file"),
        (graphs.classifier()[:300], "cut off"),
        (graphs.two_inputs(), "takes one image"),
        (graphs.text_output(), "must be scores"),
        (graphs.custom(), "custom operators are not run"),
        (graphs.deep(3), "within graphs"),
        (graphs.recursive(), "calls itself"),
        (graphs.doubling(40), "operations"),
        (graphs.looping(2_000_000_000, 4), "may loop"),
        (graphs.looping(1, 4, fixed=False), "may loop"),
        (graphs.external("/etc/passwd"), "never opened"),
        (graphs.hidden_external("/etc/passwd"), "never opened"),
        (graphs.classifier(channels=4), "1 or 3 channels"),
    ],
)
def test_a_graph_that_is_not_run_says_why_in_a_sentence(data, words):
    with pytest.raises(Refused, match=words):
        read(data)


def test_size_and_number_of_operations_are_bounded():
    with pytest.raises(Refused, match="at most"):
        read(graphs.classifier(), Bounds(file_bytes=100))
    with pytest.raises(Refused, match="operations"):
        read(graphs.classifier(), Bounds(nodes=3))


def test_a_picture_must_be_square():
    data = onnx.load_model_from_string(graphs.classifier())
    data.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 16
    with pytest.raises(Refused, match="square"):
        read(data.SerializeToString())


def test_functions_are_written_out():
    model, _ = read(graphs.doubling(3))
    assert [node.op_type for node in model.graph.node].count("Neg") == 8 and not model.functions


def test_old_files_list_their_weights_among_the_inputs():
    data = onnx.load_model_from_string(graphs.classifier())
    data.graph.input.append(helper.make_tensor_value_info("kernel", TensorProto.FLOAT, [4, 3, 3, 3]))
    _, facts = read(data.SerializeToString())
    assert facts.input == "x"


def test_every_truncation_of_a_file_is_refused_or_read():
    data = graphs.classifier()
    for length in np.linspace(1, len(data) - 1, 40).astype(int):
        with pytest.raises(Refused):
            read(data[:length])
