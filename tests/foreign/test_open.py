"""From a file to a model: what the file says, what is asked, and what is said about it."""

import pytest
import torch

import e2viz
from e2viz.foreign import classes
from e2viz.foreign.answers import Answers, model_name
from e2viz.foreign.open import arrive, open_graph
from e2viz.zoo.wrapped import wrap
from tests.foreign import graphs
from tests.foreign.graphs import helper

SAID = {"classes": '["a", "b", "c", "d", "e"]', "mean": "[0.5, 0.5, 0.5]", "std": "[0.5, 0.5, 0.5]"}


def test_a_file_that_says_everything_needs_no_answers():
    model = e2viz.open_model(graphs.classifier(metadata=SAID))
    assert model.card.class_names == tuple("abcde") and model.card.mean == (0.5,) * 3
    assert (model.card.image_size, model.card.channels, model.card.parameters) == (8, 3, 133)
    assert model.card.data == "normalisation from the metadata; class names from the metadata"


def test_answers_go_before_metadata():
    model = e2viz.open_model(graphs.classifier(metadata=SAID), classes=list("vwxyz"), mean="CIFAR-10")
    assert model.card.class_names == tuple("vwxyz") and model.card.mean[0] == 0.4914


def test_what_is_missing_is_asked_for():
    arrival = arrive(graphs.classifier(size="side", channels="channels"))
    assert arrival.facts["channels"] == 3  # from the first convolution
    assert arrival.questions == ("size", "normalisation", "classes")
    with pytest.raises(e2viz.WeightsError, match="say size"):
        open_graph(arrival, Answers(mean="0 to 1"))
    with pytest.raises(e2viz.WeightsError, match="normalised"):
        open_graph(arrival, Answers(size=16))
    model = open_graph(arrival, Answers(mean="0 to 1", size=16))
    assert model.card.image_size == 16 and model.card.class_names[4] == "class 4"


def test_class_names_must_be_as_many_as_scores():
    with pytest.raises(e2viz.WeightsError, match="as many class names as scores, got 3 and 5"):
        e2viz.open_model(graphs.classifier(), mean="0 to 1", classes=["a", "b", "c"])


def test_class_names_from_a_text_file(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("0: ant\n1: bee\n2: cow\n3: dog\n4: dog\n", encoding="utf-8")
    model = e2viz.open_model(graphs.classifier(), mean="0 to 1", classes=str(path))
    assert model.card.class_names == ("ant", "bee", "cow", "dog", "dog (2)")
    with pytest.raises(ValueError, match="UTF-8"):
        classes.from_text(b"\xff\xfe\x00")


def test_imagenets_names_are_built_in():
    names = classes.imagenet()
    assert len(set(names)) == 1000
    assert (names[0], names[1], names[281], names[999]) == ("tench", "goldfish", "tabby", "toilet tissue")
    assert classes.class_names(None, 1000)[0] == names


def test_probabilities_become_logits_of_the_same_distribution():
    ending = [helper.make_node("Softmax", ["scores"], ["y"])]
    images = torch.rand(3, 3, 8, 8)
    plain = e2viz.open_model(graphs.classifier(), mean="0 to 1")
    model = e2viz.open_model(graphs.classifier(ending=ending), mean="0 to 1")
    assert model.network.scores == "probabilities"
    assert torch.allclose(model.logits(images), plain.logits(images).log_softmax(-1), atol=1e-5)
    assert torch.allclose(model.network.head(model.network.embed(images)), model.logits(images), atol=1e-5)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_images_reach_the_graph_in_its_layout(layout):
    images = torch.rand(3, 3, 8, 8)
    plain = e2viz.open_model(graphs.classifier(), mean="0 to 1")
    model = e2viz.open_model(graphs.classifier(layout=layout), mean="0 to 1")
    assert torch.allclose(model.logits(images), plain.logits(images), atol=1e-6)


@pytest.mark.parametrize("method", ["mean", "max", "sum", "most_likely", "most_certain", "tta"])
def test_it_can_be_made_equivariant(method):
    model = e2viz.open_model(graphs.classifier(), mean="0 to 1")
    model.network.process.run(torch.rand(1, 3, 8, 8).numpy())
    mended = wrap(model, method, "d4")
    images = torch.rand(2, 3, 8, 8)
    assert torch.allclose(mended.logits(images), mended.logits(images.rot90(1, (-2, -1)).flip(-1)), atol=1e-5)
    assert mended.card.class_names == model.card.class_names and mended.name == "model.yours+" + method + "_d4"


@pytest.mark.parametrize(
    ("text", "name"),
    [("My ViT (2).onnx", "my_vit_2.yours"), ("../../etc/passwd", "etc_passwd.yours"), ("日本", "model.yours")],
)
def test_names_fit_links_and_files(text, name):
    assert model_name(text) == name


def test_a_path_that_is_not_there_is_said():
    with pytest.raises(e2viz.WeightsError, match="cannot be read"):
        e2viz.open_model("/nowhere/model.onnx")


class Hostile:
    """Unpickled, it would leave a mark."""

    def __init__(self, mark):
        self.mark = str(mark)

    def __reduce__(self):
        import pathlib

        return pathlib.Path.touch, (pathlib.Path(self.mark),)


@pytest.mark.parametrize(("packed", "words"), [("pickle", "not an ONNX file"), ("torch", "weights alone")])
def test_a_pickle_that_would_run_code_does_not(packed, words, tmp_path):
    import io
    import pickle

    mark, file = tmp_path / "it ran", io.BytesIO()
    (pickle.dump if packed == "pickle" else torch.save)(Hostile(mark), file)
    with pytest.raises(e2viz.WeightsError, match=words):
        e2viz.open_model(file.getvalue(), mean="0 to 1")
    assert not mark.exists()
    pickle.loads(pickle.dumps(Hostile(mark)))
    assert mark.exists(), "the control: unpickled, it does run"
