"""What a session has computed and may ask for again: one place for all pages, bounded in bytes.

Results lie in the session and go with it. A session forgets what it asked for longest ago when it holds too much, and
so does the whole process, so that thirty people who look at everything do not fill the memory.
"""

import dataclasses
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
import streamlit as st
import torch

from e2viz.ui.computing import compute
from e2viz.ui.gate import Progress

Result = TypeVar("Result")
MOST_RESULTS = 32
SESSION_BYTES = 192 * 2**20
PROCESS_BYTES = 1024 * 2**20
_RESULTS = "_results"
_LOCK = threading.Lock()


@dataclasses.dataclass
class _Kept:
    value: Any
    size: int
    used: float


class Results:
    """The results of one session, by key."""

    def __init__(self) -> None:
        self.kept: dict[str, _Kept] = {}

    @property
    def size(self) -> int:
        """Bytes of all arrays."""
        return sum(each.size for each in self.kept.values())

    def forget_oldest(self) -> None:
        """Drop what was asked for longest ago."""
        self.kept.pop(min(self.kept, key=lambda key: self.kept[key].used))


_ALL: "weakref.WeakSet[Results]" = weakref.WeakSet()


def remembered(key: str, work: Callable[[Progress], Result], *, what: str = "views") -> Result | None:
    """The result of `work`, computed behind the gate once for each key; None when the reader stopped it.

    Args:
        key: everything the result depends on; the same key is the same result.
        work: receives the progress to hand on.
        what: what is counted, in the plural.
    """
    results: Results = st.session_state.setdefault(_RESULTS, Results())
    found = results.kept.get(key)
    if found is not None:
        found.used = time.monotonic()
        return found.value
    made = compute(key, work, what=what)
    if made is not None:
        keep(results, key, made)
    return made


def keep(results: Results, key: str, value: Any) -> None:
    """Put a result into a session's, and let go of the oldest ones that no longer fit."""
    with _LOCK:
        _ALL.add(results)
        results.kept[key] = _Kept(value, size_of(value), time.monotonic())
        while len(results.kept) > 1 and (len(results.kept) > MOST_RESULTS or results.size > SESSION_BYTES):
            results.forget_oldest()
        while sum(each.size for each in _ALL) > PROCESS_BYTES:
            others = [each for each in _ALL if each.kept and (each is not results or len(each.kept) > 1)]
            if not others:
                return
            min(others, key=lambda each: min(kept.used for kept in each.kept.values())).forget_oldest()


def size_of(value: Any, seen: set[int] | None = None) -> int:
    """Bytes of all arrays and tensors that a result holds, each counted once."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return 0
    seen.add(id(value))
    if isinstance(value, np.ndarray | torch.Tensor):
        return int(value.nbytes)
    if isinstance(value, torch.nn.Module):
        return 0  # the catalogue's own
    if isinstance(value, Mapping):
        return sum(size_of(each, seen) for each in value.values())
    if isinstance(value, list | tuple):
        return sum(size_of(each, seen) for each in value)
    if dataclasses.is_dataclass(value):
        return sum(size_of(getattr(value, each.name), seen) for each in dataclasses.fields(value))
    return 0
