"""Record what chosen probes hold during a forward pass, and nothing else.

A recording belongs to the code that opened it: it lives in a context variable, so two threads may run the same
network at once and neither sees the other's tensors. No hooks are set and ``forward`` returns what it always did.
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar

from jaxtyping import Int, Shaped
from torch import Tensor

# One set of query pixels for every attention probe, or one for each by name: their planes differ in size.
Pixels = Int[Tensor, "_ 2"] | Mapping[str, Int[Tensor, "_ 2"]]

_active: ContextVar[Record | None] = ContextVar("e2viz_record", default=None)


class Record(dict[str, Tensor]):
    """What the probes held, by name. A probe that is passed twice keeps the last value.

    Attributes:
        names: the probes that are asked for.
        pixels: query pixels (row, column) for which attention probes give their maps; None asks for all.
    """

    def __init__(self, names: Iterable[str], pixels: Pixels | None) -> None:
        super().__init__()
        self.names = frozenset(names)
        self.pixels = pixels

    def pixels_of(self, name: str) -> Int[Tensor, "_ 2"] | None:
        """The query pixels that one attention probe is asked for."""
        return self.pixels.get(name) if isinstance(self.pixels, Mapping) else self.pixels

    def __missing__(self, name: str) -> Shaped[Tensor, "..."]:
        near = difflib.get_close_matches(name, list(self), n=3, cutoff=0.3)
        raise LookupError(f"nothing was recorded for {name!r}; nearest: {', '.join(near) or 'no probe at all'}")


def active() -> Record | None:
    """The recording that the running code is in, if any. Probes call this."""
    return _active.get()


@contextlib.contextmanager
def record(names: Iterable[str], pixels: Pixels | None = None) -> Iterator[Record]:
    """Within the context, the named probes of any network that runs put their tensors into the record.

    Args:
        names: dotted probe names, as ``e2viz.nn.probe.probes(network)`` lists them.
        pixels: query pixels (row, column) for attention probes, one set for all or one for each by name;
            without them every pixel is kept, which is large for group attention.
    """
    recording = Record(names, pixels)
    token = _active.set(recording)
    try:
        yield recording
    finally:
        _active.reset(token)


@contextlib.contextmanager
def paused() -> Iterator[None]:
    """Within the context no probe records: for a network that runs another one inside, once for each view."""
    token = _active.set(None)
    try:
        yield
    finally:
        _active.reset(token)
