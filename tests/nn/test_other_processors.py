"""The compiled kernel on ARM: cross-compiled with its vector code, and run by an emulator where both are there."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import textbook
import torch
from test_factorised import assert_near

from e2viz.nn.native import build, library

COMPILER, EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64"
LIBRARIES = Path("/usr/aarch64-linux-gnu")
SCALE = 0.3
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (shutil.which(COMPILER) and shutil.which(EMULATOR)),
        reason="needs a cross compiler and an emulator: apt install g++-aarch64-linux-gnu qemu-user",
    ),
]


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    file = tmp_path_factory.mktemp("aarch64") / "kernel"
    flags = [flag for flag in build.FLAGS if flag not in ("-shared", "-fPIC")]
    command = [COMPILER, *flags, "-Wall", "-Werror", "-I", str(build.SOURCE.parent)]
    driver = str(Path(__file__).with_name("kernel_driver.cpp"))
    subprocess.run([*command, driver, "-o", str(file)], check=True)
    return file


def run(program, inputs, upstream, *, threads=1, dropout=0.0, queries, outputs):
    """Output and gradients as the program finds them."""
    batch, depth, head, _, height, width = inputs[0].shape
    problem = library.Problem(
        batch=batch, head=head, outputs=outputs, queries=queries, keys=queries, depth=depth,
        depth_plane=inputs[3].shape[1], window=inputs[3].shape[-1], height=height, width=width, threads=threads,
        scale=SCALE, dropout=dropout, seed=3,
    )  # fmt: skip
    sent = bytes(problem) + b"".join(each.float().contiguous().numpy().tobytes() for each in (*inputs, upstream))
    command = [EMULATOR, "-L", str(LIBRARIES), str(program)]
    answer = np.frombuffer(subprocess.run(command, input=sent, capture_output=True, check=True).stdout, np.float32)
    shapes = [upstream.shape, *(each.shape for each in inputs)]
    ends = np.cumsum([shape.numel() for shape in shapes])
    assert len(answer) == ends[-1]
    parts = np.split(answer, ends[:-1])
    return [torch.from_numpy(part.copy()).view(shape) for part, shape in zip(parts, shapes, strict=True)]


@pytest.mark.parametrize(("order", "window", "height", "width"), [(4, 5, 7, 9), (8, 3, 5, 4), (1, 3, 6, 13)])
@pytest.mark.parametrize("factor", [1.0, 100.0])
def test_group_attention_on_arm_equals_textbook(program, order, window, height, width, factor):
    generator = torch.Generator().manual_seed(order)
    shapes = [(2, 6, 2, order, height, width)] * 3 + [(order, 4, window, window), (order, order, order, 2)]
    inputs = [torch.randn(shape, generator=generator) for shape in shapes]
    inputs[0] *= factor
    upstream = torch.randn(shapes[0], generator=generator)
    leaves = [each.double().requires_grad_() for each in inputs]
    expected = textbook.group_attention(*leaves, scale=SCALE)
    gradients = torch.autograd.grad(expected, leaves, upstream.double())
    for threads in (1, 2):
        found = run(program, inputs, upstream, threads=threads, queries=order, outputs=order)
        assert_near(found, [expected.detach(), *gradients], 1e-5 if factor == 1.0 else 5e-5)


def test_dropout_on_arm_leaves_the_mean(program):
    inputs = [torch.zeros(1, 6, 2, 4, 12, 12), *(torch.ones(1, 6, 2, 4, 12, 12) for _ in range(2))]
    inputs += [torch.zeros(4, 4, 5, 5), torch.zeros(4, 4, 4, 2)]
    out, *_ = run(program, inputs, torch.ones(1, 6, 2, 4, 12, 12), dropout=0.5, queries=4, outputs=4)
    assert abs(out.mean() - 4.0) < 0.02 and out.std() > 0.05
