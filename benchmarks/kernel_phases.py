"""Where the time of the compiled kernel goes, step by step: `python -m benchmarks.kernel_phases`.

Compiles kernel_phases.cpp with the kernel's own flags and prints, for one pack of pixels of the published p4 network,
the cycles of each step beside its floor: every product and addition fused, two vectors a cycle. The fastest of many
short runs counts, but a busy machine still shows: its cores are often two halves of one.
"""

import subprocess
import tempfile
from pathlib import Path

from e2viz.nn.native import build


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "kernel_phases"
        flags = [flag for flag in build.FLAGS if flag not in ("-shared", "-fPIC")]
        source = Path(__file__).with_suffix(".cpp")
        command = [build.find_compiler(), *flags, *build.TARGETS[0], "-I", str(build.SOURCE.parent), str(source)]
        subprocess.run([*command, "-o", str(program)], check=True)
        subprocess.run([str(program)], check=True)


if __name__ == "__main__":
    main()
