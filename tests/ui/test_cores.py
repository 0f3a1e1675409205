"""How many cores there are: all of them, those of this process, or a container's share."""

import os
from pathlib import Path

import pytest

from e2viz.ui import cores as cores_module
from e2viz.ui.cores import usable_cores


def test_where_the_system_does_not_say_which_cores_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(cores_module, "CPU_SHARES", Path("/nowhere"))
    monkeypatch.setattr(os, "cpu_count", lambda: 10)
    assert usable_cores() == 10
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores() == 1


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu.max": "200000 100000\n"}, 2),
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu.max": "max 100000\n"}, 64),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 64),
        ({"cpu.max": "\0"}, 64),
        ({}, 64),
    ],
)
def test_in_a_container_its_share_of_the_cores_counts(files, cores, tmp_path, monkeypatch) -> None:
    """As deploy/compose.yaml and kubernetes.yaml limit it: 64 threads on the time of two cores wait for each other."""
    monkeypatch.setattr(cores_module, "CPU_SHARES", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(64)), raising=False)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert usable_cores() == cores
