"""What stays for the life of the server is not looked through again after every run.

Streamlit collects garbage when a script ends, in all generations. With the libraries of a network in memory that takes
long, and nobody else's page runs meanwhile. Whatever is there when the second run begins (modules, weights,
caches) stays, so it is set aside; what sessions make is collected as before.
"""

import gc
import threading

_LOCK = threading.Lock()
_runs = 0


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
