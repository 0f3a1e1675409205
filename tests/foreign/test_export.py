"""Files that are taken away: run in onnxruntime alone, they give what was shown, and hold still."""

import numpy as np
import onnxruntime
import pytest
import torch

import e2viz
from e2viz.foreign.export import export
from e2viz.foreign.view_graph import views_model
from e2viz.groups import group
from e2viz.models.methods import KINDS, LEARNED, NOT_INVARIANT
from e2viz.nn.views import group_views
from e2viz.zoo.wrapped import wrap
from tests.foreign import graphs
from tests.foreign.families import SIZE, file_of
from tests.foreign.graphs import helper

IMAGES = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(5))


def alone(data, images):
    """What the file gives without any of ours."""
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    (given,), (scores,) = session.get_inputs(), session.get_outputs()
    array = images.numpy()
    if isinstance(given.shape[0], int):
        return np.concatenate([session.run([scores.name], {given.name: each[None]})[0] for each in array])
    return session.run([scores.name], {given.name: array})[0]


@pytest.mark.parametrize("name", ["c4", "d4", "c8", "d8", "c12"])
@pytest.mark.parametrize("size", [8, 13])
def test_the_graph_of_views_moves_pixels_as_the_library_does(name, size):
    images = torch.rand(2, 3, size, size)
    session = onnxruntime.InferenceSession(views_model(group(name), 3, size, 18).SerializeToString())
    (views,) = session.run(None, {"image": images.numpy()})
    expected = group_views(images, group(name)).numpy()
    exact = [each for each in group(name).elements if group(name).is_exact(group(name).inverse(each))]
    assert np.array_equal(views[:, exact], expected[:, exact])
    np.testing.assert_allclose(views, expected, atol=1e-5)


@pytest.mark.parametrize("name", ["c4", "c8", "d4"])
@pytest.mark.parametrize("method", ["mean", "max", "sum", "most_likely", "most_certain", "tta", "lowest_entropy"])
def test_a_mended_graph_gives_what_was_shown_and_holds_still(name, method):
    model = wrap(e2viz.open_model(graphs.classifier(), mean="CIFAR-10"), method, name)
    data = export(model)
    prepared = model.prepare(IMAGES)
    np.testing.assert_allclose(alone(data, prepared), model.logits(IMAGES).numpy(), atol=1e-5)
    turned = prepared.rot90(1, (-2, -1))
    moved = turned.flip(-1) if name == "d4" else turned
    np.testing.assert_allclose(alone(data, moved), alone(data, prepared), atol=1e-5)
    assert np.abs(alone(model.network.wrapped.process.data, moved) - alone(data, prepared)).max() > 1e-3


@pytest.mark.parametrize(
    "made",
    [
        {"layout": "NHWC"},
        {"batch": 1},
        {"ending": [helper.make_node("Softmax", ["scores"], ["y"])]},
        {"ending": [helper.make_node("Softmax", ["scores"], ["y"])], "batch": 1},
    ],
    ids=["channels last", "one at a time", "probabilities", "probabilities one at a time"],
)
@pytest.mark.parametrize("method", ["mean", "most_likely"])
def test_layout_batch_and_kind_of_scores_stay_those_of_the_file(made, method):
    model = wrap(e2viz.open_model(graphs.classifier(**made), mean="0 to 1"), method, "c4")
    data = export(model)
    images = IMAGES.permute(0, 2, 3, 1) if made.get("layout") == "NHWC" else IMAGES
    expected = model.logits(IMAGES)
    expected = expected.softmax(-1) if "ending" in made else expected
    np.testing.assert_allclose(alone(data, images), expected.numpy(), atol=1e-5)


def test_scores_of_a_convolution_are_read_as_scores():
    model = wrap(e2viz.open_model(graphs.convolved_scores(), mean="0 to 1"), "most_likely", "c4")
    answer = alone(export(model), IMAGES)
    assert answer.shape == (3, 5)
    np.testing.assert_allclose(answer, model.logits(IMAGES).numpy(), atol=1e-5)


def test_a_mended_file_comes_back_as_a_model_and_says_its_names():
    model = wrap(e2viz.open_model(graphs.classifier(), mean="CIFAR-10", classes=list("abcde")), "mean", "c4")
    again = e2viz.open_model(export(model))
    assert again.card.class_names == tuple("abcde") and again.card.mean == model.card.mean
    assert torch.allclose(again.logits(IMAGES), model.logits(IMAGES), atol=1e-5)


@pytest.mark.parametrize("family", ["vit", "resnet"])
def test_architectures_that_people_bring_are_mended(family):
    model = wrap(e2viz.open_model(file_of(family), mean="ImageNet"), "mean", "c4")
    data = export(model)
    images = torch.rand(2, 3, SIZE, SIZE)
    prepared = model.prepare(images)
    expected = model.logits(images).numpy()
    scale = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(alone(data, prepared), expected, atol=2e-5 * scale)
    np.testing.assert_allclose(alone(data, prepared.rot90(1, (-2, -1))), expected, atol=2e-5 * scale)


@pytest.mark.parametrize(
    "name",
    ["vit.rotmnist", "cnn.rotmnist", "vit.rotmnist+mean_c8", "vit.mnist+most_certain_d4"],
)
def test_the_catalogues_models_are_exported_the_same_way(name):
    model = e2viz.load(name)
    data = export(model)
    images = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(2))
    expected = model.logits(images).numpy()
    np.testing.assert_allclose(alone(data, images), expected, atol=1e-4 * max(1.0, np.abs(expected).max()))
    again = e2viz.open_model(data)
    assert again.card.class_names == model.card.class_names and again.card.mean == (0.0,)


@pytest.mark.parametrize("name", ["patch_ge_vit_p4_14px.rotmnist", "gcnn_p4m.rotblood", "hybrid_p8.mnist"])
def test_group_attention_and_group_convolutions_are_exported_and_hold_still(name):
    model = e2viz.load(name)
    data = export(model)
    size = model.card.image_size
    images = torch.rand(2, model.card.channels, size, size, generator=torch.Generator().manual_seed(2))
    expected = model.logits(images).numpy()
    np.testing.assert_allclose(alone(data, images), expected, atol=1e-4 * max(1.0, np.abs(expected).max()))
    np.testing.assert_allclose(alone(data, images.rot90(1, (-2, -1))), expected, atol=1e-3)


def filled(model):
    """A wrapped model whose aggregation has random weights, as if it had learned something."""
    torch.manual_seed(0)
    for parameter in model.network.aggregate.parameters() if model.network.aggregate is not None else ():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


@pytest.mark.parametrize("method", [*KINDS["search"], *LEARNED])
def test_no_method_is_left_out_of_what_can_be_taken_away(method):
    model = filled(wrap(e2viz.open_model(graphs.classifier(), mean="CIFAR-10"), method, "c8"))
    data, prepared = export(model), model.prepare(IMAGES)
    answer = alone(data, prepared)
    np.testing.assert_allclose(answer, model.logits(IMAGES).numpy(), atol=1e-5)
    if method not in NOT_INVARIANT:
        np.testing.assert_allclose(alone(data, prepared.rot90(1, (-2, -1))), answer, atol=1e-5)


@pytest.mark.parametrize("made", [{"layout": "NHWC"}, {"batch": 3}], ids=str)
def test_a_canonicalised_graph_keeps_its_layout_and_batch(made):
    model = filled(wrap(e2viz.open_model(graphs.classifier(**made), mean="0 to 1"), "canonical", "d8"))
    images = IMAGES.permute(0, 2, 3, 1) if made.get("layout") == "NHWC" else IMAGES
    session = onnxruntime.InferenceSession(export(model), providers=["CPUExecutionProvider"])
    each = images.split(made.get("batch", len(images)))
    scores = np.concatenate([session.run(None, {"x": part.numpy()})[0] for part in each])
    np.testing.assert_allclose(scores, model.logits(IMAGES).numpy(), atol=1e-5)


def test_learned_positions_of_the_catalogue_are_taken_away():
    model = e2viz.load("vit.photos+canonical_upright_c4")
    data, card = export(model), model.card
    images = torch.rand(4, card.channels, card.image_size, card.image_size, generator=torch.Generator().manual_seed(2))
    expected = model.logits(images).numpy()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"image": images.numpy()})[0], expected, atol=1e-4)
    turned = images.rot90(1, (-2, -1)).numpy()
    np.testing.assert_allclose(session.run(None, {"image": turned})[0], expected, atol=1e-3)


def test_a_search_needs_logits_and_says_so():
    model = e2viz.open_model(
        graphs.classifier(ending=[helper.make_node("Softmax", ["scores"], ["y"])]), mean="0 to 1"
    )  # fmt: skip
    with pytest.raises(ValueError, match="probabilities alone"):
        wrap(model, "angle_search", "c4")
