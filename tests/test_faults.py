"""Faults: what is half done is never offered, and the next start is clean."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from e2viz import cli, whole

ROOT = Path(__file__).resolve().parents[1]
RECIPE = '{"page": "rotation", "models": ["vit.mnist"], "picture": "mnist-3", "angles": 24}'


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "turn.gif"
    whole.write_bytes(path, b"before")

    def fill(file):
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left"):
        whole.write(path, fill)
    assert path.read_bytes() == b"before" and os.listdir(tmp_path) == ["turn.gif"]


@pytest.mark.slow
def test_a_command_that_is_killed_while_it_exports_leaves_no_half_file(tmp_path):
    (tmp_path / "recipe.json").write_text(RECIPE)
    output = tmp_path / "turn.mp4"
    command = [sys.executable, "-m", "e2viz", "render", str(tmp_path / "recipe.json"), "-o", str(output)]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(2.0)
    running.send_signal(signal.SIGKILL)
    running.wait(20)
    assert not output.exists()
    assert cli.main(command[3:]) == 0 and output.stat().st_size > 10_000


@pytest.mark.skipif(os.name == "nt", reason="no such device there")
def test_a_full_disk_is_one_line(tmp_path, capsys, monkeypatch):
    (tmp_path / "recipe.json").write_text(RECIPE)

    def full(path, content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(whole, "write_bytes", full)
    assert cli.main(["render", str(tmp_path / "recipe.json"), "-o", str(tmp_path / "turn.csv")]) == 1
    said = capsys.readouterr().err
    assert "No space left" in said and said.count("\n") == 1
