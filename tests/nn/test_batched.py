"""The path of accelerators against the textbook formula, on the CPU: values, gradients, tiles, dropout, autocast."""

import pytest
import textbook
import torch
from test_factorised import PLANES, SCALE, assert_near, lifting_inputs, random_inputs, with_gradients

from e2viz.groups import group as find_group
from e2viz.models.ge_vit import GEViT, GEViTConfig
from e2viz.nn import batched, functional, paths
from e2viz.nn.attention import GroupAttention, LiftingAttention
from e2viz.nn.pointwise import WholeNorm
from e2viz.nn.positional import PlaneEncoding

CASES = {
    "group": (batched.group_attention, textbook.group_attention, random_inputs),
    "lifting": (batched.lifting_attention, textbook.lifting_attention, lifting_inputs),
}


@pytest.mark.parametrize("layer", CASES)
@pytest.mark.parametrize("order", [1, 4, 6])
@pytest.mark.parametrize(("window", "height", "width"), PLANES)
def test_equals_textbook(layer, order, window, height, width):
    attend, oracle, draw = CASES[layer]
    inputs = draw(order, window, height, width)
    expected = with_gradients(oracle, inputs)
    assert_near(with_gradients(attend, inputs), expected, 1e-10)
    assert_near(with_gradients(attend, inputs, torch.float32), expected, 1e-5)


@pytest.mark.parametrize("budget", [1, 60_000, 400_000])
@pytest.mark.parametrize("layer", CASES)
def test_tiles_of_rows_and_of_images_equal_textbook(layer, budget, monkeypatch):
    monkeypatch.setitem(batched.BYTES_PER_TILE, "cpu", budget)
    attend, oracle, draw = CASES[layer]
    inputs = draw(4, 5, 7, 6, batch=3)
    assert_near(with_gradients(attend, inputs), with_gradients(oracle, inputs), 1e-10)


@pytest.mark.parametrize("layer", CASES)
def test_scores_of_any_size_equal_textbook(layer):
    attend, oracle, draw = CASES[layer]
    inputs = draw(4, 5, 7, 6, query_factor=1000)
    assert_near(with_gradients(attend, inputs), with_gradients(oracle, inputs), 1e-9)


@pytest.mark.parametrize("layer", CASES)
def test_the_backward_pass_draws_the_dropout_of_the_forward_pass(layer, monkeypatch):
    monkeypatch.setitem(batched.BYTES_PER_TILE, "cpu", 60_000)
    attend, oracle, draw = CASES[layer]
    inputs = draw(4, 3, 5, 6)
    drawn = []
    next_mask = batched._Masks.next
    monkeypatch.setattr(batched._Masks, "next", lambda *a: drawn.append(next_mask(*a)) or drawn[-1])
    torch.manual_seed(3)
    measured = with_gradients(attend, inputs, dropout_p=0.3)
    forward, backward = drawn[: len(drawn) // 2], drawn[len(drawn) // 2 :]
    assert len(forward) > 1 and all(torch.equal(a, b) for a, b in zip(forward, backward, strict=True))
    assert 0.65 < torch.cat([each.flatten() for each in forward]).double().mean() < 0.75
    mask = _as_textbook(forward, layer, inputs[0].shape).double() / 0.7
    assert_near(measured, with_gradients(oracle, inputs, dropout_mask=mask), 1e-10)


def _as_textbook(tiles, layer, shape):
    """Masks [x g v m u] of tiles of rows of one image as the textbook's [b n v (g) y x (m) i j]."""
    batch, heads, width = shape[0], shape[2], shape[-1]
    images = [[] for _ in range(batch)]
    for number, tile in enumerate(tiles):
        rows = tile.view(heads, -1, width, *tile.shape[1:])
        images[number * batch // len(tiles)].append(rows)
    whole = torch.stack([torch.cat(image, 1) for image in images])  # b n y x g v m u
    whole = whole.permute(0, 1, 5, 4, 2, 3, 6, 7).unflatten(-1, (3, 3))
    return whole if layer == "group" else whole[:, :, :, 0, :, :, 0]


def test_dropout_follows_torchs_seed():
    inputs = random_inputs(4, 3, 5, 6)
    outs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        outs.append(batched.group_attention(*inputs, scale=SCALE, dropout_p=0.3))
    assert torch.equal(outs[0], outs[1]) and not torch.equal(outs[0], outs[2])


@pytest.mark.parametrize("layer", CASES)
def test_autocast_changes_no_sum(layer):
    attend, _, draw = CASES[layer]
    inputs = [tensor.float() for tensor in draw(4, 5, 7, 6)]
    plain = with_gradients(attend, inputs, torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        assert_near(with_gradients(attend, inputs, torch.float32), plain, 1e-6)
    half = [tensor.bfloat16() for tensor in inputs]
    expected = with_gradients(attend, [tensor.float() for tensor in half], torch.float32)
    measured = with_gradients(attend, half, torch.bfloat16)
    assert measured[0].dtype is torch.bfloat16
    assert_near(measured, expected, 2e-2)


def test_it_is_taken_where_it_is_asked_for(monkeypatch):
    called = []
    monkeypatch.setenv(paths.PATH_VARIABLE, "batched")
    for layer, (attend, _, draw) in CASES.items():
        monkeypatch.setattr(batched, f"{layer}_attention", lambda *a, f=attend, **b: called.append(f) or f(*a, **b))
        getattr(functional, f"{layer}_attention")(*draw(4, 3, 5, 6), scale=SCALE)
        assert called.pop() is attend


def test_a_training_step_under_autocast_keeps_norms_and_encodings_in_single_precision():
    torch.manual_seed(0)
    config = GEViTConfig(image_size=12, width=4, heads=2, depth=6, window=3, stages=((1,), (1,)), classes=3)
    network = GEViT(config)
    seen = {}
    for name, layer in network.named_modules():
        if isinstance(layer, (WholeNorm, PlaneEncoding)):
            layer.register_forward_hook(lambda _, __, out, name=name: seen.update({name: out.dtype}))
    images = torch.randn(2, 1, 12, 12)
    with torch.autocast("cpu", torch.bfloat16):
        network(images).square().sum().backward()
    assert len(seen) > 8 and set(seen.values()) == {torch.float32}, seen
    assert all(each.grad is not None and each.grad.isfinite().all() for each in network.parameters())
    half = WholeNorm(3)(torch.randn(2, 3, 4).bfloat16())
    assert half.dtype is torch.bfloat16


def test_other_devices_take_nothing_that_is_made_for_the_cpu():
    """Shapes alone, on the device without memory: mixed devices and CPU kernels would fail there."""
    group = find_group("c4")
    lifting = LiftingAttention(group, 1, 4, heads=2, depth=4, window=3).to("meta")
    layer = GroupAttention(group, 4, 6, heads=2, depth=6, window=3).to("meta")
    assert layer(lifting(torch.empty(2, 1, 6, 6, device="meta"))).shape == (2, 6, 4, 6, 6)
    with torch.no_grad():
        assert layer(lifting(torch.empty(2, 1, 6, 6, device="meta"))).shape == (2, 6, 4, 6, 6)
