"""How much memory confined processes may take: half of what there is, whatever a container leaves of the machine."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import NamedTuple

MEGABYTE = 1 << 20
MOST_EACH = 4096 * MEGABYTE
LEAST_EACH = 768 * MEGABYTE
"""A classifier of photographs and eight of them at once."""
MOST_ALIVE = 6
# What a container may use: control groups of the second version, and of the first.
LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
SCORE, MAPPED = Path("/proc/self/oom_score_adj"), Path("/proc/self/statm")


class Share(NamedTuple):
    """What confined processes may take together.

    Args:
        each_bytes: of one process.
        alive: processes at once, of all sessions together.
    """

    each_bytes: int
    alive: int


def usable_bytes() -> int:
    """Memory of the machine, or of the container where that is less; 8 GB where nobody says."""
    found = []
    with contextlib.suppress(AttributeError, ValueError, OSError):
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for path in LIMITS:
        with contextlib.suppress(OSError, ValueError):  # no such file, or "max"
            found.append(int(path.read_text()))
    return min((each for each in found if each > 0), default=8192 * MEGABYTE)


def share() -> Share:
    """Two processes or more where there is room, so that two graphs can be compared; six at most."""
    half = usable_bytes() // 2
    each = min(MOST_EACH, max(LEAST_EACH, half // 2))
    return Share(each, min(MOST_ALIVE, max(1, half // each)))


def mapped_bytes() -> int:
    """Address space that this process has already; libraries map more than they use. 0 where nobody says."""
    with contextlib.suppress(OSError, ValueError, IndexError, AttributeError):
        return int(MAPPED.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def offer_as_first_victim() -> None:
    """Where memory runs out all the same, the kernel ends this process before the app."""
    with contextlib.suppress(OSError):
        SCORE.write_text("1000")
