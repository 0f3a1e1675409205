"""Places inside long work at which it may be stopped, without a word in the signature of every function in between.

Whoever starts the work says what is asked there; probes, sweeps and encoders pass such a place often. A question
belongs to the code that set it: two threads do not hear of each other's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

_question: ContextVar[Callable[[], None] | None] = ContextVar("e2viz_interrupt", default=None)


def point() -> None:
    """Ask whether to go on; the question stops the work by raising. Costs next to nothing where nobody asks."""
    question = _question.get()
    if question is not None:
        question()


@contextlib.contextmanager
def asked(question: Callable[[], None]) -> Iterator[None]:
    """Within the context, every point asks this question."""
    token = _question.set(question)
    try:
        yield
    finally:
        _question.reset(token)
