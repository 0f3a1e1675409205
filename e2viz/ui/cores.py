"""How many cores there are to share."""

import os
from pathlib import Path

CPU_SHARES = Path("/sys/fs/cgroup")
"""Where Linux says how much of its cores a container may use; it shows all of them to everybody."""


def usable_cores() -> int:
    """Cores that this process may use: in a container, as many as it is given the time of.

    Where the system cannot say (macOS, Windows), all there are.
    """
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(there, _share_of_container() or there))


def _share_of_container() -> int:
    """Cores that the container's share of time comes to, rounded up; 0 where it has none of its own."""
    for names in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            quota, period = " ".join((CPU_SHARES / name).read_text() for name in names).split()
            if int(quota) > 0:
                return -(-int(quota) // int(period))
        except (OSError, ValueError, ArithmeticError):  # no container, "max", or written in another way
            continue
    return 0
