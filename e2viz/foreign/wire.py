"""Messages between the app and the confined process: a JSON header and raw arrays. Nothing is ever unpickled."""

from __future__ import annotations

import json
import math
import socket
import struct
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

DTYPES = ("float32", "uint8")
HEADER_BYTES = 64 << 20
LOOK_S = 0.5
"""How often somebody who waits for an answer is asked whether they still do."""
_LENGTH = struct.Struct("<Q")


class Broken(Exception):
    """The other side is gone, or said something that is no message."""


def send(
    connection: socket.socket, header: Mapping[str, Any], arrays: Mapping[str, np.ndarray], deadline_s: float
) -> None:
    """Write one message.

    Args:
        connection: to the other side.
        header: anything that JSON holds.
        arrays: float32 or uint8.
        deadline_s: on the clock of ``time.monotonic``.

    Raises:
        Broken: if the other side is gone.
        TimeoutError: at the deadline.
    """
    described = [{"name": name, "dtype": str(a.dtype), "shape": list(a.shape)} for name, a in arrays.items()]
    text = json.dumps({"header": dict(header), "arrays": described}).encode()
    parts: list[Any] = [_LENGTH.pack(len(text)), text, *(np.ascontiguousarray(array) for array in arrays.values())]
    try:
        for part in parts:
            _until(connection, deadline_s)
            connection.sendall(memoryview(part).cast("B") if np.size(part) else b"")
    except (BrokenPipeError, ConnectionError) as error:
        raise Broken("the process has ended") from error


def receive(
    connection: socket.socket, deadline_s: float, most_bytes: int, waiting: Callable[[], object] = lambda: None
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read one message.

    Args:
        connection: to the other side.
        deadline_s: on the clock of ``time.monotonic``.
        most_bytes: of all arrays together.
        waiting: called every half second until it is all there; it may raise to give up.

    Raises:
        Broken: if the other side is gone or what it says is no message within the bounds.
        TimeoutError: at the deadline.
    """
    (length,) = _LENGTH.unpack(_read(connection, _LENGTH.size, deadline_s, waiting))
    if length > HEADER_BYTES:
        raise Broken(f"a header must have at most {HEADER_BYTES} bytes, got {length}")
    try:
        message = json.loads(bytes(_read(connection, length, deadline_s, waiting)))
        described = [(str(e["name"]), str(e["dtype"]), tuple(map(int, e["shape"]))) for e in message["arrays"]]
        header = dict(message["header"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Broken(f"a header cannot be read: {error}") from error
    if any(dtype not in DTYPES or min(shape, default=0) < 0 for _, dtype, shape in described):
        raise Broken("an array has a type or a shape that is not known")
    sizes = [math.prod(shape) * np.dtype(dtype).itemsize for _, dtype, shape in described]
    if sum(sizes) > most_bytes:
        raise Broken(f"arrays must have at most {most_bytes} bytes, got {sum(sizes)}")
    arrays = {}
    for (name, dtype, shape), size in zip(described, sizes, strict=True):
        arrays[name] = np.frombuffer(_read(connection, size, deadline_s, waiting), dtype).reshape(shape)
    return header, arrays


def _read(
    connection: socket.socket, size: int, deadline_s: float, waiting: Callable[[], object] = lambda: None
) -> bytearray:
    held = bytearray(size)
    view, done = memoryview(held), 0
    while done < size:
        _until(connection, deadline_s, LOOK_S)
        try:
            got = connection.recv_into(view[done:], min(size - done, 1 << 20))
        except TimeoutError:
            waiting()
            continue
        except ConnectionError as error:
            raise Broken("the process has ended") from error
        if not got:
            raise Broken("the process has ended")
        done += got
    return held


def _until(connection: socket.socket, deadline_s: float, most_s: float = math.inf) -> None:
    left_s = deadline_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("the time is up")
    left_s = min(left_s, most_s)
    connection.settimeout(None if math.isinf(left_s) else left_s)
