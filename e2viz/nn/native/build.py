"""Builds the attention kernel once for each machine and keeps it in the user's cache."""

import contextlib
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parent / "attention.cpp"
FLAGS = ["-std=c++20", "-O3", "-ffp-contract=fast", "-fno-math-errno", "-fPIC", "-shared", "-pthread", "-Wno-psabi"]
# Clang on ARM knows only the second; the last builds anywhere, for the oldest processor of the kind.
TARGETS = [["-march=native"], ["-mcpu=native"], []]


class BuildError(RuntimeError):
    """The kernel cannot be built here; the message says why and what to do."""


def library_path() -> Path:
    """The kernel as a shared library, compiled on the first call.

    Two processes may ask at once: one compiles, the other waits, and the file appears whole or not at all.

    Raises:
        BuildError: there is no compiler, or it fails.
    """
    compiler = find_compiler()
    folder = _writable(cache_folder() / _fingerprint(compiler))
    library = folder / "attention.so"
    if not library.exists():
        with _lock(folder / "lock"):
            if not library.exists():
                _compile(compiler, library)
    return library


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


def _fingerprint(compiler: str) -> str:
    """Changes with the source, the compiler and the processor: the library is only right for all three."""
    digest = hashlib.sha256()
    for file in sorted(SOURCE.parent.glob("*.h")) + [SOURCE]:
        digest.update(file.read_bytes())
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False).stdout
    digest.update("\n".join([version, str(FLAGS + TARGETS), platform.machine(), _processor()]).encode())
    return digest.hexdigest()[:16]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return "\n".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))


def _writable(folder: Path) -> Path:
    """The folder, or a fresh private one: a fixed name in the shared temporary folder could hold anyone's code."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return Path(tempfile.mkdtemp(prefix="e2viz-"))


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        try:
            import fcntl
        except ImportError:  # Windows: both may compile, and the last rename wins
            yield
            return
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _compile(compiler: str, library: Path) -> None:
    message = ""
    for target in TARGETS:
        partial = library.with_suffix(f".{os.getpid()}.partial")
        command = [compiler, *FLAGS, *target, str(SOURCE), "-o", str(partial)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode == 0:
            partial.replace(library)
            return
        message = message or result.stderr.strip()
    raise BuildError(f"{compiler} could not compile {SOURCE.name}: {message[:500]}")
