"""The compiled kernel for processors other than this one.

Each number of lanes is compiled here, of several registers where they are narrower; ARM's vector code is cross-compiled
and run by an emulator where both are there.
"""

import platform
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
MARCHES = ("x86-64", "haswell", "skylake-avx512", "sapphirerapids")
LANES = (4, 8, 16)


def on_arm(flags):
    if not (shutil.which(COMPILER) and shutil.which(EMULATOR)):
        pytest.skip("needs a cross compiler and an emulator: apt install g++-aarch64-linux-gnu qemu-user")
    return [COMPILER, *flags], [EMULATOR, "-L", str(LIBRARIES)]


def here(flags):
    try:
        return [build.find_compiler(), *flags, *build.TARGETS[0]], []
    except build.BuildError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module", params=["arm", *LANES])
def command(request, tmp_path_factory):
    """What runs the kernel: ARM's, or one with so many lanes."""
    file = tmp_path_factory.mktemp("kernel") / "kernel"
    flags = [flag for flag in build.FLAGS if flag not in ("-shared", "-fPIC")]
    if request.param == "arm":
        compiling, running = on_arm(flags)
    else:
        compiling, running = here([*flags, f"-DE2VIZ_LANES={request.param}"])
    driver = str(Path(__file__).with_name("kernel_driver.cpp"))
    warnings = ["-Wall", "-Werror", "-I", str(build.SOURCE.parent)]
    subprocess.run([*compiling, *warnings, driver, "-o", str(file)], check=True)
    return [*running, str(file)]


def run(command, inputs, upstream, *, threads=1, dropout=0.0, queries, outputs):
    """Output and gradients as the program finds them."""
    batch, depth, head, _, height, width = inputs[0].shape
    problem = library.Problem(
        batch=batch, head=head, outputs=outputs, queries=queries, keys=queries, depth=depth,
        depth_plane=inputs[3].shape[1], window=inputs[3].shape[-1], height=height, width=width, threads=threads,
        scale=SCALE, dropout=dropout, seed=3,
    )  # fmt: skip
    sent = bytes(problem) + b"".join(each.float().contiguous().numpy().tobytes() for each in (*inputs, upstream))
    answer = np.frombuffer(subprocess.run(command, input=sent, capture_output=True, check=True).stdout, np.float32)
    shapes = [upstream.shape, *(each.shape for each in inputs)]
    ends = np.cumsum([shape.numel() for shape in shapes])
    assert len(answer) == ends[-1]
    parts = np.split(answer, ends[:-1])
    return [torch.from_numpy(part.copy()).view(shape) for part, shape in zip(parts, shapes, strict=True)]


HALVES = "e2viz::store(target, e2viz::load_halves(source))"
SOME = "e2viz::store_some(target, e2viz::load_some(source, count), count)"


@pytest.mark.parametrize(("march", "work"), [("haswell", HALVES), ("skylake-avx512", HALVES), ("skylake-avx512", SOME)])
def test_parts_of_a_pack_go_straight_into_a_register(march, work):
    """By way of memory a pack that two rows share took three times as long as one of a row's own."""
    if platform.machine() != "x86_64":
        pytest.skip("vectors of x86-64")
    program = f'#include "vector.h"\nextern "C" void work(float* target, const float* source, long count) {{ {work}; }}'
    command = [*here(build.FLAGS)[0][:-1], f"-march={march}", "-I", str(build.SOURCE.parent)]
    compiled = subprocess.run(
        [*command, "-S", "-x", "c++", "-", "-o", "-"], input=program, capture_output=True, check=True, text=True
    ).stdout
    assert ("ymm" if march == "haswell" else "zmm") in compiled
    assert "rsp" not in compiled and "rbp" not in compiled and "call" not in compiled


@pytest.mark.parametrize("march", MARCHES)
def test_it_compiles_for_each_generation_of_processors(march):
    """One that it does not compile for would silently take the oldest one's instructions."""
    if platform.machine() != "x86_64":
        pytest.skip("generations of x86-64")
    command = [*here([flag for flag in build.FLAGS if flag != "-O3"])[0][:-1], f"-march={march}"]
    tried = subprocess.run([*command, "-x", "c++", "-fsyntax-only", "/dev/null"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip(f"this compiler knows no {march}")
    command += ["-Wall", "-Werror", "-fsyntax-only", str(build.SOURCE)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[:2000]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("order", "window", "height", "width"), [(4, 5, 7, 9), (8, 3, 5, 4), (1, 3, 6, 13), (4, 5, 4, 28), (2, 9, 6, 24)]
)
@pytest.mark.parametrize("factor", [1.0, 100.0])
def test_group_attention_equals_textbook(command, order, window, height, width, factor):
    generator = torch.Generator().manual_seed(order)
    shapes = [(2, 6, 2, order, height, width)] * 3 + [(order, 4, window, window), (order, order, order, 2)]
    inputs = [torch.randn(shape, generator=generator) for shape in shapes]
    inputs[0] *= factor
    upstream = torch.randn(shapes[0], generator=generator)
    leaves = [each.double().requires_grad_() for each in inputs]
    expected = textbook.group_attention(*leaves, scale=SCALE)
    gradients = torch.autograd.grad(expected, leaves, upstream.double())
    for threads in (1, 2):
        found = run(command, inputs, upstream, threads=threads, queries=order, outputs=order)
        assert_near(found, [expected.detach(), *gradients], 1e-5 if factor == 1.0 else 5e-5)


@pytest.mark.slow
def test_dropout_leaves_the_mean(command):
    inputs = [torch.zeros(1, 6, 2, 4, 12, 12), *(torch.ones(1, 6, 2, 4, 12, 12) for _ in range(2))]
    inputs += [torch.zeros(4, 4, 5, 5), torch.zeros(4, 4, 4, 2)]
    out, *_ = run(command, inputs, torch.ones(1, 6, 2, 4, 12, 12), dropout=0.5, queries=4, outputs=4)
    assert abs(out.mean() - 4.0) < 0.02 and out.std() > 0.05
