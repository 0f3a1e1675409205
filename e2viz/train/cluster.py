"""The same evaluation on many machines: parts go to the workers of a Dask cluster, answers come back as they are ready.

Whatever a worker was given, Dask gives to another when it is lost: the weights and the pictures of a part travel with
its task, so that nothing has to be on a worker beforehand but e2viz itself.
"""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from e2viz.data.protocol import Split
from e2viz.train.over_angles import Answers, Mapper, Work
from e2viz.zoo.weights import Model

LOCAL = "local"
# How often one part may take a worker down with it before it is given up.
ALLOWED_FAILURES = 5


@contextlib.contextmanager
def workers(scheduler: str, processes: int | None = None) -> Iterator[Mapper]:
    """A mapper that computes parts on the workers of a cluster, which is left as it was found.

    Args:
        scheduler: its address, "tcp://host:8786"; or "local", which starts workers on this machine and stops them.
        processes: how many of these; one a core when not given.

    Raises:
        ValueError: if Dask is not installed.
        OSError: if no scheduler answers at the address.
    """
    try:
        import dask
        from dask.distributed import Client, LocalCluster
    except ImportError as error:
        raise ValueError("a scheduler needs Dask: pip install dask distributed") from error
    with contextlib.ExitStack() as stack:
        stack.enter_context(dask.config.set({"distributed.scheduler.allowed-failures": ALLOWED_FAILURES}))
        address: Any = scheduler
        if scheduler == LOCAL:
            address = stack.enter_context(
                LocalCluster(n_workers=processes, threads_per_worker=1, processes=True, dashboard_address=None)
            )
        client = stack.enter_context(Client(address, timeout="20s"))
        yield lambda *arguments: _computed(client, *arguments)


def _computed(
    client: Any, work: Work, model: Model, parts: Mapping[int, Split], angles_deg: Float[np.ndarray, " angle"]
) -> Iterator[tuple[int, Answers]]:
    """The answers of each part as they come; what is not needed any more is called off."""
    from dask.distributed import as_completed

    opened = client.submit(_opened, pickle.dumps(model))
    futures = {
        client.submit(_worked, work, opened, pickle.dumps(part), angles_deg, retries=2, pure=False): number
        for number, part in parts.items()
    }
    try:
        for future in as_completed(futures):
            yield futures[future], future.result()
            future.release()
    finally:
        client.cancel([*futures, opened])


def _opened(data: bytes) -> Model:
    """The model on a worker, once for all its parts; each worker has one core."""
    torch.set_num_threads(1)
    return pickle.loads(data)


def _worked(work: Work, model: Model, part: bytes, angles_deg: Float[np.ndarray, " angle"]) -> Answers:
    return work(model, pickle.loads(part), angles_deg)
