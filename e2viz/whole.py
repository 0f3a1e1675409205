"""Files that appear whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import os
import secrets
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

# What numpy, zip and JSON raise for a file that was cut, overwritten or is something else; a RuntimeError where a
# flipped bit says that it is encrypted, a MemoryError where one makes it huge.
DAMAGE = (OSError, ValueError, LookupError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError, MemoryError)


def write(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Write a file beside its place and move it there once it is whole; what was there stays until then.

    Args:
        path: in a folder that exists.
        fill: writes the content.

    Raises:
        OSError: a full disk, or a folder that cannot be written; nothing is left behind.
    """
    partial = path.with_name(f".{path.name[:80]}.{os.getpid()}-{secrets.token_hex(4)}.partial")
    try:
        with partial.open("wb") as file:
            fill(file)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write these bytes, all or none."""
    write(path, lambda file: file.write(content))
