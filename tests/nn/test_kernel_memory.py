"""The compiled kernel reads and writes nothing beside what it is given: under the compiler's own checks of memory."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from e2viz.nn.native import build, library

SANITIZERS = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize=alignment", "-fno-sanitize-recover=all"]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    file = tmp_path_factory.mktemp("sanitized") / "kernel"
    flags = [flag for flag in build.FLAGS if flag not in ("-shared", "-fPIC", "-O3")]
    try:
        compiler = build.find_compiler()
    except build.BuildError as error:
        pytest.skip(str(error))
    command = [compiler, *flags, *SANITIZERS, "-march=native", "-Wall", "-Werror", "-I", str(build.SOURCE.parent)]
    source = str(Path(__file__).with_name("kernel_driver.cpp"))
    built = subprocess.run([*command, source, "-o", str(file)], capture_output=True, text=True, check=False)
    if "cannot find" in built.stderr and "san" in built.stderr:
        pytest.skip("this compiler has no sanitizers: apt install libasan8 libubsan1, or take another compiler")
    assert built.returncode == 0, built.stderr
    return file


@pytest.mark.parametrize("window", [1, 3, 5, 9, 11])
@pytest.mark.parametrize("order", [1, 2, 4, 8])
def test_planes_of_every_shape(program, order, window):
    """Maps lie in memory of exactly their size; rows are read by packs that reach beyond them."""
    numbers = np.random.default_rng(order).standard_normal(200_000).astype(np.float32)
    for batch, head, width, height in [(1, 1, 1, 1), (1, 1, 3, 2), (1, 3, 8, 5), (2, 1, 12, 1), (2, 3, 17, 2)]:
        problem = library.Problem(
            batch=batch, head=head, outputs=order, queries=order, keys=order, depth=5, depth_plane=3, window=window,
            height=height, width=width, threads=1, scale=0.4, dropout=0.0, seed=3,
            image_width=3 if width > 8 else 0,
        )  # fmt: skip
        maps = batch * head * 5 * order * width * height
        encodings = order * 3 * window**2 + order**3 * 2
        sent = bytes(problem) + numbers[: 4 * maps + encodings].tobytes()
        found = subprocess.run([program], input=sent, capture_output=True, check=False)
        assert found.returncode == 0, found.stderr.decode()[:2000]
        answer = np.frombuffer(found.stdout, np.float32)
        assert len(answer) == 4 * maps + encodings and np.isfinite(answer).all()
