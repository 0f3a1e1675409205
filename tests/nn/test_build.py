"""The file of the compiled kernel: built once, checked before it is opened, built again when it is damaged.

Most tests give a script for a compiler, which writes a few bytes at once; the last ones compile.
"""

import ctypes.util
import multiprocessing
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import pytest

from e2viz.nn import native
from e2viz.nn.native import build, library

needs_kernel = pytest.mark.skipif(not native.available(), reason=native.why_not() or "built")
COMPILER = """#!/bin/sh
echo run >> "$0.runs"
while [ "$1" != -o ]; do shift; done
printf 'a library' > "$2"
"""


@pytest.fixture
def compiler(tmp_path, monkeypatch):
    """A compiler that notes its runs, and a cache of our own."""
    script = tmp_path / "bin" / "g++"
    script.parent.mkdir()
    script.write_text(COMPILER)
    script.chmod(0o755)
    monkeypatch.setenv("CXX", str(script))
    monkeypatch.setenv("E2VIZ_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    (tmp_path / "temporary").mkdir()
    yield script
    monkeypatch.setattr(tempfile, "tempdir", None)


def runs(compiler):
    return len(compiler.with_name("g++.runs").read_text().splitlines())


def content():
    return build.load(lambda file: file.read_bytes())


def finished(tmp_path):
    (file,) = (tmp_path / "cache").glob("*/attention-*.so")
    return file


def test_it_is_compiled_once_and_leaves_nothing_else(compiler, tmp_path):
    assert content() == content() == b"a library"
    assert runs(compiler) == 1
    assert {file.name for file in finished(tmp_path).parent.iterdir()} == {"lock", finished(tmp_path).name}


@pytest.mark.parametrize("damage", [b"", b"a lib", b"a librarY", b"garbage" * 1000])
def test_a_damaged_file_is_never_opened_but_built_again(damage, compiler, tmp_path):
    content()
    finished(tmp_path).write_bytes(damage)
    opened = []
    build.load(lambda file: opened.append(file.read_bytes()))
    assert opened == [b"a library"] and runs(compiler) == 2
    assert finished(tmp_path).read_bytes() == b"a library"


def test_a_file_that_cannot_be_opened_is_built_again_and_once_only(compiler, tmp_path):
    content()

    def refuse_first(file, tries=[]):  # noqa: B006
        tries.append(file)
        if len(tries) == 1:
            raise OSError("not a library")
        return len(tries)

    assert build.load(refuse_first) == 2 and runs(compiler) == 2

    def refuse(file):
        raise OSError("not a library")

    with pytest.raises(OSError, match="not a library"):
        build.load(refuse)
    assert runs(compiler) == 3


def test_a_finished_file_needs_no_compiler(compiler, tmp_path, monkeypatch):
    content()
    monkeypatch.setenv("CXX", "")
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    assert content() == b"a library"
    finished(tmp_path).unlink()
    with pytest.raises(build.BuildError, match="no C\\+\\+ compiler found"):
        content()


def test_a_finished_file_in_a_folder_that_is_only_read_is_used(compiler, monkeypatch):
    content()
    monkeypatch.setattr(build, "_is_writable", lambda folder: pytest.fail("nothing is to be written"))
    assert content() == b"a library" and runs(compiler) == 1


def test_where_nothing_can_be_kept_it_is_built_in_a_folder_that_goes_again(compiler, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    opened = []
    assert build.load(lambda file: opened.append(file) or file.read_bytes()) == b"a library"
    assert opened[0].parent.parent == tmp_path / "temporary"
    assert list((tmp_path / "temporary").iterdir()) == []


def test_what_ended_processes_left_behind_is_swept_away(compiler, tmp_path):
    content()
    folder = finished(tmp_path).parent
    finished(tmp_path).unlink()
    (folder / "4711.partial").write_text("half")
    content()
    assert not list(folder.glob("*.partial"))


def test_a_compiler_that_fails_is_named_and_leaves_nothing(compiler, tmp_path):
    compiler.write_text(COMPILER.replace("printf 'a library'", "printf half") + "echo 'disk full' >&2\nexit 1\n")
    with pytest.raises(build.BuildError, match=r"could not compile attention\.cpp: disk full"):
        content()
    assert not list((tmp_path / "cache").glob("*/*.partial"))


@pytest.mark.parametrize("unknown", [False, True])
def test_a_source_that_fails_for_this_processor_alone_is_said_and_an_unknown_option_is_not(unknown, compiler, tmp_path):
    refusal = 'case "$*" in *-march=native*) echo "wrong type" >&2; exit 1;; esac\n'
    of_source = f'case "$*" in */dev/null*) exit 0;; esac\n{refusal}'
    compiler.write_text(COMPILER.replace("while", f"{refusal if unknown else of_source}while", 1))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert content() == b"a library"
    assert len(said) == (0 if unknown else 1)
    assert unknown or "attention.cpp: wrong type\nBuilt without this processor's vectors" in str(said[0].message)


@needs_kernel
def test_the_registers_of_this_processor_are_used():
    """A kernel that does not compile for it would be built for an older one."""
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    if " avx " not in flags:
        pytest.skip("a processor without AVX")
    assert native.lanes() >= 8
    assert native.lanes() == 16 or " avx512f " not in flags or "AuthenticAMD" in flags


def test_folders_without_locks_will_do(compiler, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_):
        raise OSError("no locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert content() == b"a library"


def test_a_library_without_our_functions_is_refused(tmp_path):
    with pytest.raises(OSError, match="no function e2viz_attention_forward"):
        library._opened(Path(ctypes.util.find_library("c") or "libc.so.6"))
    (tmp_path / "attention-0.so").write_text("no library")
    with pytest.raises(OSError):
        library._opened(tmp_path / "attention-0.so")


def in_a_process(tmp_path, code="print(native.available(), native.why_not())", **environment):
    settings = {**os.environ, "E2VIZ_CACHE": str(tmp_path / "cache"), **environment}
    command = [sys.executable, "-c", f"from e2viz.nn import native; {code}"]
    return subprocess.run(command, env=settings, capture_output=True, text=True, check=True).stdout


def test_without_a_compiler_it_says_so(tmp_path):
    assert in_a_process(tmp_path, PATH=str(tmp_path), CXX="").startswith("False no C++ compiler found")


def build_in_process(folder, results):
    os.environ["E2VIZ_CACHE"] = folder
    results.put(build.load(lambda file: file.name))


@needs_kernel
@pytest.mark.slow
def test_two_processes_may_build_at_once_and_a_cut_file_ends_none(tmp_path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    folder = str(tmp_path / "cache")
    workers = [context.Process(target=build_in_process, args=(folder, results)) for _ in range(2)]
    for worker in workers:
        worker.start()
    assert len({results.get(timeout=240) for _ in workers}) == 1
    for worker in workers:
        worker.join()
    file = finished(tmp_path)
    assert {each.name for each in file.parent.iterdir()} == {"lock", file.name}
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert in_a_process(tmp_path, "print(native.available(), native.lanes())").startswith("True")
    assert finished(tmp_path).read_bytes() == whole or finished(tmp_path).stat().st_size > len(whole) // 2


def test_without_a_home_the_reason_is_said(monkeypatch):
    def nobody(opened):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(build, "load", nobody)
    assert library._load.__wrapped__() == (None, "Could not determine home directory.")
