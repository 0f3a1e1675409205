"""Many runs side by side: what comes home, and that a child which outlasts the end is stopped."""

import dataclasses
import sys
import tarfile
import time

import pytest

from e2viz.train import together
from e2viz.train.together import Settings, plain, run_all, snapshot_files, write_tars


@pytest.fixture
def settings(tmp_path):
    return Settings(data=tmp_path, runs=tmp_path / "runs", weights=tmp_path / "weights", seconds=4.0, at_once=2)


def test_names_may_say_how_far_and_until_when():
    assert [plain(name) for name in ("vit.photos", "+vit.photos", "vit.photos@0.5", "+vit.photos@0.5")] == [
        "vit.photos"
    ] * 4


def test_results_are_split_into_files_that_travel(tmp_path, monkeypatch):
    monkeypatch.setattr(together, "LARGEST_TAR", 12_000)
    files = []
    for number in range(4):
        files.append(tmp_path / f"{number}.safetensors")
        files[-1].write_bytes(bytes(5000))
    (tmp_path / "run").mkdir()
    files.append(tmp_path / "run" / "log.csv")
    files[-1].write_text("epoch")
    write_tars(tmp_path / "out", files)
    names = []
    for path in sorted((tmp_path / "out").iterdir()):
        assert path.name.startswith("results-") and path.stat().st_size < 30_000
        with tarfile.open(path) as archive:
            names += archive.getnames()
    assert sorted(names) == ["0.safetensors", "1.safetensors", "2.safetensors", "3.safetensors", "run/log.csv"]


def test_the_best_epoch_of_a_run_that_is_not_packed_comes_home(settings):
    for name in ("packed", "not_packed"):
        (settings.runs / name).mkdir(parents=True)
        (settings.runs / name / "best.pt").write_bytes(b"1")
    settings.weights.mkdir()
    for suffix in (".json", ".safetensors"):
        (settings.weights / f"packed{suffix}").write_text("{}")
    found = {path.relative_to(settings.data).as_posix() for path in snapshot_files(["packed", "not_packed"], settings)}
    assert found == {"weights/packed.json", "weights/packed.safetensors", "runs/not_packed/best.pt"}


def test_a_child_that_outlasts_the_end_is_stopped(settings, monkeypatch):
    def start(name, chosen):
        code = f"import time; print('started', flush=True); time.sleep({60 if name == 'long' else 0})"
        log = chosen.data / f"{name}.txt"
        with log.open("w") as file:
            return together.Child(name, together.subprocess.Popen([sys.executable, "-c", code], stdout=file), log)

    monkeypatch.setattr(together, "start", start)
    began = time.time()
    children = run_all(["long", "short"], settings)
    assert time.time() - began < 20
    assert {child.name: child.process.returncode for child in children} == {"long": -9, "short": 0}
    table = together.table(children, settings)
    assert "rc -9: started" in table


def test_each_process_is_told_how_many_threads_are_its_own(settings, monkeypatch):
    monkeypatch.setattr(together.sys, "executable", "/bin/echo")
    child = together.start("vit.rotmnist", dataclasses.replace(settings, threads=3))
    child.process.wait()
    assert " --threads 3 " in child.log.read_text()
