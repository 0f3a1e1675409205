"""The public attention functions: probabilities against the textbook, the choice of path, the rules they check."""

import pytest
import textbook
import torch

from e2viz.nn import factorised, functional, native, paths

SCALE = 0.4
PIXELS = torch.tensor([[0, 0], [3, 2], [4, 6], [0, 6]])


def random_inputs(order=4, window=5, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    shapes = [(2, 6, 3, order, 5, 7)] * 3 + [(order, 4, window, window), (order, order, order, 2)]
    return [torch.randn(shape, generator=generator, dtype=dtype) for shape in shapes]


def lifting_inputs(**settings):
    query, key, value, *_ = random_inputs(**settings)
    encoding = torch.randn(4, 6, 5, 5, generator=torch.Generator().manual_seed(1)).to(query.dtype)
    return [query[:, :, :, 0], key[:, :, :, 0], value[:, :, :, 0], encoding]


def every_pixel():
    return torch.cartesian_prod(torch.arange(5), torch.arange(7))


@pytest.mark.parametrize(("order", "window"), [(1, 3), (4, 5), (8, 9)])
def test_group_probabilities_at_chosen_pixels_equal_textbook(order, window):
    query, key, _, plane, group = random_inputs(order, window)
    chosen = functional.group_attention_probabilities(query, key, plane, group, scale=SCALE, pixels=PIXELS)
    whole = textbook.group_probabilities(query, key, plane, group, SCALE)
    torch.testing.assert_close(chosen, whole[:, :, :, :, PIXELS[:, 0], PIXELS[:, 1]], rtol=0, atol=1e-12)
    assert chosen[:, :, :, :, 0, :, : window // 2].abs().max() == 0


def test_lifting_probabilities_at_chosen_pixels_equal_textbook():
    query, key, _, plane = lifting_inputs()
    chosen = functional.lifting_attention_probabilities(query, key, plane, scale=SCALE, pixels=PIXELS)
    whole = textbook.lifting_probabilities(query, key, plane, SCALE)
    torch.testing.assert_close(chosen, whole[:, :, :, PIXELS[:, 0], PIXELS[:, 1]], rtol=0, atol=1e-12)


@pytest.mark.parametrize("path", ["torch", "native"])
def test_group_probabilities_sum_to_one_and_reproduce_the_output(path, monkeypatch):
    if path == "native" and not native.available():
        pytest.skip(native.why_not())
    monkeypatch.setenv(paths.PATH_VARIABLE, path)
    query, key, value, plane, group = random_inputs(dtype=torch.float32)
    weights = functional.group_attention_probabilities(
        query, key, plane, group, scale=SCALE, pixels=every_pixel()
    ).unflatten(4, (5, 7))
    torch.testing.assert_close(weights.sum((-3, -2, -1)), torch.ones(2, 3, 4, 4, 5, 7))
    windows = torch.nn.functional.pad(value, (2,) * 4).unfold(-2, 5, 1).unfold(-2, 5, 1)
    expected = torch.einsum("bevghwmij,bcemhwij->bcevhw", weights, windows)
    out = functional.group_attention(query, key, value, plane, group, scale=SCALE)
    torch.testing.assert_close(out, expected, rtol=1e-5, atol=1e-5)


def test_lifting_probabilities_sum_to_one_and_reproduce_the_output():
    query, key, value, plane = lifting_inputs()
    weights = functional.lifting_attention_probabilities(
        query, key, plane, scale=SCALE, pixels=every_pixel()
    ).unflatten(3, (5, 7))
    torch.testing.assert_close(weights.sum((-2, -1)), torch.ones(2, 3, 4, 5, 7, dtype=torch.float64))
    windows = torch.nn.functional.pad(value, (2,) * 4).unfold(-2, 5, 1).unfold(-2, 5, 1)
    expected = torch.einsum("bevhwij,bcehwij->bcevhw", weights, windows)
    torch.testing.assert_close(functional.lifting_attention(query, key, value, plane, scale=SCALE), expected)


@pytest.mark.parametrize("layer", ["group", "lifting"])
def test_both_paths_give_the_same(layer, monkeypatch):
    if not native.available():
        pytest.skip(native.why_not())
    inputs = random_inputs(dtype=torch.float32) if layer == "group" else lifting_inputs(dtype=torch.float32)
    attend = getattr(functional, f"{layer}_attention")
    results = []
    for path in ("torch", "native"):
        monkeypatch.setenv(paths.PATH_VARIABLE, path)
        assert paths.attention_path().startswith(f"{path}: set by")
        results.append(attend(*inputs, scale=SCALE))
    torch.testing.assert_close(*results, rtol=1e-5, atol=1e-5)


def test_path_without_a_kernel_is_torch_and_says_why(monkeypatch):
    monkeypatch.delenv(paths.PATH_VARIABLE, raising=False)
    monkeypatch.setattr(native, "available", lambda: False)
    monkeypatch.setattr(native, "why_not", lambda: "no compiler was found")
    assert paths.attention_path() == "torch: no compiler was found"
    called = []
    attend = factorised.group_attention
    monkeypatch.setattr(factorised, "group_attention", lambda *a, **b: called.append(1) or attend(*a, **b))
    functional.group_attention(*random_inputs(dtype=torch.float32), scale=SCALE)
    assert called
    monkeypatch.setenv(paths.PATH_VARIABLE, "native")
    with pytest.raises(ValueError, match="needs the compiled kernel: no compiler was found"):
        functional.group_attention(*random_inputs(dtype=torch.float32), scale=SCALE)


def test_path_with_a_kernel_is_native_for_float32_alone(monkeypatch):
    monkeypatch.delenv(paths.PATH_VARIABLE, raising=False)
    monkeypatch.setattr(native, "available", lambda: True)
    called = []
    monkeypatch.setattr(native, "group_attention", lambda *a, **b: called.append(1) or a[2])
    assert paths.attention_path().startswith("native")
    functional.group_attention(*random_inputs(dtype=torch.float32), scale=SCALE)
    assert called == [1]
    functional.group_attention(*random_inputs(), scale=SCALE)
    assert called == [1]


def test_unknown_path_is_refused(monkeypatch):
    monkeypatch.setenv(paths.PATH_VARIABLE, "fast")
    with pytest.raises(ValueError, match="must be native, .* or .*, got 'fast'"):
        functional.group_attention(*random_inputs(), scale=SCALE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda q, k, v, p, e: (q, k[..., 1:], v, p, e), "one shape"),
        (lambda q, k, v, p, e: (q, k.float(), v, p, e), "one dtype"),
        (lambda q, k, v, p, e: (q, k, v, p[..., 1:, 1:], e), "square and odd, got 4 x 4"),
        (lambda q, k, v, p, e: (q, k, v, p[..., 2:], e), "square and odd, got 5 x 3"),
        (lambda q, k, v, p, e: (q, k, v, p[:, 1:], e), "got 6 and 3 \\+ 2"),
        (lambda q, k, v, p, e: (q, k, v, p[1:], e), "must start with"),
    ],
)
def test_group_attention_refuses(change, message):
    # The unchecked function: shape annotations that are executed in tests would answer before the rule does.
    attend = getattr(functional.group_attention, "__wrapped__", functional.group_attention)
    with pytest.raises(ValueError, match=message):
        attend(*change(*random_inputs()), scale=SCALE)


@pytest.mark.parametrize("dropout_p", [-0.1, 1.0])
def test_dropout_must_be_a_chance(dropout_p):
    with pytest.raises(ValueError, match="dropout_p must be in"):
        functional.group_attention(*random_inputs(), scale=SCALE, dropout_p=dropout_p)


def test_lifting_attention_needs_all_depth_in_the_plane():
    query, key, value, plane = lifting_inputs()
    attend = getattr(functional.lifting_attention, "__wrapped__", functional.lifting_attention)
    with pytest.raises(ValueError, match="got 6 and 5"):
        attend(query, key, value, plane[:, 1:], scale=SCALE)


@pytest.mark.parametrize("pixel", [[5, 0], [0, 7], [-1, 0]])
def test_pixels_must_lie_in_the_plane(pixel):
    query, key, _, plane, group = random_inputs()
    with pytest.raises(ValueError, match="must lie in the plane of 5 x 7"):
        functional.group_attention_probabilities(
            query, key, plane, group, scale=SCALE, pixels=torch.tensor([PIXELS[0].tolist(), pixel])
        )
