"""The compiled kernel against the textbook formula in float64."""

import pytest
import textbook
import torch

from e2viz.groups import group
from e2viz.nn import native
from e2viz.nn.native import side_by_side
from e2viz.nn.positional import PlaneEncoding

needs_kernel = pytest.mark.skipif(not native.available(), reason=native.why_not() or "built")
SCALE = 0.3


def random_inputs(order, window, height, width, query_factor=1.0, depth_plane=6, depth_group=4, batch=2):
    torch.manual_seed(0)
    maps = [torch.randn(batch, depth_plane + depth_group, 2, order, height, width) for _ in range(3)]
    maps[0] *= query_factor
    return [*maps, torch.randn(order, depth_plane, window, window), torch.randn(order, order, order, depth_group)]


def with_gradients(attend, inputs, dtype, **settings):
    """The output, then the gradient of each input for one fixed random gradient of the output."""
    leaves = [tensor.to(dtype).requires_grad_() for tensor in inputs]
    out = attend(*leaves, scale=SCALE, **settings)
    upstream = torch.randn(out.shape, generator=torch.Generator().manual_seed(1)).to(dtype)
    return [out.detach(), *torch.autograd.grad(out, leaves, upstream)]


def with_threads(count, work):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(count)
        return work()
    finally:
        torch.set_num_threads(before)


def assert_near(measured, expected, relative):
    names = ["out", "query", "key", "value", "plane_encoding", "group_encoding"]
    for name, a, b in zip(names, measured, expected, strict=False):
        # The gradient of an encoding that cannot matter (one group element, one offset) is zero, up to rounding.
        error = (a.double() - b).abs().max() / b.abs().max().clamp_min(1)
        assert error < relative, f"{name}: {error:.1e}"


@needs_kernel
@pytest.mark.parametrize("order", [1, 4, 6, 8])
@pytest.mark.parametrize(
    ("window", "height", "width"), [(3, 4, 4), (5, 9, 9), (5, 7, 12), (5, 16, 3), (9, 5, 8), (11, 3, 20), (7, 1, 1)]
)
def test_group_attention_and_gradients_equal_textbook(order, window, height, width):
    inputs = random_inputs(order, window, height, width)
    expected = with_gradients(textbook.group_attention, inputs, torch.float64)
    assert_near(with_gradients(native.group_attention, inputs, torch.float32), expected, 3e-6)


@needs_kernel
@pytest.mark.parametrize(("window", "width"), [(5, 6), (5, 3), (3, 4), (1, 2), (7, 8), (9, 3)])
@pytest.mark.parametrize("batch", [1, 2, 3, 7])
def test_small_images_of_a_batch_know_nothing_of_each_other(batch, window, width):
    inputs = random_inputs(4, window, 5, width, batch=batch)
    expected = with_gradients(textbook.group_attention, inputs, torch.float64)
    assert_near(with_gradients(native.group_attention, inputs, torch.float32), expected, 3e-6)


@pytest.mark.parametrize(
    ("batch", "width", "window", "lanes", "images"),
    [(4, 6, 5, 16, 2), (3, 6, 5, 16, 2), (6, 4, 5, 16, 3), (4, 8, 5, 16, 4), (4, 24, 5, 16, 1), (1, 6, 5, 16, 1),
     (4, 4, 5, 16, 2), (4, 6, 5, 8, 1), (4, 3, 5, 8, 2), (9, 3, 1, 16, 5), (4, 16, 5, 16, 1),
     (0, 6, 5, 16, 1)],
)  # fmt: skip
def test_as_many_images_side_by_side_as_make_the_fewest_packs(batch, width, window, lanes, images):
    assert side_by_side.fewest_packs(batch, width, window, lanes) == images


def test_maps_come_back_from_side_by_side():
    maps = torch.arange(2.0 * 5 * 3 * 4).reshape(5, 2, 3, 4)
    rows = side_by_side.Rows(batch=5, width=4, images=2, gap=3)
    joined = rows.join(maps)
    assert joined.shape == (3, 2, 3, 11) and not joined[..., 4:7].any() and not joined[2, ..., 7:].any()
    assert torch.equal(joined[1, ..., :4], maps[1]) and torch.equal(joined[1, ..., 7:], maps[4])
    assert torch.equal(rows.part(joined), maps)


@needs_kernel
def test_a_window_of_one_pixel():
    inputs = random_inputs(4, 1, 4, 5)
    expected = with_gradients(textbook.group_attention, inputs, torch.float64)
    assert_near(with_gradients(native.group_attention, inputs, torch.float32), expected, 1e-5)


@needs_kernel
@pytest.mark.parametrize(("depth_plane", "depth_group"), [(2, 1), (6, 5), (8, 8), (4, 0)])
def test_any_depth(depth_plane, depth_group):
    inputs = random_inputs(4, 5, 6, 7, depth_plane=depth_plane, depth_group=depth_group)
    expected = with_gradients(textbook.group_attention, inputs, torch.float64)
    measured = with_gradients(native.group_attention, inputs, torch.float32)
    assert_near(measured[: 5 if depth_group == 0 else 6], expected, 3e-6)


@needs_kernel
@pytest.mark.parametrize("dropout_p", [0.0, 0.2])
@pytest.mark.parametrize(("order", "factor", "relative"), [(4, 8, 1e-5), (8, 8, 1e-5), (4, 100, 1e-5), (8, 100, 1e-5)])
def test_large_queries_take_the_joint_softmax_and_are_right(order, factor, relative, dropout_p):
    inputs = random_inputs(order, 5, 6, 7, query_factor=factor)
    before = native.joint_packs()
    torch.manual_seed(3)
    measured = with_gradients(native.group_attention, inputs, torch.float32, dropout_p=dropout_p)
    assert native.joint_packs() > before
    torch.manual_seed(3)
    mask = native.group_dropout_mask(inputs[0], inputs[3], dropout_p=dropout_p).double()
    expected = with_gradients(textbook.group_attention, inputs, torch.float64, dropout_mask=mask)
    assert_near(measured, expected, relative)


@needs_kernel
@pytest.mark.parametrize(("name", "window", "factor"), [("c4", 5, 1), ("d4", 3, 1), ("c4", 9, 8), ("c8", 5, 1)])
def test_encodings_of_an_acted_grid(name, window, factor):
    """On the pixel grid they are separable, which the kernel makes use of."""
    order = group(name).order
    inputs = random_inputs(order, window, 6, 9, query_factor=factor)
    encoding = PlaneEncoding(group(name), window, 3, 3)
    with torch.no_grad():
        for parameter in encoding.parameters():  # as it begins, all positive coordinates have one encoding
            parameter.add_(torch.randn_like(parameter))
    inputs[3] = encoding().detach()
    expected = with_gradients(textbook.group_attention, inputs, torch.float64)
    assert_near(with_gradients(native.group_attention, inputs, torch.float32), expected, 1e-5)


@needs_kernel
def test_usual_queries_never_take_the_joint_softmax():
    before = native.joint_packs()
    with_gradients(native.group_attention, random_inputs(4, 5, 9, 9), torch.float32)
    assert native.joint_packs() == before


@needs_kernel
@pytest.mark.parametrize("order", [1, 4, 8])
@pytest.mark.parametrize("dropout_p", [0.0, 0.1])
@pytest.mark.parametrize(("window", "height", "width", "factor"), [(5, 9, 9, 1), (3, 5, 11, 8), (9, 4, 6, 100)])
def test_lifting_attention_and_gradients_equal_textbook(order, dropout_p, window, height, width, factor):
    torch.manual_seed(0)
    inputs = [torch.randn(2, 10, 2, height, width) for _ in range(3)] + [torch.randn(order, 10, window, window)]
    inputs[0] *= factor
    torch.manual_seed(3)
    mask = native.lifting_dropout_mask(inputs[0], inputs[3], dropout_p=dropout_p).double()
    torch.manual_seed(3)
    measured = with_gradients(native.lifting_attention, inputs, torch.float32, dropout_p=dropout_p)
    expected = with_gradients(textbook.lifting_attention, inputs, torch.float64, dropout_mask=mask)
    assert_near(measured, expected, 1e-5)


@needs_kernel
@pytest.mark.parametrize("order", [1, 4, 8])
def test_dropout_is_the_mask_it_shows(order):
    inputs = random_inputs(order, 5, 6, 7)
    torch.manual_seed(3)
    measured = with_gradients(native.group_attention, inputs, torch.float32, dropout_p=0.25)
    torch.manual_seed(3)
    mask = native.group_dropout_mask(inputs[0], inputs[3], dropout_p=0.25).double()
    expected = with_gradients(textbook.group_attention, inputs, torch.float64, dropout_mask=mask)
    assert_near(measured, expected, 3e-6)


@needs_kernel
def test_dropout_decisions_are_as_many_as_asked_and_independent():
    torch.manual_seed(0)
    kept = native.group_dropout_mask(torch.empty(1, 10, 2, 4, 16, 16), torch.empty(4, 6, 5, 5), dropout_p=0.1) > 0
    dropped = (~kept).double()
    assert abs(dropped.mean() - 0.1) < 5e-4
    for axis in (1, 2, 3, 4, 5, 6, 7, 8):
        neighbours = (dropped - 0.1) * (dropped.roll(1, axis) - 0.1)
        assert abs(neighbours.mean() / 0.09) < 5e-3, axis
    two_by_two = (dropped - 0.1) * (dropped.roll(1, 3) - 0.1)
    two_by_two = two_by_two * two_by_two.roll(1, 6)
    assert abs(two_by_two.mean() / 0.09**2) < 1e-2


@needs_kernel
def test_manual_seed_repeats_dropout_and_no_dropout_leaves_the_generator():
    inputs = random_inputs(4, 5, 6, 6)
    torch.manual_seed(7)
    first = native.group_attention(*inputs, scale=SCALE, dropout_p=0.1)
    second = native.group_attention(*inputs, scale=SCALE, dropout_p=0.1)
    torch.manual_seed(7)
    assert torch.equal(first, native.group_attention(*inputs, scale=SCALE, dropout_p=0.1))
    assert not torch.equal(first, second)
    state = torch.get_rng_state()
    native.group_attention(*inputs, scale=SCALE)
    assert torch.equal(state, torch.get_rng_state())


@needs_kernel
def test_results_do_not_depend_on_threads():
    inputs = random_inputs(4, 5, 9, 9)
    one = with_threads(1, lambda: with_gradients(native.group_attention, inputs, torch.float32))
    two = with_threads(2, lambda: with_gradients(native.group_attention, inputs, torch.float32))
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


@needs_kernel
@pytest.mark.parametrize(("window", "height", "factor"), [(3, 13, 1.0), (5, 21, 1.0), (5, 31, 100.0)])
@pytest.mark.parametrize("threads", [2, 3])
def test_heads_that_do_not_go_round_are_cut_into_bands_of_rows(threads, window, height, factor):
    *maps, plane, elements = random_inputs(4, window, height, 7, factor)
    inputs = [*(tensor[:1, :, :1].contiguous() for tensor in maps), plane, elements]
    expected = textbook.group_attention(*(tensor.double() for tensor in inputs), scale=SCALE)
    one = with_threads(1, lambda: native.group_attention(*inputs, scale=SCALE))
    many = with_threads(threads, lambda: native.group_attention(*inputs, scale=SCALE))
    assert_near([one], [expected], 3e-6)
    assert torch.equal(one, many)


@needs_kernel
def test_denormals_outside_the_kernel_stay():
    native.group_attention(*random_inputs(4, 5, 6, 6), scale=SCALE)
    assert torch.tensor(1e-40) * torch.tensor(1.0) > 0
