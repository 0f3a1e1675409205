"""The factorised PyTorch path against the textbook formula: values, gradients, stress, dropout, threads, memory."""

import pytest
import textbook
import torch

from e2viz.nn import factorised, tile_weights, tiling, windows
from e2viz.nn.dropout import Dropout
from e2viz.nn.tile_weights import COUNT

SCALE = 0.3
PLANES = [(1, 4, 5), (3, 6, 6), (3, 5, 8), (5, 7, 7), (5, 4, 9), (9, 5, 5), (9, 6, 3)]


def random_inputs(order, window, height, width, *, batch=2, heads=3, query_factor=1.0):
    """Query, key, value, plane encoding and group encoding in float64; depth 6 = 4 for the plane + 2."""
    generator = torch.Generator().manual_seed(order * 1000 + window * 100 + height * 10 + width)
    shapes = [(batch, 6, heads, order, height, width)] * 3 + [(order, 4, window, window), (order, order, order, 2)]
    inputs = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    inputs[0] *= query_factor
    return inputs


def lifting_inputs(order, window, height, width, **settings):
    query, key, value, _, _ = random_inputs(order, window, height, width, **settings)
    encoding = torch.randn(order, 6, window, window, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    return [query[:, :, :, 0], key[:, :, :, 0], value[:, :, :, 0], encoding]


CASES = {
    "group": (factorised.group_attention, textbook.group_attention, random_inputs),
    "lifting": (factorised.lifting_attention, textbook.lifting_attention, lifting_inputs),
}


def with_gradients(attend, inputs, dtype=torch.float64, scale=SCALE, **settings):
    """The output, then the gradient of each input for one fixed random gradient of the output."""
    leaves = [tensor.to(dtype).requires_grad_() for tensor in inputs]
    out = attend(*leaves, scale=scale, **settings)
    upstream = torch.randn(out.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(dtype)
    return [out.detach(), *torch.autograd.grad(out, leaves, upstream)]


def assert_near(measured, expected, relative):
    names = ["out", "query", "key", "value", "plane_encoding", "group_encoding"]
    for name, a, b in zip(names, measured, expected, strict=False):
        # With one group element the group encoding cannot matter: its gradient is zero up to rounding.
        error = (a.double() - b).abs().max() / b.abs().max().clamp_min(1.0)
        assert error < relative, f"{name}: relative error {error:.1e}"


@pytest.fixture
def small_tiles(monkeypatch):
    """Several runs of pixels in each plane, as on a large one, and several parts of a batch."""
    monkeypatch.setattr(factorised, "tiles", lambda *sizes: tiling.tiles(*sizes[:2], 1 << 30, least=11))
    monkeypatch.setattr(factorised, "IMAGES_AT_ONCE", 1)


@pytest.mark.parametrize("layer", CASES)
@pytest.mark.parametrize("order", [1, 4, 8])
@pytest.mark.parametrize(("window", "height", "width"), PLANES)
def test_equals_textbook(layer, order, window, height, width):
    attend, oracle, draw = CASES[layer]
    inputs = draw(order, window, height, width)
    expected = with_gradients(oracle, inputs)
    assert_near(with_gradients(attend, inputs), expected, 1e-10)
    assert_near(with_gradients(attend, inputs, torch.float32), expected, 1e-5)


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("layer", CASES)
@pytest.mark.parametrize(("window", "height", "width"), [(3, 5, 8), (5, 4, 9), (9, 6, 3)])
def test_a_plane_in_several_runs_equals_textbook(layer, window, height, width):
    attend, oracle, draw = CASES[layer]
    inputs = draw(4, window, height, width)
    assert_near(with_gradients(attend, inputs), with_gradients(oracle, inputs), 1e-10)


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_do_not_matter(threads):
    inputs = random_inputs(4, 5, 7, 7)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        measured = with_gradients(factorised.group_attention, inputs)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert_near(measured, with_gradients(textbook.group_attention, inputs), 1e-10)


@pytest.mark.parametrize("order", [1, 4])
def test_gradcheck_group(order):
    inputs = [tensor.requires_grad_() for tensor in random_inputs(order, 3, 2, 2, batch=1, heads=1)]
    fast = order > 1  # along random directions; entry by entry takes a minute
    assert torch.autograd.gradcheck(
        lambda *maps: factorised.group_attention(*maps, scale=SCALE), inputs, fast_mode=fast
    )


def test_gradcheck_lifting():
    inputs = [tensor.requires_grad_() for tensor in lifting_inputs(4, 3, 2, 3, batch=1, heads=2)]
    assert torch.autograd.gradcheck(
        lambda *maps: factorised.lifting_attention(*maps, scale=SCALE), inputs, fast_mode=True
    )


def test_gradcheck_with_dropout():
    inputs = [tensor.requires_grad_() for tensor in random_inputs(4, 3, 2, 2, batch=1, heads=1)]

    def attend(*maps):
        torch.manual_seed(7)
        return factorised.group_attention(*maps, scale=SCALE, dropout_p=0.3)

    assert torch.autograd.gradcheck(attend, inputs, fast_mode=True)


@pytest.mark.parametrize("order", [4, 8])
@pytest.mark.parametrize(("factor", "scale"), [(8, 1.0), (100, SCALE)])
def test_large_queries_fall_back_to_the_joint_softmax(order, factor, scale):
    inputs = [tensor.float().double() for tensor in random_inputs(order, 5, 7, 6, query_factor=factor)]
    out, *gradients = with_gradients(textbook.group_attention, inputs, scale=scale)
    before = COUNT.joint
    measured = with_gradients(factorised.group_attention, inputs, torch.float32, scale=scale)
    assert COUNT.joint > before
    assert_near(measured, [out], 1e-5)
    # Scores of some hundreds, rounded to float32, leave a few 1e-5 in the weights and so in their gradients.
    assert_near(measured, [out, *gradients], 5e-5)


def test_float64_falls_back_too():
    inputs = random_inputs(4, 5, 7, 6, query_factor=1000)
    before = COUNT.joint
    measured = with_gradients(factorised.group_attention, inputs)
    assert COUNT.joint > before
    assert_near(measured, with_gradients(textbook.group_attention, inputs), 1e-9)


def test_one_extreme_pixel_is_enough_and_usual_queries_are_factorised():
    inputs = [tensor.float() for tensor in random_inputs(4, 5, 7, 6)]
    before = (COUNT.factorised, COUNT.joint)
    factorised.group_attention(*inputs, scale=SCALE)
    assert COUNT.factorised > before[0] and COUNT.joint == before[1]
    inputs[0][0, :, 1, 2, 3, 3] *= 1000
    out = factorised.group_attention(*inputs, scale=SCALE)
    assert COUNT.joint == before[1] + 1
    expected = textbook.group_attention(*(tensor.double() for tensor in inputs), scale=SCALE)
    assert_near([out], [expected], 1e-5)


def drawn_mask(dropout, query, plane_encoding, elements):
    """The mask [batch head v g height width m window window] that the layer draws tile by tile."""
    batch, _, heads, _, height, width = query.shape
    window, outputs = plane_encoding.shape[-1], plane_encoding.shape[0]
    plane = tiling.Plane(height, width, window)
    mask = torch.zeros(batch, heads, outputs, elements, elements, window**2, plane.pixels)
    for image in range(0, batch, factorised.IMAGES_AT_ONCE):
        part = mask[image : image + factorised.IMAGES_AT_ONCE].flatten(0, 1)
        for tile in factorised.tiles(len(part), plane.pixels, max(elements, outputs) * elements * window**2):
            for element in range(elements):
                target = part[tile.pairs, :, element, :, :, tile.run]
                target.copy_(dropout.kept(target, image, tile.number, element))
    inner = plane.inner_queries(mask).permute(0, 1, 2, 3, 6, 7, 4, 5).unflatten(-1, (window, window))
    return inner.double() * dropout.factor


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("factor", [1, 100])
def test_dropout_equals_textbook_with_the_mask_that_was_drawn(factor):
    inputs = random_inputs(4, 5, 5, 6, query_factor=factor)
    torch.manual_seed(3)
    measured = with_gradients(factorised.group_attention, inputs, torch.float32, dropout_p=0.3)
    torch.manual_seed(3)
    mask = drawn_mask(Dropout.drawn(0.3), inputs[0], inputs[3], 4)
    assert 0.68 < (mask > 0).double().mean() < 0.72
    expected = with_gradients(textbook.group_attention, inputs, dropout_mask=mask)
    assert_near(measured, expected, 1e-5 if factor == 1 else 5e-5)


def test_lifting_dropout_equals_textbook_with_the_mask_that_was_drawn():
    inputs = lifting_inputs(4, 5, 5, 6)
    torch.manual_seed(3)
    measured = with_gradients(factorised.lifting_attention, inputs, dropout_p=0.1)
    torch.manual_seed(3)
    mask = drawn_mask(Dropout.drawn(0.1), inputs[0][:, :, :, None], inputs[3], 1)
    mask = mask[:, :, :, 0, :, :, 0]
    assert_near(measured, with_gradients(textbook.lifting_attention, inputs, dropout_mask=mask), 1e-10)


def test_the_chance_of_dropout_is_the_one_asked_for():
    like = torch.empty(1, 4, 4, 25, 40)
    dropped = [1 - Dropout(0.1, seed).kept(like, 0, 0, 0).mean() for seed in range(300)]
    assert abs(torch.stack(dropped).mean() - 0.1) < 3e-4


def test_the_decisions_of_a_mask_are_independent_of_each_other():
    masks, weights = 2000, 300
    kept = torch.stack([Dropout(0.5, seed).kept(torch.empty(weights), 0, 0, 0).clone() for seed in range(masks)])
    centred = kept.double() - 0.5
    correlations = (centred.T @ centred / masks * 4).fill_diagonal_(0) * masks**0.5
    assert 0.98 < correlations.square().sum().div(weights * (weights - 1)).sqrt() < 1.02
    assert correlations.abs().max() < 5.5
    assert 0.9 < kept.sum(1).var() / (weights / 4) < 1.1


def test_every_image_tile_and_query_element_has_a_mask_of_its_own():
    dropout, like = Dropout(0.5, 3), torch.empty(1, 2, 2, 9, 20)
    places = [(0, 0, 0), (4, 0, 0), (0, 1, 0), (0, 0, 1)]
    masks = [dropout.kept(like, *place).clone() for place in places]
    for first in range(4):
        for second in range(first):
            assert 0.4 < (masks[first] == masks[second]).float().mean() < 0.6


def test_dropout_differs_from_call_to_call_and_follows_the_seed():
    inputs = random_inputs(4, 3, 4, 4)
    torch.manual_seed(0)
    first, second = (factorised.group_attention(*inputs, scale=SCALE, dropout_p=0.2) for _ in range(2))
    torch.manual_seed(0)
    assert torch.equal(first, factorised.group_attention(*inputs, scale=SCALE, dropout_p=0.2))
    assert not torch.equal(first, second)


def test_inference_mode_and_normal_mode_share_their_memory():
    inputs = random_inputs(4, 5, 7, 7)
    with torch.inference_mode():
        inside = factorised.group_attention(*inputs, scale=SCALE)
    with_gradients(factorised.group_attention, inputs)
    assert torch.equal(inside, factorised.group_attention(*inputs, scale=SCALE))


def use_scratch(monkeypatch, most_views):
    """Scratch memory that nothing else has used."""
    scratch = tiling.Scratch()
    for module in (tiling, windows, tile_weights, factorised):
        monkeypatch.setattr(module, "SCRATCH", scratch)
    monkeypatch.setattr(tiling, "MOST_VIEWS", most_views)
    return scratch


@pytest.mark.parametrize("most", [1, 2048])
def test_views_of_scratch_memory_are_right_after_it_moved(monkeypatch, most):
    use_scratch(monkeypatch, most)
    for side in (3, 9, 3, 5):
        inputs = random_inputs(4, 3, side, side)
        for _ in range(2):
            measured = with_gradients(factorised.group_attention, inputs)
            assert_near(measured, with_gradients(textbook.group_attention, inputs), 1e-10)


@pytest.mark.parametrize("most", [40, 2048])
def test_remembered_views_are_few_and_of_scratch_memory_only(monkeypatch, most):
    scratch = use_scratch(monkeypatch, most)
    for side in (3, 6, 5, 4):
        with_gradients(factorised.group_attention, random_inputs(4, 3, side, side))
    memory = {buffer.untyped_storage().data_ptr() for buffer in scratch._buffers.values()}
    seen = {view.untyped_storage().data_ptr() for views in scratch._views.values() for view in views}
    assert seen and seen <= memory
    assert len(scratch._views) <= most


def test_half_precision_is_computed_in_float32():
    inputs = [tensor.to(torch.bfloat16) for tensor in random_inputs(4, 5, 7, 7)]
    out = factorised.group_attention(*inputs, scale=SCALE)
    assert out.dtype == torch.bfloat16
    expected = textbook.group_attention(*(tensor.double() for tensor in inputs), scale=SCALE)
    assert_near([out], [expected], 1e-2)


def test_nan_is_not_hidden():
    inputs = random_inputs(4, 3, 4, 4)
    inputs[1][0, 0, 0, 0, 0, 0] = torch.nan
    assert factorised.group_attention(*inputs, scale=SCALE)[0, :, 0].isnan().any()


def test_tiles_take_every_pair_and_pixel_once():
    for pairs, pixels, scores in [(9, 840, 400), (324, 48, 400), (3, 9000, 1600), (10, 1540, 25)]:
        seen = torch.zeros(pairs, pixels)
        for tile in tiling.tiles(pairs, pixels, scores):
            seen[tile.pairs, tile.run] += 1
        assert (seen == 1).all()
