"""Builds the attention kernel once for each machine and keeps it in the user's cache."""

import contextlib
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

Library = TypeVar("Library")

SOURCE = Path(__file__).parent / "attention.cpp"
FLAGS = ["-std=c++20", "-O3", "-ffp-contract=fast", "-fno-math-errno", "-fPIC", "-shared", "-pthread", "-Wno-psabi"]
# Clang on ARM knows only the second; the last builds anywhere, for the oldest processor of the kind.
TARGETS = [["-march=native"], ["-mcpu=native"], []]


class BuildError(RuntimeError):
    """The kernel cannot be built here; the message says why and what to do."""


def load(opened: Callable[[Path], Library]) -> Library:
    """What `opened` makes of the kernel's file: the finished one, else one that is compiled now.

    A finished file carries its checksum in its name and is opened only if that is right: a cut or changed library would
    end the process at its first call. One that is damaged, or that `opened` refuses, is built again. A finished file
    needs neither a compiler nor a folder that may be written. Two processes may ask at once: one compiles, the other
    waits, and the file appears whole or not at all.

    Args:
        opened: takes the file's path; raises OSError for a file that is no library or not this one.

    Raises:
        BuildError: there is no compiler, or it fails.
        OSError: the disk is full, or a library that was built just now cannot be opened.
    """
    folder = cache_folder() / _fingerprint()
    library = _open_finished(folder, opened)
    if library is not None:
        return library
    compiler = find_compiler()
    if not _is_writable(folder):
        # A private one: a fixed name in the shared temporary folder could hold anyone's code.
        with tempfile.TemporaryDirectory(prefix="e2viz-", ignore_cleanup_errors=True) as private:
            return opened(_compile(compiler, Path(private)))
    with _lock(folder / "lock"):
        library = _open_finished(folder, opened)
        return opened(_compile(compiler, folder)) if library is None else library


def _open_finished(folder: Path, opened: Callable[[Path], Library]) -> Library | None:
    for file in sorted(folder.glob("attention-*.so")):
        with contextlib.suppress(OSError):
            if _named_by_checksum(file.read_bytes()) == file.name:
                return opened(file)
        with contextlib.suppress(OSError):
            file.unlink()
    return None


def _named_by_checksum(content: bytes) -> str:
    return f"attention-{hashlib.sha256(content).hexdigest()[:32]}.so"


def find_compiler() -> str:
    """The C++ compiler: $CXX, g++, clang++ or c++, the first that is there.

    Raises:
        BuildError: none is.
    """
    candidates = [os.environ.get("CXX", ""), "g++", "clang++", "c++"]
    for candidate in filter(None, candidates):
        if found := shutil.which(candidate):
            return found
    raise BuildError("no C++ compiler found (g++ or clang++); install one, for example with: apt install g++")


def cache_folder() -> Path:
    """Where compiled kernels are kept: $E2VIZ_CACHE, $XDG_CACHE_HOME/e2viz or ~/.cache/e2viz."""
    if own := os.environ.get("E2VIZ_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "e2viz"


def _fingerprint() -> str:
    """Changes with the source and the processor: the library is only right for both."""
    digest = hashlib.sha256()
    for file in sorted(SOURCE.parent.glob("*.h")) + [SOURCE]:
        digest.update(file.read_bytes())
    digest.update("\n".join([str(FLAGS + TARGETS), platform.machine(), _processor()]).encode())
    return digest.hexdigest()[:16]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return "\n".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))


def _is_writable(folder: Path) -> bool:
    """Whether files can be made there; the folder is made if it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """One process at a time, where the system has such locks; without, both compile, and the last rename wins."""
    with path.open("w") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        except (ImportError, OSError):  # Windows; some network folders
            yield
            return
        for left_behind in path.parent.glob("*.partial"):  # by a process that was ended while it compiled
            left_behind.unlink(missing_ok=True)
        yield


def _compile(compiler: str, folder: Path) -> Path:
    partial, failure = folder / f"{os.getpid()}.partial", ""
    try:
        for target in TARGETS:
            command = [compiler, *FLAGS, *target, str(SOURCE), "-o", str(partial)]
            result = subprocess.run(command, capture_output=True, text=True, check=False)
            if result.returncode == 0:
                library = folder / _named_by_checksum(partial.read_bytes())
                partial.replace(library)
                if failure:
                    warnings.warn(f"{failure}\nBuilt without this processor's vectors instead: slow.", stacklevel=2)
                return library
            if not target or _knows(compiler, target):
                failure = failure or f"{compiler} could not compile {SOURCE.name}: {result.stderr.strip()[:500]}"
    finally:
        partial.unlink(missing_ok=True)
    raise BuildError(failure)


def _knows(compiler: str, target: list[str]) -> bool:
    """Whether the compiler takes these options, so that what failed is the source."""
    command = [compiler, *target, "-x", "c++", "-fsyntax-only", os.devnull]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
