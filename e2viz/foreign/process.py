"""A graph in a process of its own: ended when it takes too long or too much, and started again when asked next."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from e2viz import interrupt, places
from e2viz.foreign import memory, wire
from e2viz.foreign.bounds import BOUNDS, Bounds, Refused
from e2viz.zoo.weights import WeightsError

IMAGES_AT_ONCE = 8
IDLE_S = 180.0
_ALL: weakref.WeakSet[GraphProcess] = weakref.WeakSet()
_PACKAGE = Path(places.__file__).resolve().parent.parent


class GraphProcess:
    """The app's side of one confined process.

    Nothing that comes back is believed: it is JSON and bounded arrays. Two threads may ask at once; they take turns.

    Args:
        data: the file.
        bounds: of the graph and its process.
        shuffle_seed: run with each matrix of weights permuted, as a control.

    Raises:
        WeightsError: if the graph is refused, with the reason.
    """

    def __init__(self, data: bytes, bounds: Bounds = BOUNDS, shuffle_seed: int | None = None) -> None:
        if len(data) > bounds.file_bytes:
            raise WeightsError(f"The file has {len(data) >> 20} MB; at most {bounds.file_bytes >> 20} are read.")
        self.data, self.bounds, self.shuffle_seed = data, bounds, shuffle_seed
        self._turn = threading.RLock()
        self._running: _Running | None = None
        self._opening: dict[str, Any] | None = None
        self._used_s = time.monotonic()
        with self._turn:
            self.facts = self._start()
        _ALL.add(self)

    @property
    def alive(self) -> bool:
        """Whether a process is held now."""
        return self._running is not None

    def open(self, size: int, channels: int, threads: int) -> dict[str, Any]:
        """Try the graph on noise of this size and say what is inside.

        Raises:
            WeightsError: if it cannot be run.
        """
        with self._turn:
            self._opening = {
                "do": "open", "size": size, "channels": channels, "threads": threads,
                "shuffle_seed": self.shuffle_seed,
            }  # fmt: skip
            header, _ = self._ask(self._opening, {}, self.bounds.start_s)
            return header

    def run(self, images: np.ndarray, names: Sequence[str] = ()) -> dict[str, np.ndarray]:
        """Scores of images [batch channel size size], and the tensors asked for, by name.

        Raises:
            WeightsError: if the process broke a limit; the next call starts it again.
        """
        parts = []
        for start in range(0, len(images), IMAGES_AT_ONCE):
            chunk = np.ascontiguousarray(images[start : start + IMAGES_AT_ONCE], dtype=np.float32)
            _, arrays = self._ask({"do": "run", "names": list(names)}, {"images": chunk}, self.bounds.run_s)
            if any(len(arrays.get(name, ())) != len(chunk) for name in ("scores", *names)):
                raise WeightsError("The graph did not answer for every image.")
            parts.append(arrays)
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def answer(self, embeddings: np.ndarray) -> np.ndarray:
        """Scores from embeddings [batch width]."""
        _, arrays = self._ask({"do": "head"}, {"embeddings": embeddings.astype(np.float32)}, self.bounds.run_s)
        return arrays["scores"]

    def dressed(self, metadata: Mapping[str, str]) -> bytes:
        """The file with other metadata."""
        return self._file({"do": "dress", "metadata": dict(metadata)}, {})

    def mended(self, wanted: Mapping[str, Any], views: bytes, combination: bytes) -> bytes:
        """The file of the graph between views of the image and a combination of its answers.

        Args:
            wanted: facts, as ``e2viz.foreign.worker`` takes them.
            views, combination: ONNX files made here.

        Raises:
            WeightsError: if the graph cannot be brought to a common opset.
        """
        parts = {"views": views, "combination": combination}
        arrays = {name: np.frombuffer(data, dtype=np.uint8) for name, data in parts.items()}
        return self._file({"do": "mend", **wanted}, arrays)

    def canonicalised(self, wanted: Mapping[str, Any], views: bytes, orientation: bytes) -> bytes:
        """The file of the graph behind views of the image and what says which of them stands upright.

        Args:
            wanted: facts, as ``e2viz.foreign.worker`` takes them.
            views, orientation: ONNX files made here.

        Raises:
            WeightsError: if the graph cannot be brought to a common opset.
        """
        parts = {"views": views, "orientation": orientation}
        arrays = {name: np.frombuffer(data, dtype=np.uint8) for name, data in parts.items()}
        return self._file({"do": "canonicalise", **wanted}, arrays)

    def _file(self, request: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
        _, made = self._ask(request, arrays, self.bounds.start_s)
        return made["data"].tobytes()

    def close(self) -> None:
        """End the process; the next call starts another."""
        with self._turn:
            if self._running is not None:
                self._running.end()
                self._running = None

    def close_if_idle(self, idle_s: float = IDLE_S) -> None:
        """End a process that nobody has asked for a while, to give its memory back."""
        if self._turn.acquire(blocking=False):
            try:
                if time.monotonic() - self._used_s > idle_s:
                    self.close()
            finally:
                self._turn.release()

    def _start(self) -> dict[str, Any]:
        # Beyond what memory holds, the one that nobody has asked for the longest time is ended.
        alive = sorted((each for each in list(_ALL) if each.alive and each is not self), key=lambda each: each._used_s)
        for each in alive[: max(0, len(alive) + 1 - memory.share().alive)]:
            each.close_if_idle(0.0)
        self._running = _Running(self.bounds)
        weakref.finalize(self, self._running.end)
        data = np.frombuffer(self.data, dtype=np.uint8)
        header, _ = self._exchange({"do": "read"}, {"data": data}, self.bounds.start_s)
        return header

    def _ask(self, request: Mapping[str, Any], arrays: Mapping[str, np.ndarray], most_s: float) -> tuple:
        with self._turn:
            self._used_s = time.monotonic()
            if self._running is None:
                self._start()
                if self._opening is not None and request is not self._opening:
                    self._exchange(self._opening, {}, self.bounds.start_s)
            try:
                return self._exchange(request, arrays, most_s)
            finally:
                self._used_s = time.monotonic()

    def _exchange(self, request: Mapping[str, Any], arrays: Mapping[str, np.ndarray], most_s: float) -> tuple:
        assert self._running is not None, "a process is started before it is asked"
        deadline_s = time.monotonic() + most_s
        try:
            wire.send(self._running.connection, request, arrays, deadline_s)
            connection, most_bytes = self._running.connection, self.bounds.answer_bytes
            header, held = wire.receive(connection, deadline_s, most_bytes, interrupt.point)
        except TimeoutError:
            self.close()
            raise WeightsError(f"The graph took longer than {most_s:g} s and was ended.") from None
        except wire.Broken:
            self.close()
            raise WeightsError(
                "The graph ended its process: it is broken, or it needs more than the "
                f"{self.bounds.memory_bytes / 2**30:.3g} GB of memory that it may have."
            ) from None
        except BaseException:
            self.close()  # the answer to a request that was given up must not be taken for that to the next
            raise
        if "problem" in header:
            raise WeightsError(str(header["problem"])[:600])
        return header, held


def close_idle() -> None:
    """End the processes that nobody has asked for a while."""
    for each in list(_ALL):
        each.close_if_idle()


def as_safetensors(data: bytes, bounds: Bounds = BOUNDS) -> bytes:
    """A state dict saved by torch as safetensors, converted in a confined process that ends with it.

    Raises:
        WeightsError: if it is refused or breaks a limit, with the reason.
    """
    running = _Running(bounds, "e2viz.foreign.state_worker")
    deadline_s = time.monotonic() + bounds.start_s
    try:
        wire.send(running.connection, {}, {"data": np.frombuffer(data, dtype=np.uint8)}, deadline_s)
        most_bytes = bounds.file_bytes + wire.HEADER_BYTES
        header, held = wire.receive(running.connection, deadline_s, most_bytes, interrupt.point)
    except TimeoutError:
        raise WeightsError(f"The file took longer than {bounds.start_s:g} s to read.") from None
    except wire.Broken:
        raise WeightsError("The file ended the process that read it: it is broken, or it needs too much.") from None
    finally:
        running.end()
    if "problem" in header:
        raise WeightsError(str(header["problem"])[:600])
    return held["data"].tobytes()


class _Running:
    """One confined process and the line to it."""

    def __init__(self, bounds: Bounds, module: str = "e2viz.foreign.worker") -> None:
        ours, theirs = socket.socketpair()
        self.connection = ours
        with theirs:
            words = [str(theirs.fileno()), json.dumps(dataclasses.asdict(bounds))]
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *words],
                pass_fds=[theirs.fileno()], cwd="/", env=_environment(), start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip

    def end(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.close()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=10)


def _environment() -> dict[str, str]:
    """Nothing of the app's own environment but where Python and its libraries lie: no names, no keys."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH", "VIRTUAL_ENV") if name in os.environ}
    paths = [str(_PACKAGE), *(os.path.abspath(each) for each in sys.path if each)]
    return kept | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}


def check_available() -> None:
    """Whether ONNX files can be opened here.

    Raises:
        WeightsError: if the libraries that do it are not installed, with what to do.
    """
    from importlib.util import find_spec

    missing = [name for name in ("onnx", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise WeightsError(f"ONNX files need {' and '.join(missing)}: pip install {' '.join(missing)}.")


__all__ = ["GraphProcess", "Refused", "check_available"]
