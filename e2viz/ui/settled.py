"""What stays for the life of the server is not looked through again after every run.

Streamlit would collect garbage when a script ends, in all generations. With the libraries of a network in memory that
takes a twentieth of a second, of which twenty people ask for sixty, and nobody else's page runs meanwhile. So whatever
is there when the second run begins (modules, weights, caches) is set aside, since it stays; and what sessions make is
collected when a script ends, but in a hundredth of the time at most.
"""

import gc
import threading
import time

COLLECTING_SHARE = 0.01
"""Of the time, at most, for collecting what sessions leave."""
_LOCK = threading.Lock()
_runs = 0
_next_s = 0.0


def settle() -> None:
    """Called at the beginning of each run; acts once, in the second."""
    global _runs
    if _runs >= 2:
        return
    with _LOCK:
        _runs += 1
        if _runs == 2:
            gc.collect()
            gc.freeze()


def tidy() -> None:
    """Called at the end of each run; collects what sessions have left, unless that was done not long ago."""
    global _next_s
    if time.monotonic() < _next_s or not _LOCK.acquire(blocking=False):
        return
    try:
        started_s = time.monotonic()
        gc.collect()
        ended_s = time.monotonic()
        _next_s = ended_s + (ended_s - started_s) / COLLECTING_SHARE
    finally:
        _LOCK.release()
