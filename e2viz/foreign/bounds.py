"""How large, deep and slow a graph that somebody brings may be; a hostile or broken one ends at one of these.

This module, ``memory``, ``wire``, ``graph``, ``metadata``, ``tensors`` and ``worker`` run in the confined process and
import neither torch nor the rest of the package: it starts in a second and holds little.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from e2viz.foreign.memory import MEGABYTE, share


class Refused(Exception):
    """A graph that is not run; the message is a sentence for the screen."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Limits on one graph and on the process that runs it.

    Args:
        file_bytes: of the file.
        nodes: operations, those of functions counted as often as they are called.
        depth: of graphs within graphs.
        branches: conditions.
        loops: loops, and trips of each of them, which must be a constant of the graph.
        trips: most trips of one loop.
        classes: most scores for an image.
        memory_bytes: address space of the process beyond what its libraries map.
        start_s: until the graph is read, opened and tried.
        run_s: until one batch is answered.
        answer_bytes: most that one batch may hand back.
    """

    file_bytes: int = 200 * MEGABYTE
    nodes: int = 20_000
    depth: int = 2
    branches: int = 64
    loops: int = 8
    trips: int = 1_000
    classes: int = 10_000
    memory_bytes: int = field(default_factory=lambda: share().each_bytes)
    start_s: float = 60.0
    run_s: float = 60.0
    answer_bytes: int = 1536 * MEGABYTE


BOUNDS = Bounds()
