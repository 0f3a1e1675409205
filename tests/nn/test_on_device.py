"""The check of accelerators: whole where there is one, its smoke test elsewhere."""

import json

import pytest
import torch

from benchmarks import on_device


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_everything_on_the_accelerator_equals_the_cpu(tmp_path):
    assert on_device.main(["--seconds", "0.05", "--json", str(tmp_path / "seen.json")]) == 0
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert all(row["right"] for row in seen["equality"])
    assert not [row for row in seen["times"] if "fault" in row and row["path"] != "published"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_device_it_says_so_and_ends_well(capsys):
    assert on_device.main([]) == 0
    assert capsys.readouterr().out == "no CUDA device\n"


def test_smoke_on_the_cpu(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    assert on_device.main(["--device", "cpu", "--json", str(tmp_path / "seen.json")]) == 0
    assert "patch p4" in capsys.readouterr().out
    assert json.loads((tmp_path / "seen.json").read_text())["times"][0]["ms"] > 0


def test_what_is_not_equal_ends_with_a_failure(monkeypatch):
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    monkeypatch.setattr(on_device, "SMOKE", ("p6",))
    monkeypatch.setattr(on_device, "_times", lambda *_: iter(()))
    attend = on_device._logits_and_gradients
    monkeypatch.setattr(on_device, "_logits_and_gradients", lambda *a: [each * torch.rand(()) for each in attend(*a)])
    assert on_device.main(["--device", "cpu"]) == 1
