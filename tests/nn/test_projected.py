"""Attention with its projections: what the layers call, against the textbook on separately projected maps."""

import pytest
import textbook
import torch

from e2viz.groups import group
from e2viz.nn import functional, native, paths
from e2viz.nn.attention import GroupAttention, LiftingAttention
from e2viz.nn.functional import split_heads
from e2viz.nn.pointwise import Pointwise

needs_kernel = pytest.mark.skipif(not native.available(), reason=native.why_not() or "built")
PLANES = [(3, 4, 4), (5, 9, 9), (5, 7, 12), (5, 16, 3), (9, 5, 8), (7, 1, 1)]
# Rows whose last pack of 8 or 16 pixels is half full share it with the row below, in planes of an even height.
SHARED = [(5, 6, 12), (3, 2, 20), (5, 4, 24), (1, 4, 12)]


def group_layer(name, window, query_factor=1.0, **settings):
    torch.manual_seed(0)
    layer = GroupAttention(group(name), 5, 6, heads=2, depth=10, window=window, **settings)
    return turned_up(layer, query_factor)


def lifting_layer(name, window, query_factor=1.0, inputs=3, **settings):
    torch.manual_seed(0)
    layer = LiftingAttention(group(name), inputs, 6, heads=2, depth=6, window=window, **settings)
    return turned_up(layer, query_factor)


def turned_up(layer, query_factor):
    """With biases, so that every coordinate has an encoding of its own; queries as large as asked for."""
    with torch.no_grad():
        for parameter in layer.encoding.parameters():
            parameter.add_(torch.randn_like(parameter))
        for project in (layer.query, layer.key, layer.value, layer.output):
            project.bias.normal_()
        layer.query.weight.mul_(query_factor)
    return layer


def textbook_output(layer, maps):
    """The layer's output in float64, by the formula."""
    layer = layer.double()
    query, key, value = (split_heads(project(maps.double()), 2) for project in (layer.query, layer.key, layer.value))
    if isinstance(layer, GroupAttention):
        plane, elements = layer.encoding(), layer.group_encoding()
        mixed = textbook.group_attention(query, key, value, plane, elements, scale=layer.scale)
    else:
        mixed = textbook.lifting_attention(query, key, value, layer.encoding(), scale=layer.scale)
    return layer.output(mixed.flatten(1, 2)).detach()


def assert_near(measured, expected, relative=1e-5):
    error = (measured.double() - expected).abs().max() / expected.abs().max()
    assert error < relative, f"{error:.1e}"


@needs_kernel
@pytest.mark.parametrize("name", ["c1", "c4", "c8", "d4"])
@pytest.mark.parametrize(("window", "height", "width"), PLANES + SHARED)
def test_group_layer_without_gradients_equals_textbook(name, window, height, width):
    layer, maps = group_layer(name, window), torch.randn(2, 5, group(name).order, height, width)
    with torch.no_grad():
        measured = layer(maps)
    assert_near(measured, textbook_output(layer, maps))


@needs_kernel
@pytest.mark.parametrize("name", ["c1", "c4", "c8", "d4"])
@pytest.mark.parametrize(("window", "height", "width"), PLANES)
@pytest.mark.parametrize("channels", [1, 3])  # one channel is lifted in a way of its own
def test_lifting_layer_without_gradients_equals_textbook(name, window, height, width, channels):
    layer, images = lifting_layer(name, window, inputs=channels), torch.randn(2, channels, height, width)
    with torch.inference_mode():
        measured = layer(images)
    assert_near(measured, textbook_output(layer, images))


@needs_kernel
@pytest.mark.parametrize("query_factor", [8.0, 100.0])
@pytest.mark.parametrize(("height", "width"), [(9, 9), (4, 12), (4, 24)])
def test_large_queries_take_the_joint_softmax_of_the_same_projections(query_factor, height, width):
    layer, maps = group_layer("c4", 5, query_factor), torch.randn(1, 5, 4, height, width)
    before = native.joint_packs()
    with torch.no_grad():
        measured = layer(maps)
    assert native.joint_packs() > before
    # The projection's own rounding in float32 is magnified by the scores.
    assert_near(measured, textbook_output(layer, maps), 1e-6 * query_factor + 1e-5)


@needs_kernel
@pytest.mark.parametrize("query_factor", [30.0, 100.0])
def test_lifting_a_picture_takes_the_joint_softmax_where_it_must(query_factor):
    layer, pictures = lifting_layer("c8", 5, query_factor, inputs=1), torch.randn(2, 1, 9, 11)
    before = native.joint_packs()
    with torch.no_grad():
        measured = layer(pictures)
    assert native.joint_packs() > before
    assert_near(measured, textbook_output(layer, pictures), 1e-6 * query_factor + 1e-5)


@needs_kernel
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_lifting_a_picture_is_shared_out_in_bands(threads):
    layer, picture, before = lifting_layer("c4", 5, inputs=1), torch.randn(1, 1, 13, 10), torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.no_grad():
            measured = layer(picture)
    finally:
        torch.set_num_threads(before)
    assert_near(measured, textbook_output(layer, picture))


@needs_kernel
@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize(("height", "width"), [(14, 12), (10, 24), (13, 12)])
def test_one_picture_is_shared_out_in_bands_that_part_no_rows_with_a_common_pack(threads, height, width):
    layer, maps, before = group_layer("c4", 5), torch.randn(1, 5, 4, height, width), torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.no_grad():
            measured = layer(maps)
    finally:
        torch.set_num_threads(before)
    assert_near(measured, textbook_output(layer, maps))


@needs_kernel
@pytest.mark.parametrize("make", [group_layer, lifting_layer])
def test_gradients_take_the_two_steps_and_give_the_same(make, monkeypatch):
    layer = make("c4", 5, dropout=0.2).train()
    maps = torch.randn(2, 5, 4, 9, 9) if make is group_layer else torch.randn(2, 3, 9, 9)
    called = []
    in_kernel = native.projected_attention
    monkeypatch.setattr(native, "projected_attention", lambda *a, **b: called.append(1) or in_kernel(*a, **b))
    torch.manual_seed(3)
    trained = layer(maps)
    assert trained.requires_grad and not called
    torch.manual_seed(3)
    with torch.no_grad():
        torch.testing.assert_close(layer(maps), trained.detach(), rtol=1e-5, atol=1e-5)
    assert called
    for parameter in layer.parameters():
        parameter.requires_grad_(False)
    assert not layer(maps).requires_grad
    assert len(called) == 2
    assert layer(maps.requires_grad_()).requires_grad
    assert len(called) == 2


@pytest.mark.parametrize("make", [group_layer, lifting_layer])
def test_torch_path_and_float64_take_the_two_steps(make, monkeypatch):
    monkeypatch.setattr(native, "projected_attention", None)
    layer, order = make("c4", 5), (4,) if make is group_layer else ()
    maps = torch.randn(1, layer.query.weight.shape[1], *order, 6, 7)
    with torch.no_grad():
        layer.double()(maps.double())
        monkeypatch.setenv(paths.PATH_VARIABLE, "torch")
        layer.float()(maps)


@needs_kernel
def test_projections_that_do_not_fit_are_refused():
    layer, maps = group_layer("c4", 5), torch.randn(1, 4, 4, 6, 6)
    attend = getattr(functional.projected_group_attention, "__wrapped__", functional.projected_group_attention)
    projections = (layer.query, layer.key, layer.value, layer.output)
    plane, elements = layer.encoding(), layer.group_encoding()
    with torch.no_grad():
        with pytest.raises(ValueError, match="take 4 channels to one multiple of 2 heads, got 5 to 20, 5 to 20"):
            attend(maps, projections, plane, elements, heads=2, scale=1.0)
        with pytest.raises(ValueError, match="must take 20 channels, got 6 to 20"):
            attend(
                torch.randn(1, 5, 4, 6, 6), (*projections[:3], Pointwise(6, 20)), plane, elements, heads=2, scale=1.0
            )
        with pytest.raises(ValueError, match="got 10 and 6 \\+ 3"):
            attend(torch.randn(1, 5, 4, 6, 6), projections, plane, elements[..., 1:], heads=2, scale=1.0)
        with pytest.raises(ValueError, match="dropout_p must be in"):
            attend(torch.randn(1, 5, 4, 6, 6), projections, plane, elements, heads=2, scale=1.0, dropout_p=1.0)


@needs_kernel
@pytest.mark.parametrize(
    ("name", "window", "query_factor", "tolerance"),
    [("c4", 5, 0.1, 3e-5), ("d4", 3, 1.0, 1e-4), ("c8", 5, 100.0, 1e-2)],
)
def test_lifting_of_one_channel_has_the_gradients_of_all_its_channels(name, window, query_factor, tolerance):
    layer = lifting_layer(name, window, query_factor, inputs=1)
    images = torch.randn(3, 1, 7, 9, requires_grad=True)
    upstream = torch.randn(3, 6, layer.encoding().shape[0], 7, 9)
    measured = layer(images)
    found = torch.autograd.grad(measured, [images, *layer.parameters()], upstream)
    assert not found[1 + [key for key, _ in layer.named_parameters()].index("key.bias")].any()
    exact = layer.double()
    images = images.detach().double().requires_grad_()
    query, key, value = (split_heads(project(images), 2) for project in (exact.query, exact.key, exact.value))
    mixed = textbook.lifting_attention(query, key, value, exact.encoding(), scale=exact.scale)
    expected = exact.output(mixed.flatten(1, 2))
    assert_near(measured, expected, tolerance)
    right = torch.autograd.grad(expected, [images, *exact.parameters()], upstream.double())
    smallest = 0.01 * max(each.abs().max() for each in right)  # some cannot matter: zero, up to rounding
    for each, exact_one in zip(found, right, strict=True):
        error = (each - exact_one).abs().max() / max(exact_one.abs().max(), smallest)
        assert error < tolerance, f"{error:.1e}"


@needs_kernel
def test_lifting_of_one_channel_with_dropout_goes_through_all_channels(monkeypatch):
    layer = lifting_layer("c4", 5, inputs=1, dropout=0.2)
    monkeypatch.setattr(functional.picture_lifting, "attend", None)
    assert layer(torch.randn(2, 1, 6, 6)).requires_grad
    layer.eval()
    with pytest.raises(TypeError):
        layer(torch.randn(2, 1, 6, 6))
