"""Data sets as small as tests need them."""

import dataclasses

from e2viz.data.data_set import DataSet
from e2viz.data.table import DATA_SETS


def small(size: int = 12, **changes) -> DataSet:
    """Grey images of ten classes."""
    return dataclasses.replace(DATA_SETS["digits"], name="small", size=size, **changes)


PLAIN = dataclasses.replace(DATA_SETS["digits"], name="plain", mean=(0.0,), std=(1.0,))
