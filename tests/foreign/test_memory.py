"""Confined processes fit into what there is, and go before the app where memory runs out."""

import pytest

from e2viz.foreign import memory
from e2viz.foreign.memory import MEGABYTE, Share, share, usable_bytes


@pytest.mark.parametrize(
    ("megabytes", "each", "alive"),
    [(1024, 768, 1), (3072, 768, 2), (8192, 2048, 2), (24576, 4096, 3), (65536, 4096, 6)],
)
def test_half_of_the_memory_is_shared_out(monkeypatch, megabytes, each, alive):
    monkeypatch.setattr(memory, "usable_bytes", lambda: megabytes * MEGABYTE)
    assert share() == Share(each * MEGABYTE, alive)


def test_a_container_s_limit_counts_where_it_is_less(monkeypatch, tmp_path):
    second, first = tmp_path / "memory.max", tmp_path / "limit_in_bytes"
    monkeypatch.setattr(memory, "LIMITS", (second, first))
    machine = usable_bytes()
    assert machine > 256 * MEGABYTE
    second.write_text("max\n")
    assert usable_bytes() == machine
    first.write_text(f"{100 * MEGABYTE}\n")
    assert usable_bytes() == 100 * MEGABYTE


def test_where_nobody_says_there_are_eight_gigabytes(monkeypatch):
    monkeypatch.setattr(memory, "LIMITS", ())
    monkeypatch.delattr("os.sysconf")
    assert usable_bytes() == 8192 * MEGABYTE
