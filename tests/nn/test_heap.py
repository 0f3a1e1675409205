"""The allocator is a matter of the whole process: it is set when attention runs, not when something is imported."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import torch
import e2viz.models, e2viz.zoo.catalogue, e2viz.nn.functional
from e2viz.nn import heap

print(heap.keep_freed_memory.cache_info().misses)
maps = torch.zeros(1, 2, 1, 3, 3)
for _ in range(2):
    e2viz.nn.functional.lifting_attention(maps, maps, maps, torch.zeros(4, 2, 3, 3), scale=1.0)
print(heap.keep_freed_memory.cache_info().misses)
"""


def test_importing_leaves_the_allocator_as_it_was():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == ["0", "1"]
