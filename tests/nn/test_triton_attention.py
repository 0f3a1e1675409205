"""The Triton kernels in Triton's interpreter on the CPU, against the textbook formula; skipped without Triton.

The interpreter takes a program's operations one by one, so planes are tiny: what matters is the arithmetic. That the
compiled kernels agree is checked on the device itself, at first use and by benchmarks/on_device.py.
"""

import importlib.util
import os
import sys
from pathlib import Path

import pytest
import textbook
import torch
from test_factorised import assert_near, lifting_inputs, random_inputs, with_gradients

os.environ["TRITON_INTERPRET"] = "1"  # before Triton is imported
pytest.importorskip("triton", reason="Triton is not installed")

from e2viz.nn import batched, functional, paths, triton_attention  # noqa: E402


def _import_untouched(name):
    """Import a module as it stands: Triton reads the source of its functions, not what checks shapes around them."""
    spec = importlib.util.spec_from_file_location(name, Path(triton_attention.__file__).with_name("triton_kernels.py"))
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])


_import_untouched("e2viz.nn.triton_kernels")

SCALE = 0.3


@pytest.fixture(autouse=True)
def kernels_are_taken(request, monkeypatch):
    if "fail" not in request.node.name:
        monkeypatch.setattr(triton_attention, "_check", lambda *_: "")  # these tests are the check
    if torch.cuda.is_available():
        pytest.skip("the interpreter is for machines without a GPU; there the kernels are tested compiled")


def test_lifting_equals_textbook():
    inputs = lifting_inputs(4, 3, 3, 4, batch=1, heads=2)
    expected = with_gradients(textbook.lifting_attention, inputs)
    assert_near(with_gradients(triton_attention.lifting_attention, inputs, torch.float32), expected, 1e-5)


def test_group_equals_textbook():
    inputs = random_inputs(2, 3, 3, 4, batch=1, heads=2)
    expected = with_gradients(textbook.group_attention, inputs)
    assert_near(with_gradients(triton_attention.group_attention, inputs, torch.float32), expected, 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("order", "window", "height", "width"), [(4, 3, 6, 7), (4, 5, 4, 5), (6, 3, 3, 4), (8, 3, 3, 3)]
)
def test_larger_groups_windows_and_planes_equal_textbook(order, window, height, width):
    inputs = random_inputs(order, window, height, width, batch=1, heads=1)
    expected = with_gradients(textbook.group_attention, inputs)
    assert_near(with_gradients(triton_attention.group_attention, inputs, torch.float32), expected, 1e-5)


@pytest.mark.slow
def test_more_outputs_than_one_program_takes():
    inputs = lifting_inputs(12, 3, 3, 3, batch=1, heads=1)
    expected = with_gradients(textbook.lifting_attention, inputs)
    assert_near(with_gradients(triton_attention.lifting_attention, inputs, torch.float32), expected, 1e-5)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy speaks of the overflow that is then mended
def test_scores_of_any_size_equal_textbook():
    inputs = [tensor.float().double() for tensor in random_inputs(2, 3, 3, 3, batch=1, heads=1, query_factor=300)]
    expected = with_gradients(textbook.group_attention, inputs)
    assert_near(with_gradients(triton_attention.group_attention, inputs, torch.float32), expected, 2e-4)


def test_gradients_under_dropout_are_those_of_the_output():
    """Slopes along random directions, all under the same dropout: one wrong mask in a kernel and they differ."""
    inputs = [tensor.float() for tensor in random_inputs(2, 3, 2, 3, batch=1, heads=1)]
    upstream = torch.randn(inputs[0].shape, generator=torch.Generator().manual_seed(1))

    def value(maps):
        torch.manual_seed(7)
        out = triton_attention.group_attention(*maps, scale=SCALE, dropout_p=0.4)
        return (out * upstream).sum()

    leaves = [tensor.clone().requires_grad_() for tensor in inputs]
    gradients = torch.autograd.grad(value(leaves), leaves)
    generator = torch.Generator().manual_seed(2)
    for index, gradient in enumerate(gradients):
        direction = torch.randn(gradient.shape, generator=generator) * 0.02
        ends = [[*inputs[:index], inputs[index] + sign * direction, *inputs[index + 1 :]] for sign in (1, -1)]
        slope = (value(ends[0]) - value(ends[1])) / 2
        torch.testing.assert_close((gradient * direction).sum(), slope, rtol=2e-2, atol=2e-4)


def test_dropout_leaves_the_mean_and_follows_torchs_seed():
    inputs = [tensor.float() for tensor in random_inputs(2, 3, 4, 4, batch=4, heads=1)]
    inputs[0].zero_()
    inputs[2].fill_(1.0)
    outs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        outs.append(triton_attention.group_attention(*inputs, scale=SCALE, dropout_p=0.5))
    assert torch.equal(outs[0], outs[1]) and not torch.equal(outs[0], outs[2])
    assert abs(outs[0].mean() - 2.0) < 0.1 and outs[0].std() > 0.1


def test_a_batch_too_large_for_memory_is_halved(monkeypatch):
    inputs = [tensor.float() for tensor in random_inputs(2, 3, 3, 3, batch=3, heads=1)]
    whole = batched.group_attention(*inputs, scale=SCALE)
    monkeypatch.setattr(triton_attention, "BYTES_AT_ONCE", 1)
    torch.testing.assert_close(triton_attention.group_attention(*inputs, scale=SCALE), whole)


def test_kernels_that_disagree_or_fail_are_not_used(monkeypatch):
    inputs = [each.float() for each in random_inputs(2, 3, 3, 3, batch=1, heads=1)]
    expected = batched.group_attention(*inputs, scale=SCALE)

    def fail(*_):
        raise RuntimeError("no kernel image\nand more")

    for fault, message in (
        (lambda *a: batched.attend(*a) * 1.01, "the output differs by 1.0e-02"),
        (fail, "RuntimeError: no kernel image"),
    ):
        triton_attention._check.cache_clear()
        monkeypatch.setattr(triton_attention, "_by_kernels", fault)
        with pytest.warns(UserWarning, match=message):
            torch.testing.assert_close(triton_attention.group_attention(*inputs, scale=SCALE), expected)
        torch.testing.assert_close(triton_attention.group_attention(*inputs, scale=SCALE), expected)  # says it once
        with pytest.warns(UserWarning, match=message):
            assert message in triton_attention.why_not(torch.device("cpu"))
    monkeypatch.setenv(paths.PATH_VARIABLE, "triton")
    with pytest.raises(ValueError, match="needs the Triton kernels: RuntimeError: no kernel image"):
        functional.group_attention(*inputs, scale=SCALE)
    triton_attention._check.cache_clear()


@pytest.mark.slow
def test_kernels_that_agree_do_not_fail_the_check():
    """Of a small layer, with and without gradients."""
    for trains in (True, False):
        assert triton_attention._check("cpu", None, (3, 2, 1, 1, 2, 3), trains, trains) == ""
    triton_attention._check.cache_clear()


def test_float64_and_other_devices_take_the_batched_path(monkeypatch):
    monkeypatch.setenv(paths.PATH_VARIABLE, "triton")
    assert paths.implementation(torch.zeros(1, dtype=torch.float64)) is batched
    monkeypatch.delenv(paths.PATH_VARIABLE)
    monkeypatch.delenv("TRITON_INTERPRET")
    assert paths.implementation(torch.zeros(1, device="meta")) is batched
