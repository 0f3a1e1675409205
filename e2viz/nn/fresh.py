"""Fresh weights that are the same for the same seed, however many threads make networks at once.

torch draws for all threads from one generator, so networks are made by one thread at a time.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import torch

_DRAWING = threading.RLock()


@contextlib.contextmanager
def drawing(seed: int | None = None) -> Iterator[None]:
    """Within the context, this thread alone makes networks.

    Args:
        seed: of their weights; torch's generator is left as it was. None draws from it as it stands.
    """
    with _DRAWING:
        if seed is None:
            yield
            return
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
