"""A block in one call of the compiled kernel: the same as step by step, and never what a changed block no longer is."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from e2viz import capture
from e2viz.groups import group
from e2viz.models.ge_vit import Block, GEViTConfig
from e2viz.nn import native, paths, whole_block
from e2viz.nn.pointwise import Pointwise, WholeNorm

needs_kernel = pytest.mark.skipif(not native.available(), reason=native.why_not() or "built")


def make_block(name="c4", inputs=6, outputs=6, cropped=1, seed=0, **sizes):
    torch.manual_seed(seed)
    config = GEViTConfig(group=name, heads=2, depth=9, **{"window": 5, **sizes})
    block = Block(config, group(name), inputs, outputs, cropped).eval()
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return block


def maps_for(block, height=9, width=12, batch=2):
    return torch.randn(batch, block.input_norm.num_channels, block.attention.relative.shape[0], height, width)


def step_by_step(block, maps, monkeypatch):
    """The block in float64, where the kernel does not run."""
    monkeypatch.setattr(whole_block, "forward", lambda *_: None)
    with torch.no_grad():
        expected = copy.deepcopy(block).double()(maps.double())
    monkeypatch.undo()
    return expected


def assert_near(measured, expected):
    error = (measured.double() - expected).abs().max() / expected.abs().max()
    assert error < 3e-6, f"{error:.1e}"


@pytest.fixture
def calls(monkeypatch):
    """How often the kernel took a whole block."""
    made = []
    at_once = native.block
    monkeypatch.setattr(native, "block", lambda *a, **b: made.append(1) or at_once(*a, **b))
    return made


@needs_kernel
@pytest.mark.parametrize("name", ["c1", "c4", "c8", "d4"])
@pytest.mark.parametrize(("window", "height", "width"), [(3, 4, 4), (5, 9, 9), (5, 7, 12), (5, 16, 5), (7, 5, 8)])
@pytest.mark.parametrize("cropped", [0, 1])
def test_equals_step_by_step(name, window, height, width, cropped, monkeypatch, calls):
    block = make_block(name, cropped=cropped, window=window)
    maps = maps_for(block, height, width)
    with torch.no_grad():
        measured = block(maps)
    assert calls
    assert_near(measured, step_by_step(block, maps, monkeypatch))


@needs_kernel
@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_equals_step_by_step_however_it_is_shared_out(batch, threads, monkeypatch):
    block, before = make_block("c4", 5, 7, cropped=2), torch.get_num_threads()
    maps = maps_for(block, 11, 10, batch)
    torch.set_num_threads(threads)
    try:
        with torch.inference_mode():
            measured = block(maps)
    finally:
        torch.set_num_threads(before)
    assert_near(measured, step_by_step(block, maps, monkeypatch))


@needs_kernel
def test_maps_that_are_not_contiguous(monkeypatch):
    block = make_block()
    maps = maps_for(block).transpose(-1, -2)
    with torch.no_grad():
        assert_near(block(maps), step_by_step(block, maps, monkeypatch))


@needs_kernel
def test_mean_far_from_zero_loses_nothing(monkeypatch):
    block = make_block()
    maps = 0.1 * maps_for(block) + 10
    expected = step_by_step(block, maps, monkeypatch)
    with torch.no_grad():
        error = (block(maps).double() - expected).abs().max() / expected.abs().max()
    assert error < 1e-5


CHANGES = {
    "in place": lambda b: b.mlp[0].weight.data.mul_(1.5),
    "new parameter": lambda b: setattr(b.mlp[3], "bias", nn.Parameter(torch.randn(6))),
    "other memory": lambda b: setattr(b.mlp[0].weight, "data", torch.randn(3, 6)),
    "loaded": lambda b: b.load_state_dict(make_block(seed=1).state_dict()),
    "assigned": lambda b: b.load_state_dict(make_block(seed=1).state_dict(), assign=True),
    "new layer": lambda b: setattr(b.attention, "query", copy.deepcopy(b.attention.value)),
    "new norm": lambda b: setattr(b, "output_norm", WholeNorm(6)),
    "scale": lambda b: setattr(b.attention, "scale", 3.0),
    "encoding": lambda b: b.attention.encoding.row[3].bias.data.add_(2.0),
    "group embedding": lambda b: b.attention.group_embedding.data.neg_(),
    "rule": lambda b: b.attention.relative.copy_(b.attention.relative.flip(0)),
    "other layer": lambda b: b.mlp.__setitem__(2, nn.Tanh()),
    "no bias": lambda b: b.mlp.__setitem__(0, Pointwise(6, 3, bias=False)),
}


@needs_kernel
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_after_the_first_call_counts(change, monkeypatch):
    block = make_block()
    maps = maps_for(block)
    with torch.no_grad():
        before = block(maps)
        CHANGES[change](block)
        after = block(maps)
    assert not torch.allclose(after, before)
    assert_near(after, step_by_step(block, maps, monkeypatch))


@needs_kernel
def test_hooks_and_recordings_see_what_passes_inside(calls):
    block, seen = make_block(), []
    block.attention.probe.name = "attention"
    maps = maps_for(block)
    with torch.no_grad():
        expected = block(maps)
        handle = block.mlp[1].register_forward_hook(lambda *_: seen.append(1))
        torch.testing.assert_close(block(maps), expected)
        handle.remove()
        with capture.record(["attention"]) as recording:
            torch.testing.assert_close(block(maps), expected)
    assert seen and "attention" in recording and len(calls) == 1


@needs_kernel
def test_training_gradients_and_other_types_go_step_by_step(calls, monkeypatch):
    block = make_block()
    maps = maps_for(block)
    assert block(maps).requires_grad
    with torch.no_grad():
        block.train()(maps)
        block.eval().double()(maps.double())
        monkeypatch.setenv(paths.PATH_VARIABLE, "torch")
        block.float()(maps)
        assert not calls
        monkeypatch.delenv(paths.PATH_VARIABLE)
        block(maps)
    assert len(calls) == 1


@needs_kernel
def test_copies_are_blocks_of_their_own():
    block = make_block()
    maps = maps_for(block)
    with torch.no_grad():
        expected = block(maps)
        for copied in (copy.deepcopy(block), pickle.loads(pickle.dumps(block))):
            assert torch.equal(copied(maps), expected)
            copied.mlp[0].weight.zero_()
            assert not torch.equal(copied(maps), expected)
        assert torch.equal(block(maps), expected)


@needs_kernel
def test_threads_share_a_block():
    block = make_block()
    pictures = [maps_for(block, 8 + i, 9) for i in range(4)]

    def answer(maps):
        with torch.inference_mode():
            return [block(maps) for _ in range(20)]

    expected = [answer(maps)[0] for maps in pictures]
    with ThreadPoolExecutor(4) as pool:
        for wanted, found in zip(expected, pool.map(answer, pictures), strict=True):
            assert all(torch.equal(each, wanted) for each in found)


@needs_kernel
def test_acting_on_the_input_acts_on_the_output():
    block = make_block("d4", cropped=1)
    maps, d4 = maps_for(block, 8, 8), group("d4")
    with torch.no_grad():
        out = block(maps)
        for a in d4.elements:
            moved = block(d4.act_on_feature_map(maps, a))
            error = (moved - d4.act_on_feature_map(out, a)).abs().max() / out.abs().max()
            assert error < 1e-6
